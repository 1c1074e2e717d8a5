import type { ReadableShard } from '../src/ann/shard/readable-shard.ts';
import type { WideFilter } from '../src/ann/filter/shard-selections.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { Steps } from '../src/kernel/stepped-work.ts';
import { paced } from './shard-resources.ts';

/** Says what a shard is asked in one step. */
export type Ask = <T>(ask: () => T) => T;

/**
 * Asks a shard again once a filter that was too wide for one step has been read in steps, others in between. `attempt`: asks it by `answer`,
 * once or step by step. [V211]
 */
export async function answeredInSteps<T>(
  shard: ReadableShard,
  attempt: (answer: Ask) => Outcome<T> | Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  for (let attempts = 1; ; attempts += 1) {
    let wide: WideFilter | undefined;
    const outcome = await attempt((ask) => {
      const answered = ask();
      // At once: another call may note another one before the next step.
      wide ??= shard.takeWideFilter();
      return answered;
    });
    if (wide === undefined || attempts > INDEX_LIMITS.filterAttemptsMaxCount) return outcome;
    await shard.selectInSteps(wide, () => scheduler.wait(0));
  }
}

/** What a read comes to that begins at once and goes on in steps, with turns of others in between. */
export async function readInSteps<T>(
  answer: Ask,
  begin: () => Outcome<Steps<Outcome<T>>>,
  budgetMs: number | undefined,
): Promise<Outcome<T>> {
  const begun = answer(begin);
  return begun.ok ? paced(stepsOf(answer, begun.value), budgetMs) : begun;
}

function* stepsOf<T>(answer: Ask, steps: Steps<T>): Steps<T> {
  for (;;) {
    const { done, value } = answer(() => steps.next());
    if (done === true) return value;
    yield undefined;
  }
}

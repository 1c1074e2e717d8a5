import type { ReadableShard } from '../src/ann/shard/readable-shard.ts';
import type { WideFilter } from '../src/ann/filter/shard-selections.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';

/**
 * Asks a shard again once a filter that was too wide for one step has been read in steps, others in between. `attempt`: asks it by `answer`,
 * which says what the shard is asked: for what is
 * answered, or for what comes to that. [V211]
 */
export async function answeredInSteps<Asked, Answered = Asked>(
  shard: ReadableShard,
  attempt: (answer: (ask: () => Outcome<Asked>) => Outcome<Asked>) => Promise<Outcome<Answered>>,
): Promise<Outcome<Answered>> {
  for (let attempts = 1; ; attempts += 1) {
    let wide: WideFilter | undefined;
    const outcome = await attempt((ask) => {
      const answered = ask();
      wide = shard.takeWideFilter();
      return answered;
    });
    if (wide === undefined || attempts > INDEX_LIMITS.filterAttemptsMaxCount) return outcome;
    await shard.selectInSteps(wide, () => scheduler.wait(0));
  }
}

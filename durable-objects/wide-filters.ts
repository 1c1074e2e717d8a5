import type { ReadableShard } from '../src/ann/shard/readable-shard.ts';
import type { WideFilter } from '../src/ann/filter/shard-selections.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';

/**
 * Asks a shard again once a filter that was too wide for one step has been read in steps, others in between. `attempt`: asks it by `answer`,
 * which says what the shard is asked. [V211]
 */
export async function answeredInSteps<T>(
  shard: ReadableShard,
  attempt: (answer: (ask: () => Outcome<T>) => Outcome<T>) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
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

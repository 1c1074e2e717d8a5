import { INDEX_LIMITS } from '../contract/indexes/index-limits.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import type { ShardMatches, ShardQuery } from './shard-protocol.ts';

/**
 * Several searches that came in one call, each with an outcome of its own. A few of them at a time wait in the object's read queue, so that
 * reads of other callers do not wait behind all of them. Each has what is left of its time.
 */
export async function searchInTurns(
  queries: readonly ShardQuery[],
  nowMs: () => number,
  search: (query: ShardQuery) => Promise<Outcome<ShardMatches>>,
): Promise<Outcome<ShardMatches>[]> {
  const startedMs = nowMs();
  const size = INDEX_LIMITS.batchSearchesQueuedCount;
  const answers: Outcome<ShardMatches>[] = [];
  for (let done = 0; done < queries.length; done += size) {
    const passedMs = nowMs() - startedMs;
    const turn = queries
      .slice(done, done + size)
      .map(({ budgetMs, ...query }) => search(budgetMs === undefined ? query : { ...query, budgetMs: Math.max(0, budgetMs - passedMs) }));
    answers.push(...(await Promise.all(turn)));
  }
  return answers;
}

import { expect, it } from 'vitest';

import { searchInTurns } from '../../../src/ann/search-in-turns.ts';
import type { ShardMatches, ShardQuery } from '../../../src/ann/shard-protocol.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';

it('[V191] searches of one call wait a few at a time, and each has what is left of its time', async () => {
  const size = INDEX_LIMITS.batchSearchesQueuedCount;
  const queries = Array.from({ length: 2 * size + 1 }, (_, topK) => ({ topK, budgetMs: 50 }) as ShardQuery);
  let [nowMs, waiting] = [1_000, 0];
  const seen: { readonly waiting: number; readonly budgetMs: number | undefined }[] = [];
  const search = async ({ topK, budgetMs }: ShardQuery): Promise<Outcome<ShardMatches>> => {
    waiting += 1;
    seen.push({ waiting, budgetMs });
    await Promise.resolve();
    if (topK % size === size - 1) [waiting, nowMs] = [0, nowMs + 30];
    return topK === 3 ? refuse('overloaded', 'too many') : ok({ ids: [String(topK)] } as unknown as ShardMatches);
  };
  const answers = await searchInTurns(queries, () => nowMs, search);
  expect(answers.map((answer) => (answer.ok ? Number(answer.value.ids[0]) : answer.error.code))).toEqual(
    queries.map(({ topK }) => (topK === 3 ? 'overloaded' : topK)),
  );
  expect(Math.max(...seen.map((each) => each.waiting))).toBe(size);
  expect(new Set(seen.map(({ budgetMs }) => budgetMs)).size).toBe(3);
  expect(seen.at(-1)?.budgetMs).toBe(0);
  const [unbounded] = await searchInTurns(
    [{ topK: 1 } as ShardQuery],
    () => nowMs,
    async (query) => (expect(query).not.toHaveProperty('budgetMs'), search(query)),
  );
  expect(unbounded?.ok).toBe(true);
});

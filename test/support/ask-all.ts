import { mergeAnswers } from '../../src/ann/fan-out/merge-answers.ts';
import type { PartAnswer } from '../../src/ann/fan-out/merge-answers.ts';
import type { ShardMatches, ShardQuery } from '../../src/ann/shard-protocol.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { allOf } from '../../src/gateway/growth/all-of.ts';
import type { GroupSearch } from '../../src/gateway/growth/routed-search.ts';
import { ok } from '../../src/kernel/result.ts';

/** Asks shards all at once and waits for all, without deadlines or replicas. */
export const askAll = (ask: (ordinal: number, query: ShardQuery) => Promise<Outcome<ShardMatches>>): GroupSearch => ({
  search: async ({ manifest, shards, query }) => {
    const answers = await allOf(shards.map((ordinal) => ask(ordinal, query)));
    if (!answers.ok) return answers;
    const parts = answers.value.map((answer, i): PartAnswer => ({ ...answer, shards: answer.ids.map(() => shards[i]!), isOld: false }));
    return ok(mergeAnswers(manifest.metric, manifest.dimensions, parts, query));
  },
});

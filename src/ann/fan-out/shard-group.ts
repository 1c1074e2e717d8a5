import type { Outcome } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { ReadConsistency } from '../replication/read-consistency.ts';
import type { ShardQuery } from '../shard-protocol.ts';
import type { PartAnswer } from './merge-answers.ts';
import { mergeAnswers } from './merge-answers.ts';
import type { ShardReads } from './shard-reads.ts';

/** Asks a group of an index's shards for what they find together. */
export interface GroupQuery {
  readonly manifest: IndexManifest;
  readonly shards: readonly number[];
  readonly query: ShardQuery;
  readonly consistency: ReadConsistency;
  /** How long it may take: clocks of different machines differ. */
  readonly budgetMs: number;
}

/** Asks the shards of a group all at once and merges what they answer. Refuses as a fan-out does. */
export async function searchGroup(
  reads: ShardReads,
  { manifest, shards, query, consistency, budgetMs }: GroupQuery,
): Promise<Outcome<PartAnswer>> {
  const gathered = await reads.gather(manifest, shards, query, { consistency, deadlineMs: reads.nowMs + budgetMs });
  if (!gathered.ok) return gathered;
  const { answers, missing } = gathered.value;
  const parts = answers.map(({ shard, value: { member, answer } }): PartAnswer => ({
    ...answer,
    shards: answer.ids.map(() => shard),
    isOld: member.replica !== null,
  }));
  const merged = mergeAnswers(manifest.metric, manifest.dimensions, parts, query);
  return ok(missing.length === 0 ? merged : { ...merged, missing: [...missing, ...(merged.missing ?? [])] });
}

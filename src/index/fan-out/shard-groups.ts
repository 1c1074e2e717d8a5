import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { FanOut } from './fan-out.ts';

/** Some of an index's shards, which are asked together. */
export interface ShardGroup {
  readonly manifest: IndexManifest;
  readonly shards: readonly number[];
  readonly consistency: ReadConsistency;
  /** How long it may take: clocks of different machines differ. */
  readonly budgetMs: number;
}

/** An answer that may lack some shards. */
interface PartialAnswer {
  readonly missing?: readonly number[];
}

/**
 * Asks aggregators for groups of some shards, all at once, and merges what they answer. `columnsBytesMax`: what a group may include, so
 * that all together include no more than one answer may.
 */
export async function askInGroups<Query extends ShardGroup, T extends PartialAnswer>(
  { nowMs, fanOut }: { readonly nowMs: number; readonly fanOut: FanOut },
  query: Query,
  ask: (group: Query, columnsBytesMax: number) => Promise<Outcome<T>>,
  merge: (answers: readonly T[]) => T,
): Promise<Outcome<T>> {
  const { shards, budgetMs } = query;
  const size = Math.max(VECTOR_LIMITS.fanOutShardsMaxCount, Math.ceil(shards.length / VECTOR_LIMITS.fanOutGroupsMaxCount));
  const groups = Array.from({ length: Math.ceil(shards.length / size) }, (_, i) => shards.slice(i * size, (i + 1) * size));
  const columnsBytesMax = Math.floor(VECTOR_LIMITS.fanOutReplyBytesMax / groups.length);
  const leaves = groups.map((members, at) => ({
    shard: at,
    ask: () => ask({ ...query, shards: members, budgetMs: budgetMs - VECTOR_LIMITS.fanOutGroupMarginMs }, columnsBytesMax),
  }));
  const gathered = await fanOut.gather(leaves, nowMs + budgetMs);
  if (!gathered.ok) return gathered;
  const { answers, missing } = gathered.value;
  const merged = merge(answers.map(({ value }) => value));
  const unheard = missing.flatMap((at) => groups[at] ?? []);
  return ok(withMissing(merged, unheard));
}

/** An answer, and the shards that have no part in it besides those that it names. */
export const withMissing = <T extends PartialAnswer>(answer: T, missing: readonly number[]): T =>
  missing.length === 0 ? answer : { ...answer, missing: [...missing, ...(answer.missing ?? [])] };

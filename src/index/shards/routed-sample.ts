import type { IndexManifest } from '../index-manifest.ts';
import type { RoutingSummary } from '../routing/routing-summary.ts';
import type { SampledIds, ShardSample } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { allOf } from './all-of.ts';
import type { ShardCalls } from './shard-calls.ts';

/**
 * Ids drawn over all shards: each shard draws, and contributes as many as its share of the vectors. An id with a spilled copy is equally
 * likely from either shard, and comes once.
 */
export async function drawSample(
  shards: ShardCalls,
  manifest: IndexManifest,
  { version: routeVersion, shards: members }: Pick<RoutingSummary, 'version' | 'shards'>,
  asked: ShardSample,
): Promise<Outcome<SampledIds>> {
  const drawn = await allOf(members.map(({ ordinal }) => shards.sample(manifest, ordinal, { ...asked, routeVersion })));
  if (!drawn.ok) return drawn;
  const total = drawn.value.reduce((sum, { of = 0 }) => sum + of, 0);
  const shares = drawn.value.map(({ ids, of = 0 }) => ids.slice(0, Math.ceil((asked.count * of) / Math.max(1, total))));
  const lsn = drawn.value.reduce((most, answer) => Math.max(most, answer.lsn), 0);
  const longest = Math.max(0, ...shares.map((ids) => ids.length));
  // In turns, so that the last shard does not lose its share.
  const inTurns = Array.from({ length: longest }, (_, turn) => shares.flatMap((ids) => ids[turn] ?? [])).flat();
  return ok({ ids: [...new Set(inTurns)].slice(0, asked.count), lsn });
}

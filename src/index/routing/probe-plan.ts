import type { RankedShard } from './router.ts';
import type { RoutingSummary } from './routing-summary.ts';
import { holdsSlot } from './slot-range.ts';

/** Shards that a query asks at once for ids of one slot, at most: 16 of 256 hold 0.95 of the true nearest, 24 hold 0.97. */
export const PROBES_MAX = 16;

/**
 * The shards that a query asks first: for ids of each slot the nearest, and those not much farther away. Where shards are as near as
 * each other all may matter; where one is much nearer than the rest, it holds what the query is after.
 */
export function probesOf(ranked: readonly RankedShard[], reach: number, probesMax = PROBES_MAX): RankedShard[] {
  // Between two of the bounds, all ids are held by the same shards.
  const bounds = new Set(ranked.flatMap(({ slots }) => [slots.from, slots.to]));
  const probed = new Set(
    [...bounds].flatMap((slot) =>
      probesAmong(
        ranked.filter(({ slots }) => holdsSlot(slots, slot)),
        reach,
        probesMax,
      ),
    ),
  );
  return ranked.filter((shard) => probed.has(shard));
}

function probesAmong(ranked: readonly RankedShard[], reach: number, probesMax: number): RankedShard[] {
  const [nearest] = ranked;
  if (nearest === undefined) return [];
  const limit = nearest.distance >= 0 ? nearest.distance * reach : nearest.distance / reach;
  return ranked.slice(0, probesMax).filter(({ distance }, place) => place < PROBES_MIN || distance <= limit);
}

/** Below, a query near a corner of regions would miss too much, whatever the distances. */
const PROBES_MIN = 3;

/** Squared distances beyond so many times the nearest are not probed: see `npm run bench -- routing`. */
export const PROBE_REACH = 1.6;

/** The shards, and those whose vectors may still be moving to one of them. */
export function withSources({ shards }: Pick<RoutingSummary, 'shards'>, probed: readonly number[]): number[] {
  const asked = new Set(probed);
  for (const { ordinal, state } of shards)
    if (state.kind === 'draining' && state.into.some((target) => asked.has(target))) asked.add(ordinal);
  return [...asked];
}

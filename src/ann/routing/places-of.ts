import type { RankedShard } from './router.ts';

/**
 * The shards that keep a vector, given all that hold its id, by nearness: the nearest, which is its own, and the next one if the vector lies so
 * close to the border that a query on the other side may want it.
 */
export function placesOf(ranked: readonly Pick<RankedShard, 'ordinal' | 'distance'>[], closure: number): number[] {
  const [nearest, next] = ranked;
  if (nearest === undefined) return [];
  const isNearBorder = next !== undefined && next.distance <= closure * nearest.distance;
  return isNearBorder ? [nearest.ordinal, next.ordinal] : [nearest.ordinal];
}

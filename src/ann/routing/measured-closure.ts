import { shardAt } from './route-changes.ts';
import type { CentroidRows, RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { Router } from './router.ts';

/** The share of a shard's vectors that get a second place at its split. Copies of earlier splits stay: in all, some 0.6 of them have one. */
const COPIED_SHARE = 0.12;

/** No vector is near a border that is more than this much farther than its own centroid. */
const CLOSURE_MAX = 1.5;

/** Vectors looked at: their ranks tell the share to a few percent. */
const LOOKED_AT = 256;

/** The closure that gives `COPIED_SHARE` of some vectors of a shard a second place, once it is split in these halves. */
export function measuredClosure(
  table: RouteTable,
  ordinal: number,
  [kept, given]: readonly [CentroidRows, CentroidRows],
  values: Float32Array,
): number {
  const { metric, dimensions } = table;
  const own = shardAt(table, ordinal);
  if (own === undefined || values.length === 0) return table.closure;
  const others = table.shards.filter((shard) => shard !== own);
  const halves = [
    { ...own, centroids: kept },
    { ...own, ordinal: table.highest + 1, centroids: given },
  ];
  const router = new Router({ metric, dimensions, shards: [...others, ...halves] });
  const { from: slot } = slotsOf(own);
  const stride = Math.max(1, Math.floor(values.length / dimensions / LOOKED_AT)) * dimensions;
  const ratios: number[] = [];
  for (let at = 0; at < values.length; at += stride) {
    const [nearest, next] = router.rankForPlacing(values.subarray(at, at + dimensions), slot);
    if (nearest !== undefined && next !== undefined) ratios.push(nearest.distance === 0 ? Infinity : next.distance / nearest.distance);
  }
  ratios.sort((a, b) => a - b);
  return Math.min(CLOSURE_MAX, ratios[Math.floor(ratios.length * COPIED_SHARE)] ?? table.closure);
}

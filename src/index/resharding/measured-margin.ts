import { spillExcess } from '../routing/places-of.ts';
import { PROBES_MAX } from '../routing/probe-plan.ts';
import { shardAt } from '../routing/route-changes.ts';
import type { CentroidRows, RouteTable } from '../routing/route-table.ts';
import { slotsOf } from '../routing/route-table.ts';
import { Router } from '../routing/router.ts';
import { vectorsOfStep } from './vectors-of-step.ts';

/**
 * The share of a region's vectors that get a spilled copy, and the number of shards from which on they do; 0.57 of all have one then. With
 * few shards a query asks most of them anyway.
 */
const SPILLED_SHARE = 0.52;
const SPILLED_FROM = 8 * PROBES_MAX;

/** Vectors sampled: their ranks estimate the share to a few percent. */
const LOOKED_AT = 256;

/**
 * The spill threshold at which the wanted share of a shard's vectors get a spilled copy, once it is split into these halves; undefined
 * while no copies are wanted.
 */
export function* measuredMargin(
  table: RouteTable,
  ordinal: number,
  [kept, given]: readonly [CentroidRows, CentroidRows],
  values: Float32Array,
): Generator<undefined, number | undefined> {
  const { metric, dimensions } = table;
  const own = shardAt(table, ordinal);
  // The table may be of the shards around alone; few ordinals are of shards that are no more.
  const share = spilledShare(table.highest + 1);
  if (own === undefined || share === 0) return undefined;
  const others = table.shards.filter((shard) => shard !== own);
  const halves = [
    { ...own, centroids: kept },
    { ...own, ordinal: table.highest + 1, centroids: given },
  ];
  const router = new Router({ metric, dimensions, shards: [...others, ...halves] });
  const { from: slot } = slotsOf(own);
  const stride = Math.max(1, Math.floor(values.length / dimensions / LOOKED_AT)) * dimensions;
  const stepVectors = vectorsOfStep(table.shards.length + 1, dimensions);
  const excesses: number[] = [];
  for (let at = 0; at < values.length; at += stride) {
    excesses.push(spillExcess(router.placings(values.subarray(at, at + dimensions), slot)));
    if (excesses.length % stepVectors === 0) yield;
  }
  excesses.sort((a, b) => a - b);
  return excesses[Math.floor(excesses.length * share)];
}

/** None as long as a query asks all shards, then more with each doubling. */
function spilledShare(shards: number): number {
  const doublings = Math.log2(shards / PROBES_MAX) / Math.log2(SPILLED_FROM / PROBES_MAX);
  return SPILLED_SHARE * Math.max(0, Math.min(1, doublings));
}

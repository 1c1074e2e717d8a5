import { membersOf } from './districts.ts';
import { nearestShards } from './nearest-shards.ts';
import { OutlineRouter } from './outline-router.ts';
import { decodeCentroids } from './centroid-rows.ts';
import { shardAt } from './route-changes.ts';
import { outlineOf } from './route-outline.ts';
import type { RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { holdsSlot } from './slot-range.ts';

/** Shards around one that vectors near its border may belong to. */
export const AROUND = 24;

/** A table of one shard and those around it that hold the first of its ids: what is to be known for splitting it. */
export function tableAround(table: RouteTable, ordinal: number): RouteTable {
  const own = shardAt(table, ordinal);
  if (own === undefined) return { ...table, shards: [] };
  const { dimensions } = table;
  const { from: slot } = slotsOf(own);
  const router = new OutlineRouter(outlineOf(table));
  const centroids = new Float32Array(own.centroids.codes.length);
  decodeCentroids(own.centroids, dimensions, centroids, 0);
  const districts = new Set<number>();
  for (let at = 0; at < centroids.length; at += dimensions) {
    for (const district of router.districtsForPlacing(centroids.subarray(at, at + dimensions), slot)) districts.add(district);
  }
  const members = membersOf(table);
  const near = [...districts].flatMap((district) => members.get(district) ?? []);
  const others = near.filter((shard) => shard !== own && holdsSlot(slotsOf(shard), slot));
  const nearest = new Set(nearestShards(own, others, table).slice(0, AROUND));
  return { ...table, shards: table.shards.filter((shard) => shard === own || nearest.has(shard.ordinal)), districts: [] };
}

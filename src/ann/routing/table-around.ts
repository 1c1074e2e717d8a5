import { nearestShards } from './nearest-shards.ts';
import { shardAt } from './route-changes.ts';
import type { RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { shardsNear } from './shards-near.ts';

/** Shards around one that vectors near its border may belong to. */
const AROUND = 24;

/** A table of one shard and those around it that hold the first of its ids: what is to be known for splitting it. */
export function tableAround(table: RouteTable, ordinal: number): RouteTable {
  const own = shardAt(table, ordinal);
  if (own === undefined) return { ...table, shards: [], districts: [] };
  const near = shardsNear(table, own, slotsOf(own).from);
  const nearest = new Set(nearestShards(own, near, table).slice(0, AROUND));
  return { ...table, shards: table.shards.filter((shard) => shard === own || nearest.has(shard.ordinal)), districts: [] };
}

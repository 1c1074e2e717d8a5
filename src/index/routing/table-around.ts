import { shardAt } from './route-changes.ts';
import type { RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { shardsNear } from './shards-near.ts';

/** A table of one shard and the neighbours that hold the first of its ids: what splitting it requires. */
export function tableAround(table: RouteTable, ordinal: number): RouteTable {
  const own = shardAt(table, ordinal);
  if (own === undefined) return { ...table, shards: [], districts: [] };
  const near = new Set(shardsNear(table, own, slotsOf(own).from));
  return { ...table, shards: table.shards.filter((shard) => shard === own || near.has(shard)), districts: [] };
}

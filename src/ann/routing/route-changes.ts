import { assert, must } from '../../kernel/assert.ts';
import { encodeCentroids } from './centroid-rows.ts';
import type { CentroidRows, RoutedShard, RouteTable } from './route-table.ts';

/** The transitions of a route table. Each raises the version by one. */

const SERVING = { kind: 'serving' } as const;

export const shardAt = ({ shards }: RouteTable, ordinal: number): RoutedShard | undefined =>
  shards.find((shard) => shard.ordinal === ordinal);

/** Whether rows are being moved from the shard or to it. */
export const isInvolved = ({ shards }: RouteTable, ordinal: number): boolean =>
  shards.some(({ ordinal: other, state }) => state.kind === 'draining' && (other === ordinal || state.into.includes(ordinal)));

/** The only shard becomes one of several, so far alone: wherever its one centroid is, everything is nearest to it. */
export function withLocators(table: RouteTable): RouteTable {
  assert(table.version === 0 && table.locators > 0, 'an index gets its locators once');
  const centroids = encodeCentroids(new Float32Array(table.dimensions), table.dimensions);
  return { ...table, version: 1, shards: [{ ordinal: 0, since: 1, centroids, state: SERVING, replicas: [] }] };
}

/** How the regions of a table change: a shard loses all or some of its own to others. */
export type RouteChange =
  /** It keeps the first half; a new shard owns the second. */
  | {
      readonly kind: 'split';
      readonly ordinal: number;
      readonly halves: readonly [CentroidRows, CentroidRows];
      /** As measured in this region. */
      readonly closure: number;
    }
  /** It is given up: its vectors go to the nearest of some others. */
  | { readonly kind: 'merge'; readonly ordinal: number; readonly into: readonly number[] };

export function changed(table: RouteTable, change: RouteChange): RouteTable {
  const since = table.version + 1;
  const target = table.highest + 1;
  const isSplit = change.kind === 'split';
  const centroids = isSplit ? change.halves[0] : encodeCentroids(new Float32Array(0), table.dimensions);
  const state = { kind: 'draining', into: isSplit ? [target] : change.into } as const;
  const shards = table.shards.map((shard): RoutedShard =>
    shard.ordinal === change.ordinal ? { ...shard, since, centroids, state } : shard,
  );
  if (!isSplit) return { ...table, version: since, shards };
  const added: RoutedShard = { ordinal: target, since, centroids: change.halves[1], state: SERVING, replicas: [] };
  const closure = table.closure + (change.closure - table.closure) / Math.min(shards.length, CLOSURE_MEMORY);
  return { ...table, version: since, highest: target, closure, shards: [...shards, added] };
}

/** Measurements that the closure is about the mean of. */
const CLOSURE_MEMORY = 8;

/** Ends the draining of a shard: it serves its region, or is gone if it has none. */
export function withDrainEnded(table: RouteTable, ordinal: number): RouteTable {
  const drained = must(shardAt(table, ordinal), 'a shard that drains is in the table');
  const rest = table.shards.filter((shard) => shard !== drained);
  const shards = drained.centroids.scales.length === 0 ? rest : [...rest, { ...drained, state: SERVING }];
  return { ...table, version: table.version + 1, shards: shards.sort((a, b) => a.ordinal - b.ordinal) };
}

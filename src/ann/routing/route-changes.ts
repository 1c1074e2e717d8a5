import { assert, must } from '../../kernel/assert.ts';
import { encodeCentroids } from './centroid-rows.ts';
import type { CentroidRows, RoutedShard, RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { halvesOf, holdsSlots, joined } from './slot-range.ts';

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
  /** It keeps half of its ids; a new shard owns the same region for the other half. */
  | { readonly kind: 'share'; readonly ordinal: number }
  /** It is given up: its vectors go to the nearest of some others, which from then on hold its ids, too. */
  | { readonly kind: 'merge'; readonly ordinal: number; readonly into: readonly number[] };

type Merge = Extract<RouteChange, { kind: 'merge' }>;
type Division = Exclude<RouteChange, Merge>;

export function changed(table: RouteTable, change: RouteChange): RouteTable {
  return change.kind === 'merge' ? merged(table, change) : divided(table, change);
}

function merged(table: RouteTable, { ordinal, into }: Merge): RouteTable {
  const since = table.version + 1;
  const given = must(shardAt(table, ordinal), 'a shard that is given up is in the table');
  const shards = table.shards.map((shard): RoutedShard => {
    const slots = slotsOf(shard);
    if (shard === given) return { ...shard, since, centroids: noCentroids(table), state: { kind: 'draining', into } };
    const isTakingOver = into.includes(shard.ordinal) && !holdsSlots(slots, slotsOf(given));
    return isTakingOver ? { ...shard, slots: joined(slots, slotsOf(given)) } : shard;
  });
  return { ...table, version: since, shards };
}

function divided(table: RouteTable, change: Division): RouteTable {
  const since = table.version + 1;
  const highest = table.highest + 1;
  const source = must(shardAt(table, change.ordinal), 'a shard that is divided is in the table');
  const [kept, given] = halvesBy(change, source);
  const added: RoutedShard = { ...source, ...given, ordinal: highest, since, state: SERVING, replicas: [] };
  const shards = table.shards.map((shard): RoutedShard =>
    shard === source ? { ...shard, ...kept, since, state: { kind: 'draining', into: [highest] } } : shard,
  );
  const measured = change.kind === 'split' ? change.closure : table.closure;
  const closure = table.closure + (measured - table.closure) / Math.min(shards.length, CLOSURE_MEMORY);
  return { ...table, version: since, highest, closure, shards: [...shards, added] };
}

type Half = Pick<RoutedShard, 'centroids' | 'slots'>;

function halvesBy(change: Division, source: RoutedShard): readonly [Half, Half] {
  const { centroids } = source;
  const slots = slotsOf(source);
  if (change.kind === 'split')
    return [
      { centroids: change.halves[0], slots },
      { centroids: change.halves[1], slots },
    ];
  const [kept, given] = halvesOf(slots);
  return [
    { centroids, slots: kept },
    { centroids, slots: given },
  ];
}

const noCentroids = ({ dimensions }: RouteTable): CentroidRows => encodeCentroids(new Float32Array(0), dimensions);

/** Measurements that the closure is about the mean of. */
const CLOSURE_MEMORY = 8;

/** Ends the draining of a shard: it serves its region, or is gone if it has none. */
export function withDrainEnded(table: RouteTable, ordinal: number): RouteTable {
  const drained = must(shardAt(table, ordinal), 'a shard that drains is in the table');
  const rest = table.shards.filter((shard) => shard !== drained);
  const shards = drained.centroids.scales.length === 0 ? rest : [...rest, { ...drained, state: SERVING }];
  return { ...table, version: table.version + 1, shards: shards.sort((a, b) => a.ordinal - b.ordinal) };
}

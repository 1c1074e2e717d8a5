import { assert, must } from '../../kernel/assert.ts';
import { encodeCentroids } from './centroids.ts';
import type { CentroidRows, RoutedShard, RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { halvesOf, holdsSlots, joined } from './slot-range.ts';

/** The transitions of a route table. Each raises the version by one. */

export const SERVING = { kind: 'serving' } as const;

export const shardAt = ({ shards }: RouteTable, ordinal: number): RoutedShard | undefined =>
  shards.find((shard) => shard.ordinal === ordinal);

/**
 * Whether the shard gives rows away, or takes over a part of another's region. A shard that only receives rows of one that is rebalanced
 * may change.
 */
export const isInvolved = ({ shards }: RouteTable, ordinal: number): boolean =>
  shards.some(({ ordinal: other, state }) => {
    if (other === ordinal) return state.kind !== 'serving';
    return state.kind === 'draining' && state.into.includes(ordinal);
  });

/** The only shard becomes one of several, so far alone: wherever its one centroid is, everything is nearest to it. */
export function withLocators(table: RouteTable): RouteTable {
  assert(table.version === 0 && table.locators > 0, 'an index gets its locators once');
  const centroids = encodeCentroids(new Float32Array(table.dimensions), table.dimensions);
  return { ...table, version: 1, shards: [{ ordinal: 0, since: 1, centroids, state: SERVING, replicas: [] }] };
}

/** How a table changes: a shard loses all or some of its region to others, or only vectors. */
export type RouteChange =
  /** It keeps the first half; a new shard owns the second. */
  | {
      readonly kind: 'split';
      readonly ordinal: number;
      readonly halves: readonly [CentroidRows, CentroidRows];
      /** As measured in this region; undefined without a measurement. */
      readonly margin: number | undefined;
    }
  /** It keeps half of its ids; a new shard owns the same region for the other half. */
  | { readonly kind: 'share'; readonly ordinal: number }
  /** It is given up: its vectors go to the nearest of some others, which from then on hold its ids, too. */
  | { readonly kind: 'merge'; readonly ordinal: number; readonly into: readonly number[] }
  /** It hands vectors to those around it that would be put there by the regions as they are. */
  | { readonly kind: 'tidy'; readonly ordinal: number; readonly into: readonly number[] };

type Merge = Extract<RouteChange, { kind: 'merge' }>;
type Tidy = Extract<RouteChange, { kind: 'tidy' }>;
type Division = Exclude<RouteChange, Merge | Tidy>;

export function changed(table: RouteTable, change: RouteChange): RouteTable {
  switch (change.kind) {
    case 'merge':
      return merged(table, change);
    case 'tidy':
      return tidied(table, change);
    case 'split':
    case 'share':
      return divided(table, change);
  }
}

function tidied(table: RouteTable, { ordinal, into }: Tidy): RouteTable {
  const since = table.version + 1;
  const shards = table.shards.map((shard): RoutedShard =>
    shard.ordinal === ordinal ? { ...shard, since, state: { kind: 'tidying', into } } : shard,
  );
  return { ...table, version: since, shards };
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
  const margin = change.kind === 'split' ? marginAfter(table, change.margin) : table.margin;
  return { ...table, version: since, highest, margin, shards: [...shards, added] };
}

/** The geometric mean: a region must count no more where vectors lie far apart than where they lie close together. */
function marginAfter({ margin, shards }: RouteTable, measured: number | undefined): number {
  if (measured === undefined || !Number.isFinite(measured) || measured <= 0) return margin;
  return margin <= 0 ? measured : margin * (measured / margin) ** (1 / Math.min(shards.length, MARGIN_MEMORY));
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

/** The number of measurements that the spill threshold averages, roughly. */
const MARGIN_MEMORY = 64;

/** Ends the draining of a shard: it serves its region, or is gone if it has none. */
export function withDrainEnded(table: RouteTable, ordinal: number): RouteTable {
  const drained = must(shardAt(table, ordinal), 'a shard that drains is in the table');
  const rest = table.shards.filter((shard) => shard !== drained);
  const shards = drained.centroids.scales.length === 0 ? rest : [...rest, { ...drained, state: SERVING }];
  return { ...table, version: table.version + 1, shards: shards.sort((a, b) => a.ordinal - b.ordinal) };
}

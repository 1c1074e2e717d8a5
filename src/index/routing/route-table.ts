import type { Metric } from '../../contract/indexes/index-settings.ts';
import type { SlotRange } from './slot-range.ts';
import { ALL_SLOTS } from './slot-range.ts';

/**
 * Which shards an index has and what region of space each of them owns. Only the index's object changes it, version by version.
 *
 * Every call to a shard carries the version it was routed by. A shard refuses calls that were routed before its region last changed with
 * `stale_route`, which no client ever sees: the router fetches the newer table and repeats the call.
 */
export interface RouteTable {
  /** 0: the index has one shard, which answers for itself, and no locators. */
  readonly version: number;
  readonly metric: Metric;
  readonly dimensions: number;
  /** In the order of their ordinals. */
  readonly shards: readonly RoutedShard[];
  /** The highest ordinal that was ever given. */
  readonly highest: number;
  /** Objects that know where ids live; see `locatorOf`. Never changes once it is not 0. */
  readonly locators: number;
  /** The spill threshold; see `placesOf`: how much worse than the first shard a second one may be. */
  readonly margin: number;
  /** In the order of their numbers: at least one. Absent in tables stored before there were any. */
  readonly groups?: readonly ShardGroup[];
}

/** A shard group: shards that are near one another. A router looks for the nearest groups first, and then at the regions of their shards. */
export interface ShardGroup {
  readonly number: number;
  /** The version with which its shards and their regions became what they are. */
  readonly since: number;
  /** Of where its shards are; none while it is the only one. */
  readonly coarse: CentroidRows;
}

export interface RoutedShard {
  /** Never given to another shard of the index. */
  readonly ordinal: number;
  /** The version with which its region became what it is. */
  readonly since: number;
  /** Of its region: vectors that are nearest to one of them belong to it. None when it is given up. */
  readonly centroids: CentroidRows;
  /** Which ids belong to it; absent: all. For each id, the shards that hold its slot divide space among them. */
  readonly slots?: SlotRange;
  /** The number of its shard group; absent: 0. */
  readonly group?: number;
  readonly state: ShardState;
  /** Shards that follow this one and may answer for it. */
  readonly replicas: readonly ReplicaRef[];
}

export const groupOf = ({ group = 0 }: Pick<RoutedShard, 'group'>): number => group;

export const slotsOf = ({ slots = ALL_SLOTS }: Pick<RoutedShard, 'slots'>): SlotRange => slots;

export type ShardState =
  | { readonly kind: 'serving' }
  /** Its region shrank, and the vectors that it no longer owns are being moved: a query of one of `into` asks it, too. */
  | { readonly kind: 'draining'; readonly into: readonly number[] }
  /** Regions around it changed; it keeps its own, but some of its vectors are, or have copies, where they no longer would be put. */
  | { readonly kind: 'tidying'; readonly into: readonly number[] };

/** The shards to which rows of a shard are being moved. */
export const receivers = ({ state }: Pick<RoutedShard, 'state'>): readonly number[] => (state.kind === 'serving' ? [] : state.into);

export interface ReplicaRef {
  /** Counts the replicas that the shard ever had: part of the object's name. */
  readonly replica: number;
  /** Where it was asked to be: a location hint of Cloudflare; null anywhere. */
  readonly location: string | null;
}

/** Centroids side by side: component `i` of row `r` is `codes[r * dimensions + i] * scales[r]`. */
export interface CentroidRows {
  readonly codes: Int8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
}

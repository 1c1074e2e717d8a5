import type { Outcome } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { membersOf } from './shard-groups.ts';
import type { RegionRows } from './regions.ts';
import { regionRowsOf } from './regions.ts';
import type { CentroidRows, District, RoutedShard, RouteTable } from './route-table.ts';
import { STALE_ROUTE } from '../../ann/access-mode.ts';

/** A routing summary: a routing table without its large parts. A router requests the regions of a shard group when it needs them. */
export interface RoutingSummary extends Omit<RouteTable, 'shards' | 'districts'> {
  /** In the order of their ordinals. */
  readonly shards: readonly SummarisedShard[];
  /** At least one, once there are several shards. */
  readonly districts: readonly SummarisedDistrict[];
  /** If present, `shards` are only those that changed since the caller's version, and these no longer exist. */
  readonly gone?: readonly number[];
  /** Those of a single shard group, sent at once. */
  readonly page?: RegionPage;
}

export interface SummarisedShard extends Omit<RoutedShard, 'centroids' | 'since' | 'district'> {
  /** The number of its shard group; null when the shard is given up. */
  readonly district: number | null;
}

export interface SummarisedDistrict extends Pick<District, 'number' | 'since'> {
  /** Absent: as in the routing summary that the caller has. */
  readonly coarse?: CentroidRows;
}

/** The regions of a group's shards, unchanged since a version. */
export interface RegionPage extends RegionRows {
  readonly district: number;
  readonly since: number;
}

/** For a caller with the routing summary of another version: leaves out the contents of groups that have not changed since. */
export function outlineOf(table: RouteTable, known = 0): RoutingSummary {
  const { shards, ...rest } = table;
  const districts = districtsOf(table);
  const outlined = districts.map(({ number, since, coarse }) => (since <= known ? { number, since } : { number, since, coarse }));
  const outline: RoutingSummary = { ...rest, shards: shards.map(outlinedShard), districts: outlined };
  const [only, ...others] = districts;
  if (only === undefined || others.length > 0 || only.since <= known) return outline;
  return { ...outline, page: pageOf(table, only) };
}

/** Refuses with `stale_route` a caller whose shard group has changed. */
export function regionPage(table: RouteTable, number: number, since: number): Outcome<RegionPage> {
  const district = districtsOf(table).find((candidate) => candidate.number === number && candidate.since === since);
  return district === undefined ? STALE_ROUTE : ok(pageOf(table, district));
}

/** The routing summary, completed by what the caller had before. */
export function completed({ gone, ...outline }: RoutingSummary, known: RoutingSummary | undefined): RoutingSummary {
  const before = new Map(known?.districts.map((district) => [district.number, district]));
  const districts = outline.districts.map((district) => ({ ...before.get(district.number), ...district }));
  const shards = gone === undefined ? outline.shards : shardsAfter(known?.shards ?? [], outline.shards, gone);
  return { ...outline, shards, districts };
}

function shardsAfter(known: readonly SummarisedShard[], changed: readonly SummarisedShard[], gone: readonly number[]): SummarisedShard[] {
  const shards = new Map([...known, ...changed].map((shard) => [shard.ordinal, shard]));
  for (const ordinal of gone) shards.delete(ordinal);
  return [...shards.values()].sort((a, b) => a.ordinal - b.ordinal);
}

function outlinedShard(shard: RoutedShard): SummarisedShard {
  const { centroids, since: _, district = 0, state, ...rest } = shard;
  // No router needs to know where rows of a shard that is being rebalanced go: it may be almost any other shard.
  const summarised = state.kind === 'tidying' ? { ...state, into: [] } : state;
  return { ...rest, state: summarised, district: centroids.scales.length === 0 ? null : district };
}

function pageOf(table: RouteTable, { number, since }: District): RegionPage {
  return { district: number, since, ...regionRowsOf(membersOf(table).get(number) ?? []) };
}

/** A table stored before there were shard groups is one group, until it changes. */
const districtsOf = ({ version, districts }: RouteTable): readonly District[] =>
  districts ?? (version === 0 ? [] : [{ number: 0, since: version, coarse: NONE }]);

const NONE: CentroidRows = { codes: new Int8Array(0), scales: new Float32Array(0) };

/** A caller with an older version gets everything: that is rare, and shards that did not change are the same objects in all of them. */
const REMEMBERED_MAX = 16;

/** Sends routing summaries of a table, and remembers those it sent, so that a returning caller gets only the shards that changed. */
export class RoutingChangeLog {
  /** By version, the oldest first. */
  readonly #sent = new Map<number, RouteTable>();

  /** For a caller with the routing summary of an older version. */
  summaryFor(table: RouteTable, known: number): RoutingSummary {
    const before = this.#sent.get(known);
    this.#remember(table);
    const outline = outlineOf(table, known);
    if (before === undefined) return outline;
    const old = new Map(before.shards.map((shard) => [shard.ordinal, shard]));
    const changed = new Set(table.shards.filter((shard) => !isSameSummary(shard, old.get(shard.ordinal))).map(({ ordinal }) => ordinal));
    const here = new Set(table.shards.map(({ ordinal }) => ordinal));
    const gone = before.shards.flatMap(({ ordinal }) => (here.has(ordinal) ? [] : [ordinal]));
    return { ...outline, shards: outline.shards.filter(({ ordinal }) => changed.has(ordinal)), gone };
  }

  #remember(table: RouteTable): void {
    // A caller without a summary gets everything.
    if (table.version === 0) return;
    this.#sent.delete(table.version);
    this.#sent.set(table.version, table);
    const [oldest] = this.#sent.keys();
    if (this.#sent.size > REMEMBERED_MAX && oldest !== undefined) this.#sent.delete(oldest);
  }
}

/** Whether a shard is the same but for its region. */
function isSameSummary(shard: RoutedShard, other: RoutedShard | undefined): boolean {
  if (shard === other || other === undefined) return shard === other;
  return summaryOf(shard) === summaryOf(other);
}

const summaryOf = ({ slots, district, state, replicas, centroids }: RoutedShard): string =>
  JSON.stringify([slots, district, state, replicas, centroids.scales.length === 0]);

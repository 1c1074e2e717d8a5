import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { membersOf } from './shard-groups.ts';
import type { RegionRows } from './regions.ts';
import { regionRowsOf } from './regions.ts';
import type { CentroidRows, ShardGroup, RoutedShard, RouteTable } from './route-table.ts';
import { STALE_ROUTE } from '../../ann/access-mode.ts';
import { dropOldest } from '../../kernel/drop-oldest.ts';

/** A routing summary: a routing table without its large parts. A router requests the regions of a shard group when it needs them. */
export interface RoutingSummary extends Omit<RouteTable, 'shards' | 'groups'> {
  /** In the order of their ordinals. */
  readonly shards: readonly SummarisedShard[];
  /** At least one, once there are several shards. */
  readonly groups: readonly SummarisedGroup[];
  /** If present, `shards` are only those that changed since the caller's version, and these no longer exist. */
  readonly gone?: readonly number[];
  /** Those of a single shard group, sent at once. */
  readonly page?: RegionPage;
}

export interface SummarisedShard extends Omit<RoutedShard, 'centroids' | 'since' | 'group'> {
  /** The number of its shard group; null when the shard is given up. */
  readonly group: number | null;
}

export interface SummarisedGroup extends Pick<ShardGroup, 'number' | 'since'> {
  /** Absent: as in the routing summary that the caller has. */
  readonly coarse?: CentroidRows;
}

/** The regions of a group's shards, unchanged since a version. */
export interface RegionPage extends RegionRows {
  readonly group: number;
  readonly since: number;
}

/** For a caller with the routing summary of another version: leaves out the contents of groups that have not changed since. */
export function summaryOf(table: RouteTable, known = 0): RoutingSummary {
  const { shards, ...rest } = table;
  const groups = groupsOf(table);
  const summarised = groups.map(({ number, since, coarse }) => (since <= known ? { number, since } : { number, since, coarse }));
  const summary: RoutingSummary = { ...rest, shards: shards.map(summarisedShard), groups: summarised };
  const [only, ...others] = groups;
  if (only === undefined || others.length > 0 || only.since <= known) return summary;
  return { ...summary, page: pageOf(table, only) };
}

/** Refuses with `stale_route` a caller whose shard group has changed. */
export function regionPage(table: RouteTable, number: number, since: number): Outcome<RegionPage> {
  const group = groupsOf(table).find((candidate) => candidate.number === number && candidate.since === since);
  return group === undefined ? STALE_ROUTE : ok(pageOf(table, group));
}

/** The routing summary, completed by what the caller had before. */
export function completed({ gone, ...summary }: RoutingSummary, known: RoutingSummary | undefined): RoutingSummary {
  const before = new Map(known?.groups.map((group) => [group.number, group]));
  const groups = summary.groups.map((group) => ({ ...before.get(group.number), ...group }));
  const shards = gone === undefined ? summary.shards : shardsAfter(known?.shards ?? [], summary.shards, gone);
  return { ...summary, shards, groups };
}

function shardsAfter(known: readonly SummarisedShard[], changed: readonly SummarisedShard[], gone: readonly number[]): SummarisedShard[] {
  const shards = new Map([...known, ...changed].map((shard) => [shard.ordinal, shard]));
  for (const ordinal of gone) shards.delete(ordinal);
  return [...shards.values()].sort((a, b) => a.ordinal - b.ordinal);
}

function summarisedShard(shard: RoutedShard): SummarisedShard {
  const { centroids, since: _, group = 0, state, ...rest } = shard;
  // No router needs to know where rows of a shard that is being rebalanced go: it may be almost any other shard.
  const summarised = state.kind === 'tidying' ? { ...state, into: [] } : state;
  return { ...rest, state: summarised, group: centroids.scales.length === 0 ? null : group };
}

function pageOf(table: RouteTable, { number, since }: ShardGroup): RegionPage {
  return { group: number, since, ...regionRowsOf(membersOf(table).get(number) ?? []) };
}

/** A table stored before there were shard groups is one group, until it changes. */
const groupsOf = ({ version, groups }: RouteTable): readonly ShardGroup[] =>
  groups ?? (version === 0 ? [] : [{ number: 0, since: version, coarse: NONE }]);

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
    const summary = summaryOf(table, known);
    if (before === undefined) return summary;
    const old = new Map(before.shards.map((shard) => [shard.ordinal, shard]));
    const changed = new Set(table.shards.filter((shard) => !isSameSummary(shard, old.get(shard.ordinal))).map(({ ordinal }) => ordinal));
    const here = new Set(table.shards.map(({ ordinal }) => ordinal));
    const gone = before.shards.flatMap(({ ordinal }) => (here.has(ordinal) ? [] : [ordinal]));
    return { ...summary, shards: summary.shards.filter(({ ordinal }) => changed.has(ordinal)), gone };
  }

  #remember(table: RouteTable): void {
    // A caller without a summary gets everything.
    if (table.version === 0) return;
    this.#sent.delete(table.version);
    this.#sent.set(table.version, table);
    dropOldest(this.#sent, REMEMBERED_MAX);
  }
}

/** Whether a shard is the same but for its region. */
function isSameSummary(shard: RoutedShard, other: RoutedShard | undefined): boolean {
  if (shard === other || other === undefined) return shard === other;
  return routeDigest(shard) === routeDigest(other);
}

const routeDigest = ({ slots, group, state, replicas, centroids }: RoutedShard): string =>
  JSON.stringify([slots, group, state, replicas, centroids.scales.length === 0]);

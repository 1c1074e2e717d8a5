import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { isInvolved } from '../routing/route-changes.ts';
import type { RoutedShard, RouteTable } from '../routing/route-table.ts';

/** How far the vectors of an index are from where they would be put now. */
export interface Misplacement {
  /** Regions that changed so far. */
  readonly changes: number;
  /** When the last one did, or was asked to. */
  readonly lastMs: number;
  /** By shard: how many regions had changed when it, or the shard that it was split from, was last rebalanced. */
  readonly tidied: Readonly<Record<number, number>>;
}

export const IN_ORDER: Misplacement = { changes: 0, lastMs: 0, tidied: {} };

/**
 * A shard is rebalanced soon once as many regions have changed as half of the shards are, and late after a sixteenth of that. Rebalancing
 * looks at all its rows: so a growing index looks at each row once for each doubling, and more often only where it has the time.
 */
const SHARE_SOON = 1 / 2;
const SHARE_LATE = 1 / 16;

/** One shard in this many is rebalanced at a time: rows that two of them would exchange would stay where they are. */
const SHARDS_A_TIDYING = 64;

/** The region of a shard changed; part of it may have gone to a new one. */
export function afterChange(
  { changes, tidied }: Misplacement,
  before: RouteTable,
  after: RouteTable,
  ordinal: number,
  nowMs: number,
): Misplacement {
  const left = after.shards.map((shard): [number, number] => {
    const isNew = shard.ordinal > before.highest;
    return [shard.ordinal, tidied[isNew ? ordinal : shard.ordinal] ?? 0];
  });
  return { changes: changes + 1, lastMs: nowMs, tidied: Object.fromEntries(left) };
}

export const afterRebalancing = ({ tidied, ...rest }: Misplacement, ordinal: number): Misplacement => ({
  ...rest,
  tidied: { ...tidied, [ordinal]: rest.changes },
});

/** The earliest time at which the next shard may be rebalanced, as far as is known; undefined if none needs it. */
export function nextRebalancingMs(disorder: Misplacement, table: RouteTable): number | undefined {
  const times = untidy(disorder, table).map(({ dueMs }) => dueMs);
  return times.length === 0 ? undefined : Math.min(...times);
}

/**
 * The shard to rebalance now, and the shards that may receive its rows: none that rows are leaving, and none with replicas in use, since
 * replicas are not asked while rows arrive.
 */
export function nextRebalancing(
  disorder: Misplacement,
  table: RouteTable,
  relieved: ReadonlySet<number>,
  nowMs: number,
): { readonly ordinal: number; readonly into: readonly number[] } | undefined {
  const { shards } = table;
  const underWay = shards.filter(({ state }) => state.kind === 'tidying').length;
  if (underWay >= Math.max(1, Math.floor(shards.length / SHARDS_A_TIDYING))) return undefined;
  const due = untidy(disorder, table).filter(({ shard, dueMs }) => dueMs <= nowMs && !isInvolved(table, shard.ordinal));
  const next = due.sort((a, b) => b.changes - a.changes)[0]?.shard;
  if (next === undefined) return undefined;
  const into = shards.filter(({ ordinal }) => ordinal !== next.ordinal && !isInvolved(table, ordinal) && !relieved.has(ordinal));
  return { ordinal: next.ordinal, into: into.map(({ ordinal }) => ordinal) };
}

interface Untidy {
  readonly shard: RoutedShard;
  /** Since the last rebalancing. */
  readonly changes: number;
  readonly dueMs: number;
}

function untidy({ changes: all, lastMs, tidied }: Misplacement, { shards }: RouteTable): Untidy[] {
  // Two share out all vectors exactly when they become two.
  if (shards.length <= 2) return [];
  return shards.flatMap((shard) => {
    const changes = all - (tidied[shard.ordinal] ?? 0);
    if (changes === 0 || changes < shards.length * SHARE_LATE) return [];
    const calmMs = changes < shards.length * SHARE_SOON ? INDEX_LIMITS.tidyLongCalmMs : INDEX_LIMITS.tidyCalmMs;
    return [{ shard, changes, dueMs: lastMs + calmMs }];
  });
}

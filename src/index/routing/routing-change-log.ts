import type { RoutingSummary } from './routing-summary.ts';
import { outlineOf } from './routing-summary.ts';
import type { RoutedShard, RouteTable } from './route-table.ts';

/** A caller with an older version gets everything: that is rare, and shards that did not change are the same objects in all of them. */
const REMEMBERED_MAX = 16;

/** Sends routing summaries of a table, and remembers those it sent, so that a returning caller gets only the shards that changed. */
export class RoutingChangeLog {
  /** By version, the oldest first. */
  readonly #told = new Map<number, RouteTable>();

  /** For a caller with the routing summary of an older version. */
  tell(table: RouteTable, known: number): RoutingSummary {
    const before = this.#told.get(known);
    this.#remember(table);
    const outline = outlineOf(table, known);
    if (before === undefined) return outline;
    const old = new Map(before.shards.map((shard) => [shard.ordinal, shard]));
    const changed = new Set(table.shards.filter((shard) => !isToldSame(shard, old.get(shard.ordinal))).map(({ ordinal }) => ordinal));
    const here = new Set(table.shards.map(({ ordinal }) => ordinal));
    const gone = before.shards.flatMap(({ ordinal }) => (here.has(ordinal) ? [] : [ordinal]));
    return { ...outline, shards: outline.shards.filter(({ ordinal }) => changed.has(ordinal)), gone };
  }

  #remember(table: RouteTable): void {
    // A caller without a summary gets everything.
    if (table.version === 0) return;
    this.#told.delete(table.version);
    this.#told.set(table.version, table);
    const [oldest] = this.#told.keys();
    if (this.#told.size > REMEMBERED_MAX && oldest !== undefined) this.#told.delete(oldest);
  }
}

/** Whether a shard is the same but for its region. */
function isToldSame(shard: RoutedShard, other: RoutedShard | undefined): boolean {
  if (shard === other || other === undefined) return shard === other;
  return toldOf(shard) === toldOf(other);
}

const toldOf = ({ slots, district, state, replicas, centroids }: RoutedShard): string =>
  JSON.stringify([slots, district, state, replicas, centroids.scales.length === 0]);

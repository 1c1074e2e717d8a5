import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { Misplacement } from './misplacement.ts';
import { afterChange, afterRebalancing, IN_ORDER, nextRebalancing, nextRebalancingMs } from './misplacement.ts';
import { routedDimensions } from '../routing/places-of.ts';
import { neighboursOf, shardsAround } from '../routing/shard-neighbours.ts';
import type { RouteChange } from '../routing/route-changes.ts';
import { changed, isInvolved, SERVING, shardAt, withDrainEnded, withLocators } from '../routing/route-changes.ts';
import type { CentroidRows, RoutedShard, RouteTable } from '../routing/route-table.ts';
import { receivers, slotsOf } from '../routing/route-table.ts';
import type { Cell, DrainOrder } from '../routing/shard-route.ts';
import { shardsMax } from './shard-budget.ts';
import { SHARD_CENTROIDS } from './split-region.ts';
import { isDivisible } from '../routing/slot-range.ts';

/** RPCs by which a growing index instructs its objects. Repeating a call changes nothing; one that fails throws, and is repeated later. */
export interface ReshardingPeers {
  openShard(ordinal: number, since: number, locators: number): Promise<void>;
  openLocator(ordinal: number): Promise<void>;
  /** Instructs the first shard to send its ids to this many locators. */
  export(locators: number): Promise<void>;
  /** Returns the LSN of the shard, which from then on refuses callers with a table from before this order. */
  drain(ordinal: number, order: DrainOrder): Promise<number>;
  /** Gives the shard's next write a higher LSN than this. */
  raise(ordinal: number, lsn: number): Promise<void>;
  eraseShard(ordinal: number): Promise<void>;
}

type Space = Pick<IndexManifest, 'metric' | 'dimensions'>;

/** A shard whose region changed with version `since`. */
export interface ShardAsOf {
  readonly ordinal: number;
  readonly since: number;
}

/** What a shard that outgrew its budget proposes. */
export interface SplitRequest extends ShardAsOf {
  readonly halves: readonly [CentroidRows, CentroidRows];
  readonly margin: number | undefined;
}

/** The ordinals of an index's objects. */
export interface IndexObjects {
  /** The ordinals of all shards that may exist. */
  readonly shards: readonly number[];
  /** The shards among them that certainly were opened. */
  readonly opened: readonly number[];
  readonly locators: readonly number[];
}

/** What shards report to their index and ask of it; see the methods of `IndexResharding`. */
export type GrowthCall =
  | { readonly kind: 'spread' | 'exported' }
  | { readonly kind: 'split'; readonly request: SplitRequest }
  | { readonly kind: 'share' | 'merge' | 'drained'; readonly shard: ShardAsOf };

/** Where what is known of the growth of an index is kept. */
export interface ReshardingCells {
  readonly table: Cell<RouteTable>;
  /** That was begun. */
  readonly change: Cell<RouteChange | null>;
  readonly disorder: Cell<Misplacement>;
}

/**
 * The resharding of one index: its routing table, and the steps from one version to the next. One call at a time.
 *
 * A change is recorded; then it is sent to the shard that loses rows, which from then on refuses callers with the old table; only then is
 * the new table published. So no read of a shard by the old table misses a write by the new one. `settle` completes what was interrupted
 * anywhere.
 */
export class IndexResharding {
  readonly #table: Cell<RouteTable>;
  readonly #change: Cell<RouteChange | null>;
  readonly #disorder: Cell<Misplacement>;
  readonly #peers: ReshardingPeers;
  readonly #now: () => number;

  constructor({ table, change, disorder }: ReshardingCells, peers: ReshardingPeers, now: () => number) {
    this.#table = table;
    this.#change = change;
    this.#disorder = disorder;
    this.#peers = peers;
    this.#now = now;
  }

  routes({ metric, dimensions }: Space): RouteTable {
    const space = { metric, dimensions: routedDimensions(dimensions) };
    return this.#table.get() ?? { version: 0, ...space, shards: [], highest: 0, locators: 0, margin: 0 };
  }

  /** Answers the version of the routes from then on. */
  async answer(manifest: Space, call: GrowthCall): Promise<Outcome<{ readonly version: number }>> {
    const done = await this.#answer(manifest, call);
    return done.ok ? ok({ version: this.routes(manifest).version }) : done;
  }

  /** Whether a change was begun: shards may be ahead of the table. */
  get isChanging(): boolean {
    return (this.#change.get() ?? null) !== null;
  }

  /** Whether `settle` has something to do. */
  get isMoving(): boolean {
    const table = this.#table.get();
    if (table === undefined) return false;
    return this.isChanging || table.version === 0 || table.shards.some(({ state }) => state.kind !== 'serving');
  }

  /** Asked by an only shard: gives the index locators, that it may have several. */
  async spread(manifest: Space): Promise<Outcome<null>> {
    const table = this.routes(manifest);
    if (table.version > 0) return ok(null);
    const locators = INDEX_LIMITS.locatorsCount;
    for (let ordinal = 0; ordinal < locators; ordinal += 1) await this.#peers.openLocator(ordinal);
    this.#table.put({ ...table, locators });
    await this.#peers.export(locators);
    return ok(null);
  }

  /** The only shard has sent everything to the locators: from now on all writes go through them. */
  exported(manifest: Space): Outcome<null> {
    const table = this.routes(manifest);
    if (table.version === 0) this.#table.put(withLocators(table));
    return ok(null);
  }

  /** Refuses with `state_conflict` while the shard may not change, or when it changed since it asked. */
  async split({ halves, margin, ...shard }: SplitRequest): Promise<Outcome<null>> {
    const table = await this.#settled();
    if (table === undefined || !mayDivide(table, shard)) return this.#notNow();
    return this.#begin({ kind: 'split', ordinal: shard.ordinal, halves, margin });
  }

  /** Asked by a shard whose vectors no centroids separate: half of its ids go to a new one. Refuses as `split` does. */
  async share(shard: ShardAsOf): Promise<Outcome<null>> {
    const table = await this.#settled();
    const own = table === undefined ? undefined : shardAt(table, shard.ordinal);
    if (table === undefined || own === undefined || !mayDivide(table, shard) || !isDivisible(slotsOf(own))) return this.#notNow();
    return this.#begin({ kind: 'share', ordinal: shard.ordinal });
  }

  /** Gives a shard up that has become small: its neighbours take its vectors. The last one stays. Refuses as `split` does. */
  async merge(shard: ShardAsOf): Promise<Outcome<null>> {
    const table = await this.#settled();
    if (table?.shards.length === 1) return ok(null);
    if (table === undefined || !mayChange(table, shard)) return BUSY;
    const into = neighboursOf(table, shard.ordinal);
    return into.length === 0 ? BUSY : this.#begin({ kind: 'merge', ordinal: shard.ordinal, into });
  }

  /** The shard has nothing left that belongs to others. */
  async drained({ ordinal, since }: ShardAsOf): Promise<Outcome<null>> {
    const table = await this.#settled();
    const shard = table === undefined ? undefined : shardAt(table, ordinal);
    if (table === undefined || shard === undefined || shard.state.kind === 'serving' || shard.since !== since) return ok(null);
    this.#table.put(withDrainEnded(table, ordinal));
    if (shard.centroids.scales.length === 0) await this.#peers.eraseShard(ordinal);
    return ok(null);
  }

  /** Continues an interrupted change, and sends every object its current instructions again. */
  async settle(): Promise<void> {
    const table = await this.#settled();
    if (table === undefined) return;
    if (table.version === 0) await this.#peers.export(table.locators);
    for (const { ordinal, state } of table.shards) if (state.kind !== 'serving') await this.#order(table, ordinal);
  }

  /** When shards are to be rebalanced again; undefined if none needs it. */
  get rebalancingMs(): number | undefined {
    const table = this.#table.get();
    return table === undefined ? undefined : nextRebalancingMs(this.#known, table);
  }

  /** Has shards hand vectors to others whose regions changed since they came, once regions do so no more; `relieved`: shards with replicas. */
  async rebalance(relieved: ReadonlySet<number>): Promise<void> {
    for (;;) {
      const table = await this.#settled();
      const next = table === undefined ? undefined : nextRebalancing(this.#known, table, relieved, this.#now());
      if (next === undefined) return;
      this.#disorder.put(afterRebalancing(this.#known, next.ordinal));
      await this.#begin({ kind: 'tidy', ...next });
    }
  }

  /** Every object that the index may have, for erasing them. */
  objects(): IndexObjects {
    const table = this.#table.get();
    // There may be one above the highest, opened for a change that is not done.
    const count = table === undefined ? 1 : table.highest + 2;
    const routed = table?.shards.map(({ ordinal }) => ordinal) ?? [];
    return { shards: upTo(count), opened: routed.length === 0 ? [0] : routed, locators: upTo(table?.locators ?? 0) };
  }

  async #answer(manifest: Space, call: GrowthCall): Promise<Outcome<null>> {
    switch (call.kind) {
      case 'spread':
        return this.spread(manifest);
      case 'exported':
        return this.exported(manifest);
      case 'split':
        return this.split(call.request);
      case 'share':
        return this.share(call.shard);
      case 'merge':
        return this.merge(call.shard);
      case 'drained':
        return this.drained(call.shard);
    }
  }

  async #begin(change: RouteChange): Promise<Outcome<null>> {
    this.#change.put(change);
    await this.#complete();
    return ok(null);
  }

  /** The table after the change that was begun, if any. */
  async #settled(): Promise<RouteTable | undefined> {
    await this.#complete();
    return this.#table.get();
  }

  async #complete(): Promise<void> {
    const [table, change] = [this.#table.get(), this.#change.get() ?? null];
    if (table === undefined || change === null) return;
    const next = changed(table, change);
    if (next.highest > table.highest) await this.#peers.openShard(next.highest, next.version, table.locators);
    await this.#order(next, change.ordinal);
    if (change.kind !== 'tidy') this.#disorder.put(afterChange(this.#known, table, next, change.ordinal, this.#now()));
    this.#table.put(next);
    this.#change.put(null);
  }

  async #order(table: RouteTable, ordinal: number): Promise<void> {
    const shard = must(shardAt(table, ordinal), 'a shard that gets an order is in the table');
    const order = { since: shard.since, margin: table.margin };
    if (shard.state.kind === 'tidying') {
      // For other shards only the position matters: the rest may be long.
      const around = shardsAround(shard, table, aroundMax(table)).map((other): RoutedShard => ({ ...other, state: SERVING, replicas: [] }));
      await this.#peers.drain(ordinal, { ...order, shards: [shard, ...around] });
      return;
    }
    const into = receivers(shard);
    const concerned = table.shards.filter((other) => other === shard || into.includes(other.ordinal));
    const lsn = await this.#peers.drain(ordinal, { ...order, shards: concerned });
    // A replica of the shard that has a write into its old region, by LSN, then also has the order.
    for (const target of into) await this.#peers.raise(target, lsn);
  }

  /** A request to change regions takes precedence over rebalancing. */
  #notNow(): Outcome<null> {
    this.#disorder.put({ ...this.#known, lastMs: this.#now() });
    return BUSY;
  }

  get #known(): Misplacement {
    return this.#disorder.get() ?? IN_ORDER;
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, ordinal) => ordinal);

/** Shards among which a row may be assigned: as many as fit in an order that is stored as one value. */
const aroundMax = ({ dimensions }: RouteTable): number => Math.min(256, Math.floor(1_500_000 / (SHARD_CENTROIDS * dimensions)));

const BUSY = refuse('state_conflict', 'the routes of the index changed; retry later');

const mayDivide = (table: RouteTable, shard: ShardAsOf): boolean => mayChange(table, shard) && table.shards.length < shardsMax(table);

/** Whether a shard is unchanged for the caller, and no rows are being moved from or to it. */
const mayChange = (table: RouteTable, { ordinal, since }: ShardAsOf): boolean =>
  shardAt(table, ordinal)?.since === since && !isInvolved(table, ordinal);

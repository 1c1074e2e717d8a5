import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { must } from '../../kernel/assert.ts';
import type { VectorStore } from '../../ann/store/vector-store.ts';
import type { RowVersions } from './row-versions.ts';
import type { ExporterPeers } from './shard-exporter.ts';
import { ShardExporter } from './shard-exporter.ts';
import type { MoverPeers, ShardParts } from './shard-mover.ts';
import { ShardMover } from './shard-mover.ts';
import type { Cell, DrainOrder, ShardRoute } from '../routing/shard-route.ts';
import { ShardRows } from './shard-rows.ts';
import type { SplitterPeers } from './shard-splitter.ts';
import { ShardSplitter } from './shard-splitter.ts';

/** RPCs by which a shard requests a split or a merge. */
export type ShardReshardingPeers = MoverPeers & ExporterPeers & SplitterPeers;

/** A shard as a part of an index that may have several. A shard that does not know its index stays an only shard. */
export class ShardResharding {
  readonly rows: ShardRows;
  readonly #store: VectorStore;
  readonly #versions: RowVersions;
  readonly #route: Cell<ShardRoute>;
  readonly #mover: ShardMover;
  readonly #exporter: ShardExporter;
  readonly #splitter: ShardSplitter;

  constructor(parts: ShardParts, peers: ShardReshardingPeers) {
    const { shard, store, versions, route } = parts;
    this.#store = store;
    this.#versions = versions;
    this.#route = route;
    this.rows = new ShardRows(shard, store, versions, route);
    this.#mover = new ShardMover(parts, peers);
    this.#exporter = new ShardExporter(parts, peers);
    this.#splitter = new ShardSplitter(store, route, peers);
  }

  /** Makes this shard one of its index's. Repeating it changes nothing. */
  join(route: ShardRoute): void {
    if (this.#route.get() === undefined) this.#route.put(route);
  }

  drain(order: DrainOrder): void {
    this.#mover.begin(order);
  }

  export(locators: number): void {
    this.#exporter.begin(locators);
  }

  /** Whether `step` may have something to do. */
  isDue(): boolean {
    const header = this.#store.header();
    if (header === undefined) return false;
    return (this.#route.get()?.task ?? null) !== null || this.#splitter.isDue(header);
  }

  /** Does a time slice of moving, exporting or splitting; returns when to continue, in milliseconds since the Unix epoch, or undefined. */
  async step(nowMs: number): Promise<number | undefined> {
    if (this.#route.get() === undefined || this.#store.header() === undefined) return undefined;
    const nextMs = (await this.#mover.step(nowMs)) ?? (await this.#exporter.step(nowMs)) ?? (await this.#splitter.step(nowMs));
    // What was asked of others may have ended in this shard's end.
    if (nextMs === nowMs || this.#store.header() === undefined) return nextMs;
    const oldestMs = this.#versions.sweep(nowMs - INDEX_LIMITS.tombstoneTtlMs);
    const sweepMs = oldestMs === undefined ? Infinity : oldestMs + INDEX_LIMITS.tombstoneTtlMs + 1;
    const soonestMs = Math.min(nextMs ?? Infinity, sweepMs);
    return soonestMs === Infinity ? undefined : soonestMs;
  }

  /** What this shard has stored about its index. */
  get route(): ShardRoute {
    return must(this.#route.get(), 'a shard is asked about its index after it joined it');
  }
}

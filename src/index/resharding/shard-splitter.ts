import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { sampleRows } from '../../ann/filter/row-set.ts';
import type { ShardHeader } from '../../ann/shard-header.ts';
import type { VectorStore } from '../../ann/store/vector-store.ts';
import type { SplitRequest, ShardAsOf } from './index-resharding.ts';
import { measuredMargin, ownVectors, splitRegion } from './split-region.ts';
import { shardAt } from '../routing/route-changes.ts';
import type { RouteTable } from '../routing/route-table.ts';
import type { Cell, ShardRoute } from '../routing/shard-route.ts';

/** RPCs of a shard that has too many vectors, or too few. Every call may be refused with `unavailable` or `state_conflict`. */
export interface SplitterPeers {
  /** What splitting the shard requires: see `tableAround`. */
  around(ordinal: number): Promise<Outcome<RouteTable>>;
  /** Asks for locators, without which there is no second shard. */
  spread(): Promise<Outcome<unknown>>;
  split(request: SplitRequest): Promise<Outcome<unknown>>;
  /** Has half of the ids go to a new shard. */
  share(shard: ShardAsOf): Promise<Outcome<unknown>>;
  merge(shard: ShardAsOf): Promise<Outcome<unknown>>;
}

/**
 * Vectors that a shard is split by, at most: 256 for each of the centroids. With a quarter of them, 0.015 less of the true nearest are found in as
 * many shards (`npm run bench -- routing`).
 */
const SAMPLE_MAX = 4_096;

/** Fewer of long vectors: some 2 MB of numbers, but never less than separates the centroids. */
const SAMPLE_NUMBERS = 500_000;
const SAMPLE_MIN = 1_024;

export const sampleSize = (dimensions: number): number =>
  Math.max(SAMPLE_MIN, Math.min(SAMPLE_MAX, Math.floor(SAMPLE_NUMBERS / dimensions)));

/** Rows read in one step: a few milliseconds. */
const STEP_ROWS = 256;

/** A shard with less than this share of its budget gives its vectors to its neighbours. */
const SMALL_SHARE = 1 / 8;

type Cut = Pick<SplitRequest, 'halves' | 'margin'>;

/** Sees to it that a shard neither outgrows its budget nor stays almost empty. */
export class ShardSplitter {
  readonly #store: VectorStore;
  readonly #route: Cell<ShardRoute>;
  readonly #peers: SplitterPeers;
  #training: Generator<undefined, Cut | undefined> | undefined;
  #notBeforeMs = -Infinity;

  constructor(store: VectorStore, route: Cell<ShardRoute>, peers: SplitterPeers) {
    this.#store = store;
    this.#route = route;
    this.#peers = peers;
  }

  /** Whether `step` may have something to do. */
  isDue(header: ShardHeader): boolean {
    const route = this.#route.get();
    return route !== undefined && route.task === null && (header.count > route.budget || isSmall(route, header));
  }

  /** Does a slice; returns when to continue, or undefined when the shard has the right size. */
  async step(nowMs: number): Promise<number | undefined> {
    const [route, header] = [this.#route.get(), this.#store.header()];
    if (route === undefined || header === undefined || !this.isDue(header)) return undefined;
    const isLarge = header.count > route.budget;
    if (nowMs < this.#notBeforeMs) return this.#notBeforeMs;
    if (isLarge && route.locators > 0) return this.#split(route, header, nowMs);
    this.#notBeforeMs = nowMs + (isLarge ? INDEX_LIMITS.routeRetryMs : INDEX_LIMITS.mergeRetryMs);
    const asked = await (isLarge ? this.#peers.spread() : this.#peers.merge(route));
    return isLarge || !asked.ok ? this.#notBeforeMs : undefined;
  }

  async #split({ ordinal, since }: ShardRoute, header: ShardHeader, nowMs: number): Promise<number> {
    if (this.#training === undefined) {
      const around = await this.#peers.around(ordinal);
      const isListed = around.ok && shardAt(around.value, ordinal) !== undefined;
      if (!isListed) return this.#retry(nowMs);
      this.#training = this.#train(around.value, ordinal, header);
    }
    const step = this.#training.next();
    if (step.done !== true) return nowMs;
    this.#training = undefined;
    const shard = { ordinal, since };
    const asked = await (step.value === undefined ? this.#peers.share(shard) : this.#peers.split({ ...shard, ...step.value }));
    return asked.ok ? nowMs : this.#retry(nowMs);
  }

  #retry(nowMs: number): number {
    this.#notBeforeMs = nowMs + INDEX_LIMITS.routeRetryMs;
    return this.#notBeforeMs;
  }

  /** How to divide the region into two, if possible. */
  *#train(table: RouteTable, ordinal: number, header: ShardHeader): Generator<undefined, Cut | undefined> {
    const all = yield* this.#sample(header, table);
    const own = yield* ownVectors(table, ordinal, all);
    const halves = yield* splitRegion(table, own, all, header.lsn);
    return halves === undefined ? undefined : { halves, margin: yield* measuredMargin(table, ordinal, halves, own) };
  }

  /** Where some rows are in the space of the table, those without a vector at its origin. [n x dimensions] */
  *#sample(header: ShardHeader, { dimensions }: RouteTable): Generator<undefined, Float32Array> {
    const rows = sampleRows(this.#store.liveRows(), sampleSize(dimensions), header.lsn);
    const vectorless = this.#store.vectorlessRows();
    const values = new Float32Array(rows.length * dimensions);
    let end = 0;
    for (let from = 0; from < rows.length; from += STEP_ROWS) {
      for (const vector of this.#store.readRows(rows.slice(from, from + STEP_ROWS), header)) {
        values.set(vector.values, end);
        end += dimensions;
      }
      yield;
    }
    end += dimensions * rows.filter((row) => vectorless.has(row)).length;
    // Without vectors that were deleted meanwhile.
    return values.subarray(0, end);
  }
}

const isSmall = ({ since, budget }: ShardRoute, { count }: ShardHeader): boolean => since > 0 && count < budget * SMALL_SHARE;

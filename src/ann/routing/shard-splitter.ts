import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { ShardHeader, VectorStore } from '../vector-store.ts';
import type { SplitRequest, ShardAsOf } from './index-growth.ts';
import { measuredClosure } from './measured-closure.ts';
import type { RouteTable } from './route-table.ts';
import type { Cell, ShardRoute } from './shard-route.ts';
import { splitRegion } from './split-region.ts';

/** Whom a shard asks that has too many vectors, or too few. Every call may be refused with `unavailable` or `state_conflict`. */
export interface SplitterPeers {
  routes(): Promise<Outcome<RouteTable>>;
  /** Asks for locators, without which there is no second shard. */
  spread(): Promise<Outcome<unknown>>;
  split(request: SplitRequest): Promise<Outcome<unknown>>;
  /** Has half of the ids go to a new shard. */
  share(shard: ShardAsOf): Promise<Outcome<unknown>>;
  merge(shard: ShardAsOf): Promise<Outcome<unknown>>;
}

/** Vectors that a shard is split by: 64 for each of the centroids. */
const SAMPLE = 1_024;

/** A shard with less than this share of its budget gives its vectors to its neighbours. */
const SMALL_SHARE = 1 / 8;

interface Training {
  readonly values: Float32Array;
  readonly steps: ReturnType<typeof splitRegion>;
}

/** Sees to it that a shard neither outgrows its budget nor stays almost empty. */
export class ShardSplitter {
  readonly #store: VectorStore;
  readonly #route: Cell<ShardRoute>;
  readonly #peers: SplitterPeers;
  #training: Training | undefined;
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

  /** Does a slice; answers when to come back, or undefined when the shard is as large as it should be. */
  async step(nowMs: number): Promise<number | undefined> {
    const [route, header] = [this.#route.get(), this.#store.header()];
    if (route === undefined || header === undefined || !this.isDue(header)) return undefined;
    const isLarge = header.count > route.budget;
    if (nowMs < this.#notBeforeMs) return this.#notBeforeMs;
    if (isLarge && route.locators > 0) return this.#split(route, header, nowMs);
    this.#notBeforeMs = nowMs + (isLarge ? LIMITS.routeRetryMs : LIMITS.mergeRetryMs);
    const asked = await (isLarge ? this.#peers.spread() : this.#peers.merge(route));
    return isLarge || !asked.ok ? this.#notBeforeMs : undefined;
  }

  async #split({ ordinal, since }: ShardRoute, header: ShardHeader, nowMs: number): Promise<number> {
    this.#training ??= this.#train(header);
    const { values, steps } = this.#training;
    const step = steps.next();
    if (step.done !== true) return nowMs;
    this.#training = undefined;
    this.#notBeforeMs = nowMs + LIMITS.routeRetryMs;
    const asked = await this.#propose({ ordinal, since }, step.value, values);
    return asked.ok ? nowMs : this.#notBeforeMs;
  }

  async #propose(shard: ShardAsOf, halves: SplitRequest['halves'] | undefined, values: Float32Array): Promise<Outcome<unknown>> {
    if (halves === undefined) return this.#peers.share(shard);
    const routes = await this.#peers.routes();
    if (!routes.ok) return routes;
    return this.#peers.split({ ...shard, halves, closure: measuredClosure(routes.value, shard.ordinal, halves, values) });
  }

  #train(header: ShardHeader): Training {
    const { metric, dimensions, lsn } = header;
    const rows = this.#store.sampleRows(SAMPLE, lsn);
    const values = new Float32Array(rows.length * dimensions);
    let at = 0;
    for (const vector of this.#store.readRows(rows, header)) {
      values.set(vector.values, at);
      at += dimensions;
    }
    return { values, steps: splitRegion(metric, dimensions, values, lsn) };
  }
}

const isSmall = ({ since, budget }: ShardRoute, { count }: ShardHeader): boolean => since > 0 && count < budget * SMALL_SHARE;

import { indexObjectName } from '../src/index/index-manifest.ts';
import { BusyReport, LoadMeter } from '../src/index/replicas/load-meter.ts';
import type { ShardLoad } from '../src/index/replicas/load-meter.ts';
import type { ReadConsistency } from '../src/ann/replication/read-consistency.ts';
import type { Cell, ShardRoute } from '../src/index/routing/shard-route.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import type { ReshardingEnv, IndexReshardingStub } from './resharding-stubs.ts';

/** How busy a shard is. It reports to its index when replicas could relieve it. */
export class ShardPulse {
  readonly #env: Pick<ReshardingEnv, 'INDEX'>;
  readonly #route: Cell<ShardRoute>;
  readonly #meter = new LoadMeter();
  readonly #report = new BusyReport();

  constructor(env: Pick<ReshardingEnv, 'INDEX'>, route: Cell<ShardRoute>) {
    this.#env = env;
    this.#route = route;
  }

  /** A write, or what it takes of one. */
  wrote(): void {
    this.#meter.record('exclusive', 0, Date.now());
  }

  /** Counts a read of this duration; returns the load report for the index, if one is due. Without a consistency, no replica may answer. */
  read(tookMs: number, consistency: ReadConsistency | undefined, near: string | undefined, indexId: IndexId): Promise<void> | undefined {
    const isSharable = consistency !== undefined && consistency.kind !== 'strong';
    const nowMs = Date.now();
    if (!isSharable) this.#meter.record('exclusive', tookMs, nowMs);
    else this.#meter.record('sharable', tookMs, nowMs, near);
    const route = this.#route.get();
    if (route === undefined || !this.#report.isDue(this.#meter.load(nowMs), nowMs)) return undefined;
    const index: IndexReshardingStub = this.#env.INDEX.getByName(indexObjectName(route.tenantId, route.name));
    // It reports again while it is busy.
    return index.watch(indexId, route.ordinal).catch(() => undefined);
  }

  standing(): { readonly load: ShardLoad; readonly location: string | null } {
    return { load: this.#meter.load(Date.now()), location: this.#meter.location };
  }
}

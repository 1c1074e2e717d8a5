import type { IndexManifest } from '../src/ann/index-manifest.ts';
import type { KeptReplica, ReplicaRecord } from '../src/ann/replication/index-replicas.ts';
import { IndexReplicas } from '../src/ann/replication/index-replicas.ts';
import type { GrowthCall, IndexObjects } from '../src/ann/routing/index-growth.ts';
import { IndexGrowth } from '../src/ann/routing/index-growth.ts';
import { ReplicatedRoutes, routesOf } from '../src/ann/routing/replicated-routes.ts';
import type { RouteChange } from '../src/ann/routing/route-changes.ts';
import type { RouteTable } from '../src/ann/routing/route-table.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { GrowthEnv } from './growth-stubs.ts';
import { IndexPeers } from './index-peers.ts';
import { ReplicaPeersOf } from './replica-peers.ts';
import { RouteTableCell } from './route-table-cell.ts';
import { StoredCell } from './stored-cell.ts';

/** The routes of an index in its object's storage, and who waits for them. Its changes must take turns. */
export class IndexRoutes {
  readonly #env: GrowthEnv;
  readonly #table: RouteTableCell;
  readonly #change: StoredCell<RouteChange | null>;
  readonly #record: StoredCell<ReplicaRecord>;
  readonly #waiting: (() => void)[] = [];

  constructor(storage: DurableObjectStorage, env: GrowthEnv) {
    this.#env = env;
    this.#table = new RouteTableCell(storage);
    this.#change = new StoredCell(storage, 'change');
    this.#record = new StoredCell(storage, 'replicas');
  }

  /** Whether the index has several shards, or is about to. */
  get isSpread(): boolean {
    return this.#table.get() !== undefined;
  }

  get isChanging(): boolean {
    return (this.#change.get() ?? null) !== null;
  }

  /** With the version of its routes, once it has several shards; until then with the replicas of the only one. */
  described(manifest: IndexManifest): IndexManifest {
    const version = this.#table.get()?.version ?? 0;
    if (version > 0) return { ...manifest, routeVersion: version };
    const replicas = this.#replicas(manifest).ready;
    return replicas.length === 0 ? manifest : { ...manifest, replicas };
  }

  of(manifest: IndexManifest): RouteTable {
    return this.#growth(manifest).routes(manifest);
  }

  /** Answers once the routes are newer, or after a while. */
  async after(version: number): Promise<void> {
    if ((this.#table.get()?.version ?? 0) > version) return;
    const changed = new Promise<void>((resolve) => this.#waiting.push(resolve));
    await Promise.race([changed, scheduler.wait(LIMITS.routeWaitMs)]);
  }

  async grow(manifest: IndexManifest, call: GrowthCall): Promise<Outcome<{ readonly version: number }>> {
    const outcome = await this.#growth(manifest).answer(manifest, call);
    for (const wake of this.#waiting.splice(0)) wake();
    return outcome;
  }

  /** A shard says that it is busy: replicas may relieve it. */
  watch(manifest: IndexManifest, shard: number): void {
    if (routesOf(this.of(manifest)).shards.has(shard)) this.#replicas(manifest).watch(shard);
  }

  /** Makes and retires replicas as load asks for it; answers when to come back, or undefined. */
  async tend(manifest: IndexManifest): Promise<number | undefined> {
    const replicas = this.#replicas(manifest);
    if (!replicas.isWatching) return undefined;
    try {
      return await replicas.tend(Date.now(), routesOf(this.of(manifest)).receiving);
    } finally {
      this.#replicated(manifest).publish();
    }
  }

  /** All replicas that there may be. */
  replicas(manifest: IndexManifest): readonly KeptReplica[] {
    return this.#replicas(manifest).all;
  }

  /** Goes on with what was cut off; answers whether anything was. */
  async settle(manifest: IndexManifest): Promise<boolean> {
    const growth = this.#growth(manifest);
    if (!growth.isMoving) return false;
    await growth.settle();
    return true;
  }

  /** The shards and locators that the index may have. */
  objects(manifest: IndexManifest): IndexObjects {
    return this.#growth(manifest).objects();
  }

  /** Before everything stored is erased. */
  forget(): void {
    this.#table.forget();
    this.#change.forget();
    this.#record.forget();
  }

  #growth(manifest: IndexManifest): IndexGrowth {
    return new IndexGrowth(this.#replicated(manifest), this.#change, new IndexPeers(this.#env, manifest));
  }

  #replicated(manifest: IndexManifest): ReplicatedRoutes {
    return new ReplicatedRoutes(this.#table, this.#replicas(manifest), () => Date.now());
  }

  #replicas(manifest: IndexManifest): IndexReplicas {
    return new IndexReplicas(this.#record, new ReplicaPeersOf(this.#env, manifest));
  }
}

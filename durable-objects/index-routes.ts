import type { IndexManifest } from '../src/index/index-manifest.ts';
import type { ReplicaRecord } from '../src/index/replicas/index-replicas.ts';
import { IndexReplicas } from '../src/index/replicas/index-replicas.ts';
import type { GroupSizes } from '../src/index/routing/shard-groups.ts';
import { GroupedRoutes } from '../src/index/routing/shard-groups.ts';
import type { Misplacement } from '../src/index/resharding/misplacement.ts';
import type { GrowthCall, IndexObjects } from '../src/index/resharding/index-resharding.ts';
import { IndexResharding } from '../src/index/resharding/index-resharding.ts';
import { ReplicatedRoutes, routesOf } from '../src/index/routing/replicated-routes.ts';
import type { RouteChange } from '../src/index/routing/route-changes.ts';
import type { RoutingSummary } from '../src/index/routing/routing-summary.ts';
import type { RouteTable } from '../src/index/routing/route-table.ts';
import { RoutingChangeLog } from '../src/index/routing/routing-summary.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { ReshardingEnv } from './resharding-stubs.ts';
import { IndexPeers, ReplicaPeersOf } from './index-peers.ts';
import { RouteTableCell, StoredCell } from './stored-cell.ts';
import type { Beside } from '../src/index/generations/generation-state.ts';

interface IndexRoutesParts {
  readonly storage: DurableObjectStorage;
  readonly env: ReshardingEnv;
  readonly manifest: IndexManifest;
  readonly role: GenerationRole;
  readonly groupSizes: GroupSizes;
  /** Shared by all generations: the replicas of the one that serves, whichever that is. */
  readonly replicas: StoredCell<ReplicaRecord>;
}

/** The routes of a generation of an index in the object's storage, and the callers that wait for them. Changes to them must be serialised. */
export class IndexRoutes {
  readonly #parts: IndexRoutesParts;
  readonly #stored: RouteTableCell;
  readonly #table: GroupedRoutes;
  readonly #change: StoredCell<RouteChange | null>;
  readonly #changes = new RoutingChangeLog();
  readonly #disorder: StoredCell<Misplacement>;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: IndexRoutesParts) {
    const { storage, manifest } = parts;
    // No two generations of an index that are there at once have the same number.
    const prefix = manifest.generation === 1 ? '' : `${manifest.generation}/`;
    this.#parts = parts;
    this.#stored = new RouteTableCell(storage, prefix);
    this.#table = new GroupedRoutes(this.#stored, parts.groupSizes);
    this.#change = new StoredCell(storage, `${prefix}change`);
    this.#disorder = new StoredCell(storage, `${prefix}disorder`);
  }

  /** Whether it is getting its locators at this moment. */
  get isSpreading(): boolean {
    return this.#table.get()?.version === 0;
  }

  get isAlone(): boolean {
    return (this.#table.get()?.version ?? 0) === 0;
  }

  get isChanging(): boolean {
    return (this.#change.get() ?? null) !== null;
  }

  /** See `RouteSource`. */
  routingSummary(known: number): RoutingSummary {
    return this.#changes.summaryFor(this.table, known);
  }

  get table(): RouteTable {
    return this.#growth.routes(this.#parts.manifest);
  }

  /** The manifest with the version of the routes, once there are several shards; until then with the replicas of the only one. */
  get described(): IndexManifest {
    const { manifest, role } = this.#parts;
    if (!this.isAlone) return { ...manifest, routeVersion: this.table.version };
    const replicas = role.isServing() ? this.#replicas.ready : [];
    return replicas.length === 0 ? manifest : { ...manifest, replicas };
  }

  /** Answers once the routes are newer, or after a while. */
  async after(version: number): Promise<void> {
    if ((this.#table.get()?.version ?? 0) > version) return;
    const changed = new Promise<void>((resolve) => this.#waiting.push(resolve));
    await Promise.race([changed, scheduler.wait(INDEX_LIMITS.routeWaitMs)]);
  }

  async grow(call: GrowthCall): Promise<Outcome<{ readonly version: number }>> {
    const outcome = await this.#growth.answer(this.#parts.manifest, call);
    for (const wake of this.#waiting.splice(0)) wake();
    return outcome;
  }

  /** A shard reports that it is busy: replicas may relieve it. */
  watch(shard: number): void {
    if (routesOf(this.table).shards.has(shard)) this.#replicas.watch(shard);
  }

  /** Makes and retires replicas as load requires; returns when to continue, or undefined. */
  async tend(): Promise<number | undefined> {
    if (!this.#replicas.isWatching) return undefined;
    try {
      return await this.#replicas.tend(Date.now(), routesOf(this.table).receiving);
    } finally {
      this.#replicated.publish();
    }
  }

  /** Before another generation serves: replicas of this one are no longer announced. */
  retireReplicas(): void {
    this.#replicas.retireAll(Date.now());
    this.#replicated.publish();
  }

  /** Continues an interrupted change; returns whether there was one. */
  async settle(): Promise<boolean> {
    const growth = this.#growth;
    if (!growth.isMoving) return false;
    await growth.settle();
    return true;
  }

  /** When shards are to be rebalanced again, as far as is known. */
  get rebalancingMs(): number | undefined {
    return this.#growth.rebalancingMs;
  }

  async rebalance(): Promise<void> {
    await this.#growth.rebalance(this.#replicas.shards);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The shards and locators that there may be. */
  get objects(): IndexObjects {
    return this.#growth.objects();
  }

  erase(): void {
    this.#stored.erase();
    this.#change.erase();
    this.#disorder.erase();
  }

  get #growth(): IndexResharding {
    const { env, manifest, role } = this.#parts;
    const table = role.isServing() ? this.#replicated : this.#table;
    const cells = { table, change: this.#change, disorder: this.#disorder };
    return new IndexResharding(cells, new IndexPeers(env, manifest, () => role.beside()), () => Date.now());
  }

  get #replicated(): ReplicatedRoutes {
    return new ReplicatedRoutes(this.#table, this.#replicas, () => Date.now());
  }

  get #replicas(): IndexReplicas {
    const { env, manifest, replicas } = this.#parts;
    return new IndexReplicas(replicas, new ReplicaPeersOf(env, manifest));
  }
}

/** What a generation is to its index, at any time. */
export interface GenerationRole {
  isServing(): boolean;
  beside(): Beside;
}

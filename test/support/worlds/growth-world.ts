import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { SqliteLocatorStore } from '../../../src/index/locators/sqlite-locator-store.ts';
import { shardBudget } from '../../../src/index/resharding/shard-budget.ts';
import { FanOut } from '../../../src/index/fan-out/fan-out.ts';
import { MemberChoice } from '../../../src/index/fan-out/member-choice.ts';
import type { ShardIdentity } from '../../../src/ann/shard-protocol.ts';
import type { MemberReads } from '../../../src/index/fan-out/shard-reads.ts';
import { FieldSearch } from '../../../src/index/fan-out/field-search.ts';
import type { GroupFieldReads } from '../../../src/index/fan-out/group-fields.ts';
import { countGroup, searchGroupFields } from '../../../src/index/fan-out/group-fields.ts';
import { searchGroup } from '../../../src/index/fan-out/group-search.ts';
import { ShardReads } from '../../../src/index/fan-out/shard-reads.ts';
import type { IndexManifest, ShardMember } from '../../../src/index/index-manifest.ts';
import type { ReplicaRecord } from '../../../src/index/replicas/index-replicas.ts';
import { IndexReplicas } from '../../../src/index/replicas/index-replicas.ts';
import { GROUP_SIZES, GroupedRoutes } from '../../../src/index/routing/shard-groups.ts';
import type { Misplacement } from '../../../src/index/resharding/misplacement.ts';
import type { ReshardingPeers, ShardAsOf } from '../../../src/index/resharding/index-resharding.ts';
import { IndexResharding } from '../../../src/index/resharding/index-resharding.ts';
import { Locator } from '../../../src/index/locators/locator.ts';
import { ReplicatedRoutes, routesOf } from '../../../src/index/routing/replicated-routes.ts';
import type { RouteChange } from '../../../src/index/routing/route-changes.ts';
import type { RegionPage, RoutingSummary } from '../../../src/index/routing/routing-summary.ts';
import { regionPage, RoutingChangeLog } from '../../../src/index/routing/routing-summary.ts';
import type { RouteSource } from '../../../src/index/routing/route-reader.ts';
import { RouteReader } from '../../../src/index/routing/route-reader.ts';
import type { RouteTable } from '../../../src/index/routing/route-table.ts';
import { tableAround } from '../../../src/index/routing/shard-neighbours.ts';
import type { ShardRoute } from '../../../src/index/routing/shard-route.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { RoutedSearch } from '../../../src/index/fan-out/routed-search.ts';
import type { LocatorCalls, ShardCalls } from '../../../src/index/shards/shard-calls.ts';
import { RoutedShards } from '../../../src/index/shards/routed-shards.ts';
import type { IndexDirectory } from '../../../src/gateway/indexes/index-directory.ts';
import type { IndexShards } from '../../../src/index/shards/index-shards.ts';
import { ManifestCache } from '../../../src/gateway/indexes/manifest-cache.ts';
import { ok } from '../../../src/kernel/result.ts';
import { Mutex } from '../../../src/kernel/mutex.ts';
import type { NodeSql } from '../fakes/node-sql.ts';
import type { Actor, Faults } from './object-network.ts';
import { replicaPeers, startReplica } from './replica-actor.ts';
import { MemoryCell, ObjectNetwork, Unreachable } from './object-network.ts';
import { startShard } from './shard-actor.ts';
import { smallFloor } from './shard-world.ts';

/** A whole index of many objects in virtual time, from a seed: calls take time, are lost when an object dies, or arrive twice. */
export class GrowthWorld extends ObjectNetwork {
  readonly manifest: IndexManifest;
  readonly #floor = smallFloor(64 * 1024 * 1024);
  #waiting: (() => void)[] = [];
  /** By shard: the load of reads that a replica could answer, in objects kept busy. */
  heat = { of: (_shard: number): number => 0 };
  /** Sizes of shard groups, and the memory of each gateway for routes; changes apply to incarnations started afterwards. */
  groupSizes = GROUP_SIZES;
  routeBytesMax: number = INDEX_LIMITS.routeMemoryBytesMax;
  readonly routes = { groupsMax: 0, unchanged: 0, changesTold: 0, pages: 0, pagesAgain: 0 };
  replicaReads = 0;
  replicasMade = 0;
  /** The number of times a shard was rebalanced. */
  tidied = 0;

  constructor(manifest: IndexManifest, seed: number, faults: Faults) {
    super(seed, faults);
    this.manifest = manifest;
  }

  /** Creates the index with its first shard. */
  async create(): Promise<void> {
    await this.#indexPeers('client').openShard(0, 0, 0);
  }

  /** A gateway isolate with caches of its own. */
  gateway(): { using<T>(work: (shards: IndexShards, manifest: IndexManifest) => Promise<Outcome<T>>): Promise<Outcome<T>> } {
    const clock = { nowMs: () => this.nowMs };
    const call = <T>(object: string, method: string, ...args: unknown[]) => this.call<T>(undefined, object, method, args);
    const shard = (ordinal: number) => `shard:${ordinal}`;
    const locator = (ordinal: number) => `locator:${ordinal}`;
    const member = ({ shard: ordinal, replica }: ShardMember) => {
      if (replica === null) return shard(ordinal);
      this.replicaReads += 1;
      return `replica:${ordinal}:${replica}`;
    };
    const { id } = this.manifest;
    const pages = new Set<string>();
    const shards: ShardCalls = {
      read: (_, ordinal, name, request) => call(shard(ordinal), name, request),
      write: (_, name, request) => call(shard(0), name, request),
      lsn: () => call(shard(0), 'lsn', id),
      stats: (_, ordinal) => call(shard(ordinal), 'stats', { indexId: id }),
      routingSummary: (_, known) => call<RoutingSummary>('index', 'routingSummary', known),
      regions: (_, group, since) => {
        const page = `${group} since ${since}`;
        if (pages.has(page)) this.routes.pagesAgain += 1;
        pages.add(page);
        return call<RegionPage>('index', 'regions', group, since);
      },
    };
    const locators: LocatorCalls = {
      write: ({ locator: at }, write) => call(locator(at), 'write', write),
      remove: ({ locator: at }, removal) => call(locator(at), 'remove', removal),
      clear: ({ locator: at }, lsnSeen) => call(locator(at), 'clear', lsnSeen),
      claim: ({ locator: at }, repetition) => call(locator(at), 'claim', repetition),
      find: ({ locator: at }, keys) => call(locator(at), 'find', keys),
      counts: ({ locator: at }) => call(locator(at), 'counts'),
    };
    const directory: Pick<IndexDirectory, 'describe'> = {
      describe: (_, __, staleVersion) => call('index', 'describe', staleVersion),
    };
    const manifests = new ManifestCache(directory as IndexDirectory, clock);
    const members: MemberReads = {
      query: (_, at, query, consistency) => call(member(at), 'query', query, consistency),
      queryAll: async (manifest, at, queries, consistency) =>
        ok(await Promise.all(queries.map((query) => members.query(manifest, at, query, consistency)))),
      fetch: (_, { shard: ordinal }, fetch) => call(shard(ordinal), 'fetch', fetch),
      searchFields: (_, at, search, consistency) => call(member(at), 'searchFields', search, consistency),
      termStatistics: (_, at, asked, consistency) => call(member(at), 'termStatistics', asked, consistency),
    };
    const fanOut = new FanOut(clock, this);
    const reads = new ShardReads({ members, fanOut, choice: new MemberChoice(), clock });
    const reader = new RouteReader(this.routeBytesMax, { clock, wakeUps: new DirectWakeUps() });
    const search = new RoutedSearch({ search: (query, part) => searchGroup(reads, query, part) }, fanOut, clock);
    const groups: GroupFieldReads = {
      searchFields: (query) => searchGroupFields(reads, query),
      termStatistics: (query) => countGroup(reads, query),
    };
    const fields = new FieldSearch(groups, clock);
    const routed = new RoutedShards({ reads, shards, locators, search, fields, reader, clock, wakeUps: new DirectWakeUps() });
    return { using: (work) => manifests.using(this.manifest.tenantId, this.manifest.name, (manifest) => work(routed, manifest)) };
  }

  get table(): RouteTable | undefined {
    return this.actors.get('index')?.cells.get('routes') as RouteTable | undefined;
  }

  /** Lets `forMs` pass, and more while rows are moving. */
  async rest(forMs: number): Promise<void> {
    await this.run(forMs);
    await this.run(600_000, () => this.table?.shards.every(({ state }) => state.kind === 'serving') !== false);
  }

  /** What every shard is opened with. */
  get #shape(): Omit<ShardIdentity, 'indexId'> {
    const { dimensions, metric, fields } = this.manifest;
    return { dimensions, metric, ...(fields === undefined ? {} : { fields }) };
  }

  /** The database of an object. */
  sqlOf(name: string): NodeSql | undefined {
    return this.actors.get(name)?.sql;
  }

  protected override start(actor: Actor): NonNullable<Actor['live']> {
    if (actor.name === 'index') return this.#startIndex(actor);
    if (actor.name.startsWith('replica:')) return startReplica(this, actor, this.#floor, () => void this.actors.delete(actor.name));
    const forget = () => void this.actors.delete(actor.name);
    return actor.name.startsWith('shard:') ? startShard(this, actor, this.#floor, forget) : this.#startLocator(actor);
  }

  #startIndex(actor: Actor): NonNullable<Actor['live']> {
    const changes = new RoutingChangeLog();
    const cell = new GroupedRoutes(new MemoryCell<RouteTable>(actor, 'routes'), this.groupSizes);
    const { id } = this.manifest;
    const record = new MemoryCell<ReplicaRecord>(actor, 'replicas');
    const replicas = new IndexReplicas(record, replicaPeers(this, actor, id, this.#shape, this.heat));
    const replicated = new ReplicatedRoutes(cell, replicas, () => this.nowMs);
    const tables = () => routesOf(cell.get() ?? { version: 0, shards: [] });
    const cells = {
      table: replicated,
      change: new MemoryCell<RouteChange | null>(actor, 'change'),
      disorder: new MemoryCell<Misplacement>(actor, 'disorder'),
    };
    const growth = new IndexResharding(cells, this.#indexPeers(actor), () => this.nowMs);
    const turnstile = new Mutex();
    const changing = <T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> =>
      turnstile.pass(async () => {
        actor.alarmMs ??= this.nowMs + INDEX_LIMITS.indexLifecycleRetryMs;
        const outcome = await work();
        for (const wake of this.#waiting.splice(0)) wake();
        return outcome;
      });
    const routed = (): IndexManifest => {
      const version = cell.get()?.version ?? 0;
      return version === 0 ? { ...this.manifest, replicas: replicas.ready } : { ...this.manifest, routeVersion: version };
    };
    const tend = async (): Promise<void> => {
      for (const shard of tables().shards) if (this.heat.of(shard) > 0) replicas.watch(shard);
      if (!replicas.isWatching) return;
      actor.alarmMs = this.nowMs + INDEX_LIMITS.replicaTendMs;
      await replicas.tend(this.nowMs, tables().receiving).finally(() => replicated.publish());
      this.replicasMade = Math.max(this.replicasMade, replicas.ready.length);
    };
    return {
      methods: {
        describe: async (staleVersion?: number) => {
          if (staleVersion !== undefined && (cell.get()?.version ?? 0) <= staleVersion) {
            await new Promise<void>((resolve) => {
              this.#waiting.push(resolve);
              this.after(INDEX_LIMITS.routeWaitMs, resolve);
            });
          }
          return ok(routed());
        },
        routingSummary: async (known: number) => {
          if (growth.isChanging) await turnstile.pass(() => growth.settle()).catch(() => undefined);
          const summary = changes.summaryFor(growth.routes(this.manifest), known);
          if (summary.gone !== undefined) this.routes.changesTold += 1;
          const { groups } = summary;
          this.routes.groupsMax = Math.max(this.routes.groupsMax, groups.length);
          if (groups.length > 1) this.routes.unchanged += groups.filter(({ coarse }) => coarse === undefined).length;
          return ok(summary);
        },
        regions: (group: number, since: number) => {
          this.routes.pages += 1;
          return regionPage(growth.routes(this.manifest), group, since);
        },
        around: (ordinal: number) => ok(tableAround(growth.routes(this.manifest), ordinal)),
        spread: () => changing(() => growth.spread(this.manifest)),
        exported: () =>
          changing(async () => {
            const exported = growth.exported(this.manifest);
            const first = cell.get();
            // Spilled copies from the first split on: by default only an index of many shards has them.
            if (first?.margin === 0) cell.put({ ...first, margin: 0.4 });
            return exported;
          }),
        split: (request: never) => changing(() => growth.split(request)),
        share: (shard: never) => changing(() => growth.share(shard)),
        merge: (shard: never) => changing(() => growth.merge(shard)),
        drained: (shard: ShardAsOf) =>
          changing(() => {
            if (this.table?.shards.find(({ ordinal }) => ordinal === shard.ordinal)?.state.kind === 'tidying') this.tidied += 1;
            return growth.drained(shard);
          }),
      },
      alarm: () =>
        turnstile.pass(async () => {
          // A failed step is retried.
          actor.alarmMs = this.nowMs + INDEX_LIMITS.indexLifecycleRetryMs;
          if (growth.isMoving) await growth.settle().catch(() => undefined);
          else if (!replicas.isWatching && this.heat.of(0) === 0) actor.alarmMs = growth.rebalancingMs;
          if ((growth.rebalancingMs ?? Infinity) <= this.nowMs) {
            actor.alarmMs = this.nowMs + INDEX_LIMITS.indexLifecycleRetryMs;
            await growth.rebalance(replicas.shards).catch(() => undefined);
          }
          if (!growth.isChanging) await tend().catch(() => undefined);
        }),
    };
  }

  #indexPeers(caller: Actor | 'client'): ReshardingPeers {
    const from = caller === 'client' ? undefined : caller;
    const { id: indexId, tenantId, name } = this.manifest;
    const told = async (callee: string, method: string, ...args: unknown[]): Promise<void> => {
      const outcome = await this.call<null>(from, callee, method, args);
      // As on the platform, a refused call throws.
      if (!outcome.ok) throw new Unreachable(outcome.error.message);
    };
    return {
      openShard: (ordinal, since, locators) => {
        const budget = shardBudget(this.manifest);
        const route: ShardRoute = { tenantId, name, ordinal, since, budget, locators, isFenced: false, task: null };
        return told(`shard:${ordinal}`, 'open', { indexId, ...this.#shape }, route);
      },
      openLocator: (ordinal) => told(`locator:${ordinal}`, 'open'),
      export: (locators) => told('shard:0', 'export', locators),
      drain: async (ordinal, order) => {
        const drained = await this.call<number>(from, `shard:${ordinal}`, 'drain', [order]);
        if (!drained.ok) throw new Unreachable(drained.error.message);
        return drained.value;
      },
      raise: (ordinal, lsn) => told(`shard:${ordinal}`, 'raise', lsn),
      eraseShard: (ordinal) => told(`shard:${ordinal}`, 'erase'),
    };
  }

  #startLocator(actor: Actor): NonNullable<Actor['live']> {
    const ordinal = Number(actor.name.split(':')[1]);
    const store = new SqliteLocatorStore(actor.sql, { parts: INDEX_LIMITS.locatorsCount, part: ordinal });
    const { id: indexId } = this.manifest;
    this.counts.resumed += store.pending().length;
    const shard = (to: number, method: string, call: unknown) => this.call<never>(actor, `shard:${to}`, method, [call]);
    const reader = new RouteReader(INDEX_LIMITS.locatorRouteBytesMax, { clock: { nowMs: () => this.nowMs }, wakeUps: new DirectWakeUps() });
    const source: RouteSource = {
      indexId,
      routingSummary: (known) => this.call(actor, 'index', 'routingSummary', [known]),
      regions: (group, since) => this.call(actor, 'index', 'regions', [group, since]),
    };
    const peers = {
      routes: () => reader.ask(source),
      put: (to: number, rows: unknown) => shard(to, 'putRows', rows),
      remove: (to: number, removal: unknown) => shard(to, 'removeRows', removal),
      clear: (to: number, clearing: unknown) => shard(to, 'clearRows', clearing),
    };
    const locator = new Locator({ indexId, ordinal }, store, peers, () => this.nowMs);
    const armed = <T>(work: () => Promise<T>): Promise<T> => {
      actor.alarmMs ??= this.nowMs + INDEX_LIMITS.locatorRetryMs;
      return work();
    };
    return {
      methods: {
        open: () => ok(null),
        write: (write: never) => armed(() => locator.write(write)),
        remove: (removal: never) => armed(() => locator.remove(removal)),
        clear: (lsnSeen: number) => armed(() => locator.clear(lsnSeen)),
        claim: (repetition: never) => locator.claim(repetition),
        find: (keys: never) => ok(locator.find(keys)),
        counts: () => ok(store.counts(100)),
        move: (moves: never) => ok(locator.move(moves)),
        depart: (departures: never) => ok((locator.depart(departures), null)),
        adopt: (keys: never, removed: never, receipts: never) => ok((store.adopt(keys, removed, 0, receipts), null)),
      },
      alarm: async () => {
        if (store.isIdle()) return;
        actor.alarmMs = this.nowMs + INDEX_LIMITS.locatorRetryMs;
        await locator.resume();
      },
    };
  }
}

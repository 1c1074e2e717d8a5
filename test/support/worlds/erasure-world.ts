import { createHash } from 'node:crypto';
import { vi } from 'vitest';
import { QuotaService } from '../../../durable-objects/quota-service.ts';
import { parseShards } from '../../../src/cache/cache-layout.ts';
import { leaseFrom, underLease } from '../../../src/contract/tenancy/write-lease.ts';
import type { WriteLease } from '../../../src/contract/tenancy/write-lease.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { Acting } from '../../../src/gateway/tenancy/authority.ts';
import { TenantIndexes } from '../../../src/gateway/indexes/tenant-indexes.ts';
import { FileEraser } from '../../../src/gateway/files/file-eraser.ts';
import { FileWriter } from '../../../src/gateway/files/file-writer.ts';
import { CachePurger } from '../../../src/gateway/caches/purge-cache.ts';
import { ShardedCache } from '../../../src/gateway/caches/sharded-cache.ts';
import { KeyAuthenticator } from '../../../src/gateway/tenancy/key-authenticator.ts';
import type { OrganisationStore } from '../../../src/gateway/tenancy/organisation-store.ts';
import { erasureSteps, TenantEraser } from '../../../src/gateway/tenancy/erasure/tenant-eraser.ts';
import { Hmac } from '../../../src/kernel/hmac.ts';
import type { CacheOwnerId, IndexId, TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { formatApiKey, SECRET_BYTES } from '../../../src/tenancy/keys/api-key.ts';
import { DOOMED, NEIGHBOUR, ORGANISATION, WORD } from './erasure-parties.ts';
import type { Party } from './faulty-network.ts';
import { FaultyNetwork } from './faulty-network.ts';
import { MemoryFileStore } from '../fakes/memory-file-store.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { ObjectStorage, objectClasses } from './objects-in-node.ts';
import type { Made } from './objects-in-node.ts';
import { newKey } from '../fakes/tenancy.ts';

const SHARDS = '2';
const BEFORE = '1';
const SPAN_MS = 9_000;
const hmac = new Hmac('a pepper of at least thirty-two characters');

export type WorldGateway = Awaited<ReturnType<ErasureWorld['gateway']>>;

export type LateWrite = (gateway: WorldGateway) => Promise<Outcome<unknown>>;

/** What gateways do while the tenant is erased: see `LATE_TRAFFIC`. */
export interface Traffic {
  /** Every kind of write that stores something of the tenant. */
  writes(world: ErasureWorld): Readonly<Record<string, LateWrite>>;
  /** What another tenant stores at the same time. */
  fills(world: ErasureWorld, gateway: WorldGateway): Promise<void>;
}

/**
 * A tenant that is erased while gateways write for it in every possible way: the real object classes over storage in memory, and the
 * gateway's use cases, on a network that delays, loses and repeats messages. Gateways die, and their clocks differ from those of objects.
 * Indexes and shards are modelled only: apart from the lease and the registry, an erasure does not depend on what they do.
 */
export class ErasureWorld {
  readonly seen: Record<string, number> = {};
  readonly violations: string[] = [];
  readonly network: FaultyNetwork;
  readonly files: MemoryFileStore;
  /** Of each index: its id, and its number of rows. */
  readonly indexes = new Map<string, { readonly id: IndexId; rows: number }>();
  readonly #traffic: Traffic;
  readonly #objects = new Map<string, unknown>();
  readonly #quotaSql = new NodeSql();
  #classes!: Awaited<ReturnType<typeof objectClasses>>;
  #verifiedAtMs = Infinity;

  constructor(seed: number, traffic: Traffic) {
    this.#traffic = traffic;
    this.network = new FaultyNetwork(new Seeded(seed));
    this.files = new MemoryFileStore(() => this.network.nowMs);
  }

  async run(): Promise<void> {
    const { network } = this;
    this.#classes = await objectClasses();
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => network.nowMs);
    // Synchronous: the platform digests on another thread, for which virtual time does not wait.
    const digest = vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (_, data) => {
      return new Uint8Array(
        createHash('sha256')
          .update(data as Uint8Array)
          .digest(),
      ).buffer;
    });
    vi.stubGlobal('scheduler', { wait: (ms: number) => network.sleep(ms) });
    try {
      await this.#furnish();
      // A new log waits for leases that it might have granted before a restart.
      for (const owner of [DOOMED.tenant, ORGANISATION]) this.log(owner);
      const gateways = await Promise.all([-240, 0, 240].map((offsetMs) => this.gateway(offsetMs)));
      const at = (count: number, spanMs: number, what: () => void) => {
        for (let n = 0; n < count; n += 1) network.after(network.between(0, spanMs), what);
      };
      for (const [kind, write] of Object.entries(this.#traffic.writes(this)))
        at(6, SPAN_MS, () => void this.#try(kind, write, network.pick(gateways)));
      at(6, SPAN_MS, () => void this.#traffic.fills(this, network.pick(gateways)).catch(() => undefined));
      network.after(network.between(2_000, 6_000), () => void this.#erase());
      for (let atMs = 2_000; atMs < 40_000; atMs += 400) network.after(atMs, () => this.#look());
      await network.run();
      this.#look();
      if (this.#verifiedAtMs === Infinity) this.violations.push('the erasure never came to its end');
    } finally {
      clock.mockRestore();
      digest.mockRestore();
      vi.unstubAllGlobals();
    }
  }

  get organisation() {
    return this.#object('organisation', this.#classes.Organisation);
  }

  get registry() {
    return this.#object('registry', this.#classes.Registry);
  }

  get billing() {
    return this.#object('billing', this.#classes.Billing);
  }

  shard(owner: CacheOwnerId, name: string) {
    return this.#object(`cache ${owner}:${name}`, this.#classes.Cache);
  }

  log(owner: CacheOwnerId) {
    const get = (name: string) => this.#object(`cache ${name}`, this.#classes.Cache);
    const env = { EMBEDDING_CACHE: { idFromName: (name: string) => name, get }, CACHE_SHARDS: SHARDS, CACHE_SHARDS_BEFORE: BEFORE };
    return this.#object(`log ${owner}`, this.#classes.Log, env);
  }

  get quotas(): QuotaService {
    return new QuotaService(this.#quotaSql, this.network.nowMs);
  }

  /** Writes a row, and creates the index if asked to, as the objects of indexes do. */
  intoIndex(name: string, lease: WriteLease | undefined, create?: IndexId): Outcome<unknown> {
    const leased = underLease(lease, this.network.nowMs);
    if (!leased.ok) return leased;
    const known = this.indexes.get(name);
    if (known === undefined && create === undefined) return refuse('index_not_found', 'no index');
    const id = known?.id ?? create!;
    const reserved = known === undefined ? this.registry.reserve({ id, name } as never, null) : ok(null);
    if (!reserved.ok) return reserved;
    this.registry.confirm(name, id);
    this.indexes.set(name, { id, rows: (known?.rows ?? 0) + 1 });
    return ok(null);
  }

  /** Calls an object that may be too busy to start the call at once. */
  late<T>(party: Party, work: () => T | Promise<T>): Promise<T> {
    const { network } = this;
    return network.call(party, 12_000, async () => {
      if (network.chance(0.3)) await network.sleep(network.between(500, 6_000));
      const done = await work();
      this.#look();
      return done;
    });
  }

  cacheOf({ party }: WorldGateway, isMoving: boolean): ShardedCache {
    return new ShardedCache({
      layout: { shards: parseShards(isMoving ? SHARDS : BEFORE, 64), before: isMoving ? parseShards(BEFORE, 64) : [] },
      shardOf: (owner, name) => ({
        get: (...args) => this.network.call(party, 2_000, () => this.shard(owner, name).get(...args)),
        put: (...args) => this.late(party, () => this.shard(owner, name).put(...args)),
      }),
      background: (work) => void work.catch(() => undefined),
      onFailure: () => {},
    });
  }

  /** One isolate: the keys it knows, its clock, and its connection to the file store. */
  async gateway(offsetMs: number) {
    const { network } = this;
    const party = { stalledUntilMs: 0, hear: () => {} };
    const clock = { nowMs: () => network.nowMs + offsetMs };
    const cutOffAtMs = network.nowMs + network.between(1_000, 6_000);
    const organisations = {
      at: () => this.#far(party, this.organisation),
      directory: () => refuse('internal_error', 'not needed') as never,
    };
    const authenticator = new KeyAuthenticator({
      adminKey: 'none',
      hmac,
      clock,
      wakeUps: new DirectWakeUps(),
      lookup: async (id) => {
        // Cut off for some time, as a distant gateway may be.
        if (network.nowMs >= cutOffAtMs && network.nowMs < cutOffAtMs + 12_000) throw new Error('away');
        const found = await network.call(party, 2_000, () => this.organisation.admit(id));
        return found.ok ? found.value : undefined;
      },
    });
    const actingFor = async ({ tenant, key, project }: typeof DOOMED): Promise<Acting> => {
      const credential = await authenticator.present(formatApiKey(key, new Uint8Array(SECRET_BYTES)));
      const lease = async () => {
        const proof = await credential.prove();
        return proof.ok ? ok(proof.value.lease) : proof;
      };
      const named = { organisationId: ORGANISATION, tenantId: tenant, projectId: project, keyId: key };
      return { principal: { kind: 'tenant', ...named, owner: 'o', scopes: [] }, authority: { lease } };
    };
    const writer = new FileWriter({ store: this.#slowFiles(), clock });
    // Tenants known to have a registry: the isolate calls it without checking first.
    const opened = new Set<TenantId>();
    return { party, clock, opened, organisations, writer, doomed: await actingFor(DOOMED), neighbour: await actingFor(NEIGHBOUR) };
  }

  #object<T>(name: string, Class: Made<T>, env: object = {}): T {
    const known = (this.#objects.get(name) as T | undefined) ?? new Class({ storage: new ObjectStorage() }, env);
    this.#objects.set(name, known);
    return known;
  }

  /** The object, with every method called over the network. */
  #far(party: Party, object: object): OrganisationStore {
    const call =
      (_: object, name: string) =>
      (...args: unknown[]) =>
        this.network.call(party, 4_000, () => (object as Record<string, (...all: unknown[]) => unknown>)[name]!(...args));
    return new Proxy({}, { get: call }) as OrganisationStore;
  }

  /** A slow file store. Now and then its caller dies, before the call or before the answer. */
  #slowFiles(): MemoryFileStore {
    const { network, files } = this;
    const pause = () => network.sleep(network.chance(0.25) ? network.between(500, 6_000) : network.between(1, 30));
    const slowly =
      (name: string) =>
      async (...args: unknown[]) => {
        if (network.chance(0.01)) return new Promise(() => {});
        await pause();
        const done = await (files as unknown as Record<string, (...all: unknown[]) => unknown>)[name]!(...args);
        this.#look();
        if (network.chance(0.01)) return new Promise(() => {});
        await pause();
        return done;
      };
    return new Proxy({}, { get: (_: object, name: string) => (name === 'then' ? undefined : slowly(name)) }) as MemoryFileStore;
  }

  /** Creates two tenants that share a cache, with a key each. */
  async #furnish(): Promise<void> {
    const [ticket, store] = [{ actor: 'admin', digest: 'd' } as const, this.organisation];
    await store.found({ id: ORGANISATION, name: 'org', owner: 'o', createdAtMs: 1 }, ticket, false);
    await store.shareCache(true, 'admin');
    for (const { tenant, project, key } of [DOOMED, NEIGHBOUR]) {
      const of = { organisationId: ORGANISATION, owner: 'o', createdAtMs: 1 };
      const record = { ...of, id: tenant, name: `t-${tenant}`, defaultProjectId: project, hasIndexes: false };
      await store.addTenant(record, { id: project, tenantId: tenant, name: 'default', owner: 'o', createdAtMs: 1 }, ticket);
      const mac = await hmac.hex(formatApiKey(key, new Uint8Array(SECRET_BYTES)));
      await store.addKey(newKey({ id: key, organisationId: ORGANISATION, tenantId: tenant, projectId: project, mac }), ticket);
    }
  }

  async #try(kind: string, write: LateWrite, gateway: WorldGateway): Promise<void> {
    const done = await write(gateway).catch(() => undefined);
    const what = done === undefined ? 'lost' : done.ok ? 'done' : 'refused';
    this.seen[`${kind} ${what}`] = (this.seen[`${kind} ${what}`] ?? 0) + 1;
  }

  /** An operator repeats an erasure until it reports that nothing is left. */
  async #erase(): Promise<void> {
    const { network } = this;
    const clock = { nowMs: () => network.nowMs };
    // The eraser is near the objects: nothing keeps it from being fast, but a call fails now and then.
    const call = async <T>(work: () => T | Promise<T>): Promise<T> => {
      await network.sleep(network.between(1, 10));
      if (network.chance(0.01)) throw new Error('away');
      return work();
    };
    const near = (object: object) =>
      new Proxy(object, {
        get:
          (of: object, name: string) =>
          (...args: unknown[]) =>
            call(() => (of as Record<string, (...all: unknown[]) => unknown>)[name]!(...args)),
      }) as OrganisationStore;
    const organisations = { at: () => near(this.organisation), directory: () => refuse('internal_error', 'not needed') as never };
    const directory = {
      close: () => call(() => (this.registry.open(), this.registry.close(100))),
      taken: () => call(() => this.registry.taken(100)),
      remove: (_: TenantId, name: string) => call(() => this.#removeIndex(name)),
    };
    const logs = {
      eraseTenant: (owner: CacheOwnerId, tenant: TenantId) => call(() => this.log(owner).eraseTenant(owner, tenant)),
      left: (owner: CacheOwnerId, tenant: TenantId) => call(() => this.log(owner).left(owner, tenant)),
    };
    const quotas = {
      erase: (tenant: TenantId, below: never) => call(() => this.quotas.erase(tenant, below)),
      countLevels: (ids: never) => call(() => this.quotas.left(ids)),
    };
    const steps = erasureSteps({
      sleep: (ms) => network.sleep(ms),
      at: () => organisations.at(),
      quotas: (() => quotas) as never,
      indexes: new TenantIndexes(directory as never),
      // The scheduler erases by its own rule (J84).
      jobs: { eraseTenant: async () => 0, jobCount: async () => 0 },
      // Its shards bar a tenant as they erase it (P56).
      logs: { eraseTenant: async () => undefined, count: async () => 0 },
      // It bars a tenant as it erases it (U136).
      requests: () => ({ erase: async () => undefined, count: async () => 0 }),
      // As above (J276, U251).
      batches: () => ({ erase: async () => undefined, count: async () => 0 }),
      answers: () => ({ erase: async () => undefined, count: async () => 0 }),
      files: new FileEraser({ store: near(this.files) as never, clock }),
      // Their registry bars an owner as it erases it (M43).
      models: {
        registries: () => ({ erase: async () => undefined, count: async () => 0 }),
        store: { erase: async () => 0, count: async () => 0 },
      } as never,
      // Its registry bars an owner as it erases it (U7).
      upstreams: () => ({ erase: async () => undefined, count: async () => 0 }),
      // Its object bars a tenant as it erases it (SL9).
      debt: () => ({ eraseTenant: async () => undefined, countOf: async () => 0 }),
      planning: () => ({ erase: async () => undefined, count: async () => 0 }),
      billing: (() => near(this.billing)) as never,
      purger: new CachePurger({ logs, organisations } as never),
    });
    const eraser = new TenantEraser(organisations, steps, (ms) => network.sleep(ms));
    for (let tries = 0; tries < 60; tries += 1) {
      // The gateway that carries out the call may die, so the wait is bounded.
      const answered = Promise.race([eraser.erase({ kind: 'admin' }, DOOMED.tenant).catch(() => undefined), network.sleep(60_000)]);
      const erased = await answered;
      if (erased?.ok === true && erased.value.isVerified) {
        this.#verifiedAtMs = network.nowMs;
        this.#createLate();
        return this.#look();
      }
      // Writes announced by a gateway that died are waited for.
      await network.sleep(tries < 20 ? network.between(100, 3_000) : 60_000);
    }
  }

  /** [T59] What always happens in the end: a gateway that cannot reach the organisation creates an index under a lease that it gave itself. */
  #createLate(): void {
    this.registry.open();
    this.intoIndex('late', { ...leaseFrom(this.network.nowMs), isUnconfirmed: true }, 'ix_late' as IndexId);
  }

  #removeIndex(name: string): Outcome<unknown> {
    const known = this.indexes.get(name);
    if (known === undefined) return refuse('index_not_found', 'no index');
    this.indexes.delete(name);
    return this.registry.release(name, known.id);
  }

  /** From the moment the erasure is verified, no object holds anything of the tenant. */
  #look(): void {
    if (this.network.nowMs < this.#verifiedAtMs || this.violations.length > 0) return;
    for (const [what, found] of Object.entries(this.#census())) {
      if (found !== 0)
        this.violations.push(`${found} of ${what}, ${this.network.nowMs - this.#verifiedAtMs} ms after the erasure was verified`);
    }
  }

  #census(): Record<string, number> {
    const { tenant, project, key } = DOOMED;
    const listed = (outcome: unknown): readonly unknown[] => (outcome as { value: readonly unknown[] }).value;
    const { value: aliases } = this.registry.aliasPage(undefined, undefined, 100) as { value: { aliases: readonly unknown[] } };
    const shards = [...new Set([SHARDS, BEFORE].flatMap((text) => parseShards(text, 64).map(({ name }) => name)))];
    const entries = (owner: CacheOwnerId, predicate: object) =>
      shards.reduce((sum, name) => sum + this.shard(owner, name).count(predicate).entries, 0);
    const words = [tenant, ORGANISATION].filter((owner) => JSON.stringify(this.log(owner).lease(0).tail).includes(WORD));
    const neighbours = entries(ORGANISATION, { filledBy: NEIGHBOUR.tenant });
    if (neighbours > 0) this.seen['neighbours kept'] = (this.seen['neighbours kept'] ?? 0) + 1;
    return {
      'keys and projects': listed(this.organisation.belowTenant(tenant)).length,
      files: this.files.countOf(tenant),
      'cached embeddings': entries(tenant, {}),
      'embeddings in the shared cache': entries(ORGANISATION, { filledBy: tenant }),
      'words in purge logs': words.length,
      names: listed(this.registry.taken(100)).length + aliases.aliases.length,
      indexes: this.indexes.size,
      quotas: this.quotas.left([tenant, project, key]),
      'statistics and budgets': this.billing.left(tenant, [project, key]) as number,
    };
  }
}

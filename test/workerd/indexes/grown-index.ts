import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { expect } from 'vitest';

import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import type { IndexObject } from '../../../durable-objects/index-object.ts';
import type { LocatorObject } from '../../../durable-objects/locator-object.ts';
import type { ReplicaObject } from '../../../durable-objects/replica-object.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { IndexManifest, ShardMember } from '../../../src/index/index-manifest.ts';
import { indexObjectName, locatorName, shardName } from '../../../src/index/index-manifest.ts';
import { RouteReader } from '../../../src/index/routing/route-reader.ts';
import type { RoutingSummary } from '../../../src/index/routing/routing-summary.ts';
import type { ReadConsistency } from '../../../src/ann/replication/read-consistency.ts';
import { STRONG } from '../../../src/ann/replication/read-consistency.ts';
import type { QueryTarget, Written } from '../../../src/ann/shard-protocol.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { allOf } from '../../../src/contract/api/outcome.ts';
import { FanOut } from '../../../src/index/fan-out/fan-out.ts';
import { MemberChoice } from '../../../src/index/fan-out/member-choice.ts';
import { ShardReads } from '../../../src/index/fan-out/shard-reads.ts';
import { DurableMembers } from '../../../durable-objects/durable-members.ts';
import type { MembersEnv } from '../../../durable-objects/durable-members.ts';
import { systemTimer } from '../../../durable-objects/system-time.ts';
import { RoutedSearch } from '../../../src/index/fan-out/routed-search.ts';
import type { BatchPart } from '../../../src/index/fan-out/search-batch.ts';
import { SearchBatch } from '../../../src/index/fan-out/search-batch.ts';
import { FieldSearch } from '../../../src/index/fan-out/field-search.ts';
import { countGroup, searchGroupFields } from '../../../src/index/fan-out/group-fields.ts';
import { TreeSearch } from '../../../src/index/fan-out/group-search.ts';
import { RoutedShards } from '../../../src/index/shards/routed-shards.ts';
import type { IndexDirectory } from '../../../src/gateway/indexes/index-directory.ts';
import type { IndexShards } from '../../../src/index/shards/index-shards.ts';
import { ManifestCache } from '../../../src/gateway/indexes/manifest-cache.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import { DurableShards } from '../../../workers/gateway/adapters/indexes/durable-shards.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';
import { IN_FORCE } from '../../support/fakes/in-force.ts';

interface GrownEnv {
  readonly INDEX: DurableObjectNamespace<IndexObject>;
  readonly LOCATOR: DurableObjectNamespace<LocatorObject>;
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  readonly REPLICA: DurableObjectNamespace<ReplicaObject>;
}

export const { INDEX, LOCATOR, SHARD, REPLICA } = env as unknown as GrownEnv;
const DIMENSIONS = 4;
const INCLUDE = { values: false, metadata: true, text: false };
const CLOCK = { nowMs: () => Date.now() };

export const manifestOf = (name: string): IndexManifest => ({
  id: `ix_${name}` as IndexId,
  tenantId: 'tn_grow' as TenantId,
  name,
  dimensions: DIMENSIONS,
  metric: 'cosine',
  shardVectorsMax: 32,
  embedding: null,
  owner: 'search',
  createdS: 1,
  generation: 1,
});

export function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

export const MODES = ['resident', 'evicted between calls'] as const;
export type Mode = (typeof MODES)[number];

/** Those that a suite runs in: both in `npm run test:full`, the usual one in `npm test`. */
export const modes = (usual: Mode): readonly Mode[] => (process.env['SLUICE_TEST_FULL'] === '1' ? MODES : [usual]);

/** A gateway isolate over the objects of one index, and what was written through it. */
export class Gateway {
  readonly manifest: IndexManifest;
  readonly written = new Map<string, { readonly values: Float32Array; readonly metadata: string }>();
  readonly vectors: Clusters;
  replicaReads = 0;
  /** How far its clock is ahead. */
  turnedMs = 0;
  /** Calls with several searches: to which member, and how many. */
  readonly sharedCalls: { readonly member: ShardMember; readonly count: number }[] = [];
  readonly shards: RoutedShards;
  readonly #manifests: ManifestCache;
  #serial = 0;

  constructor(manifest: IndexManifest, vectors = new Clusters({ dimensions: DIMENSIONS, count: 6, spread: 0.4, seed: 7 })) {
    this.vectors = vectors;
    const calls = new DurableShards({ INDEX, LOCATOR, SHARD });
    const clock = { nowMs: () => Date.now() + this.turnedMs };
    const describeIndex: IndexDirectory['describe'] = (tenantId, name, staleVersion) =>
      INDEX.getByName(indexObjectName(tenantId, name)).describe(name, staleVersion);
    this.manifest = manifest;
    this.#manifests = new ManifestCache({ describe: describeIndex } as IndexDirectory, clock);
    const fanOut = new FanOut(CLOCK, systemTimer);
    const members = new DurableMembers(env as unknown as MembersEnv);
    const reads = new ShardReads({
      members: {
        query: (asked, member, ...rest) => {
          if (member.replica !== null) this.replicaReads += 1;
          return members.query(asked, member, ...rest);
        },
        queryAll: (asked, member, queries, ...rest) => {
          this.sharedCalls.push({ member, count: queries.length });
          return members.queryAll(asked, member, queries, ...rest);
        },
        fetch: (...args) => members.fetch(...args),
        searchFields: (asked, member, ...rest) => {
          if (member.replica !== null) this.replicaReads += 1;
          return members.searchFields(asked, member, ...rest);
        },
        termStatistics: (...args) => members.termStatistics(...args),
      },
      fanOut,
      choice: new MemberChoice(),
      clock: CLOCK,
    });
    const search = new RoutedSearch(
      new TreeSearch(reads, { search: () => Promise.reject(new Error('few shards need no groups')) }, fanOut),
      fanOut,
      CLOCK,
    );
    const sharing = { clock: CLOCK, wakeUps: new DirectWakeUps() };
    const reader = new RouteReader(INDEX_LIMITS.routeMemoryBytesMax, sharing);
    this.shards = new RoutedShards({
      reads,
      shards: calls,
      locators: calls.locators,
      search,
      fields: new FieldSearch(
        { searchFields: (query) => searchGroupFields(reads, query), termStatistics: (query) => countGroup(reads, query) },
        CLOCK,
      ),
      reader,
      ...sharing,
    });
  }

  async ask<T>(call: (shards: IndexShards, manifest: IndexManifest) => Promise<Outcome<T>>): Promise<T> {
    const { tenantId, name } = this.manifest;
    return value(await this.#manifests.using(tenantId, name, (manifest) => call(this.shards, manifest)));
  }

  /** Returns the count and the LSN. */
  async write(ids: readonly string[], idempotencyKey?: string): Promise<Written> {
    const { written, vectors, metadata } = await this.#upsert(ids, idempotencyKey);
    ids.forEach((id, i) => this.written.set(id, { values: vectors[i]!, metadata: metadata[i]! }));
    return written;
  }

  /** Repeats a write under its key with other values: none of them may be found later. */
  async repeat(ids: readonly string[], idempotencyKey: string): Promise<Written> {
    const { written } = await this.#upsert(ids, idempotencyKey);
    return written;
  }

  /** Repeats a write that was cut off after `isWritten` were written. */
  async finish(ids: readonly string[], isWritten: readonly string[], idempotencyKey: string): Promise<Written> {
    const { written, vectors, metadata } = await this.#upsert(ids, idempotencyKey);
    for (const [i, id] of ids.entries()) {
      if (!isWritten.includes(id)) this.written.set(id, { values: vectors[i]!, metadata: metadata[i]! });
    }
    return written;
  }

  stats() {
    return this.ask((shards, manifest) => shards.of(manifest).stats());
  }

  async #upsert(ids: readonly string[], idempotencyKey?: string) {
    const vectors = ids.map(() => this.vectors.next());
    const values = new Float32Array(ids.length * DIMENSIONS);
    vectors.forEach((vector, i) => values.set(vector, i * DIMENSIONS));
    const metadata = ids.map((id) => JSON.stringify({ n: (this.#serial += 1), even: Number(id.slice(1)) % 2 === 0 }));
    const repetition = idempotencyKey === undefined ? null : { idempotencyKey, digest: ids.join() };
    const written = await this.ask((shards, manifest) =>
      shards
        .of(manifest)
        .write(
          'upsert',
          { indexId: manifest.id, ids, namespaces: ids.map(() => ''), values, metadata, texts: ids.map(() => null), repetition },
          IN_FORCE,
        ),
    );
    return { written, vectors, metadata };
  }

  query(target: QueryTarget, topK: number, exact: boolean, more: object = {}, consistency: ReadConsistency = STRONG) {
    const plain = { target, namespace: '', topK, filter: null, excludeIds: [], include: INCLUDE, exact, ...more };
    return this.ask((shards, manifest) => shards.of(manifest).query({ indexId: manifest.id, ...plain }, { consistency }));
  }

  /** Several searches at once, which share calls. */
  queryAll(targets: readonly QueryTarget[], topK: number, more: object = {}) {
    const plain = { namespace: '', topK, filter: null, excludeIds: [], include: INCLUDE, ...more };
    return this.ask((shards, manifest) => {
      const batch = new SearchBatch(targets.length);
      const search = (target: QueryTarget, part: BatchPart) =>
        shards.of(manifest).query({ indexId: manifest.id, target, ...plain }, { consistency: STRONG, part });
      return allOf(targets.map((target) => batch.part((part) => search(target, part))));
    });
  }

  fetch(ids: readonly string[]) {
    return this.ask((shards, manifest) => shards.of(manifest).fetch({ indexId: manifest.id, namespace: '', ids, include: INCLUDE }));
  }

  delete(selection: object) {
    return this.ask((shards, manifest) =>
      shards.of(manifest).write('delete', { indexId: manifest.id, selection: selection as never }, IN_FORCE),
    );
  }

  /** Everything that was written is found exactly once, by its values and by its id. */
  async expectAll(consistency: ReadConsistency = STRONG): Promise<void> {
    const found = await this.query({ kind: 'values', values: new Float32Array(this.vectors.next()) }, 1000, true, {}, consistency);
    expect(found.missing).toBe(undefined);
    expect(found.ids.length).toBe(new Set(found.ids).size);
    expect(new Map(found.ids.map((id, i) => [id, found.metadata?.[i]]))).toEqual(this.#expected());
    const ids = [...this.written.keys()];
    const fetched = await this.fetch([...ids, 'absent']);
    expect(fetched.ids).toEqual(ids);
    expect(await this.stats()).toMatchObject({
      count: ids.length,
      namespaces: ids.length > 0 ? 1 : 0,
    });
  }

  #expected(): Map<string, string> {
    return new Map([...this.written].map(([id, { metadata }]) => [id, metadata]));
  }
}

export const routesOf = async ({ tenantId, name, id }: IndexManifest): Promise<RoutingSummary> =>
  value((await INDEX.getByName(indexObjectName(tenantId, name)).routingSummary(name, id, 0)) as Outcome<RoutingSummary>);

export async function objectsOf(manifest: IndexManifest): Promise<DurableObjectStub[]> {
  const { shards, locators } = await routesOf(manifest);
  const ordinals = shards.length === 0 ? [0] : shards.map(({ ordinal }) => ordinal);
  return [
    INDEX.getByName(indexObjectName(manifest.tenantId, manifest.name)),
    ...ordinals.map((ordinal) => SHARD.getByName(shardName(manifest, ordinal))),
    ...Array.from({ length: locators }, (_, ordinal) => LOCATOR.getByName(locatorName(manifest, ordinal))),
  ] as DurableObjectStub[];
}

export const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `v${from + i}`);

export const indexOf = ({ tenantId, name }: IndexManifest) => INDEX.getByName(indexObjectName(tenantId, name));

export async function create(manifest: IndexManifest, vectors?: Clusters): Promise<Gateway> {
  value((await indexOf(manifest).create(manifest, { idempotencyKey: null, bodyDigest: 'd' })) as Outcome<IndexManifest>);
  return new Gateway(manifest, vectors);
}

export async function evictAll(stubs: readonly DurableObjectStub[]): Promise<void> {
  for (const stub of stubs) {
    await runInDurableObject(stub, () => undefined);
    await evictDurableObject(stub);
  }
}

export async function between(mode: Mode, manifest: IndexManifest): Promise<void> {
  if (mode !== 'resident') await evictAll(await objectsOf(manifest));
}

/** Runs alarms until nothing moves and the table satisfies the condition. */
export async function untilShards(
  mode: Mode,
  gateway: Gateway,
  isEnough: (summary: RoutingSummary) => boolean,
  each: (round: number) => Promise<void> = async () => undefined,
): Promise<RoutingSummary> {
  for (let round = 0; round < 200; round += 1) {
    for (const stub of await objectsOf(gateway.manifest)) await runDurableObjectAlarm(stub);
    await between(mode, gateway.manifest);
    await each(round);
    const table = await routesOf(gateway.manifest);
    const isCalm = table.version > 0 && table.shards.every(({ state }) => state.kind === 'serving');
    if (isCalm && isEnough(table)) return table;
    await scheduler.wait(100);
  }
  throw new Error('the index never came to rest');
}

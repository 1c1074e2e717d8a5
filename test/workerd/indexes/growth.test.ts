import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import { residueOf } from '../../../durable-objects/residue-of.ts';
import type { GrowthEnv } from '../../../durable-objects/growth-stubs.ts';
import type { IndexManifest } from '../../../src/ann/index-manifest.ts';
import { indexObjectName, locatorName, shardName } from '../../../src/ann/index-manifest.ts';
import type { RouteTable } from '../../../src/ann/routing/route-table.ts';
import type { QueryTarget } from '../../../src/ann/shard-protocol.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { FanOut } from '../../../src/ann/fan-out/fan-out.ts';
import { MemberChoice } from '../../../src/ann/fan-out/member-choice.ts';
import { ShardReads } from '../../../src/ann/fan-out/shard-reads.ts';
import { DurableMembers } from '../../../durable-objects/durable-members.ts';
import type { MembersEnv } from '../../../durable-objects/durable-members.ts';
import { systemTimer } from '../../../durable-objects/system-timer.ts';
import { RoutedSearch } from '../../../src/gateway/growth/routed-search.ts';
import { TreeSearch } from '../../../src/gateway/growth/tree-search.ts';
import { RoutedShards } from '../../../src/gateway/growth/routed-shards.ts';
import type { IndexDirectory } from '../../../src/gateway/index-directory.ts';
import type { IndexShards } from '../../../src/gateway/index-shards.ts';
import { ManifestCache } from '../../../src/gateway/manifest-cache.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import { DurableGrowth } from '../../../workers/gateway/adapters/durable-growth.ts';
import { DurableShards } from '../../../workers/gateway/adapters/durable-shards.ts';
import { Clusters } from '../../support/clusters.ts';

const { INDEX, LOCATOR, SHARD } = env as unknown as GrowthEnv;
const DIMENSIONS = 4;
const INCLUDE = { values: false, metadata: true, text: false };
const CLOCK = { nowMs: () => Date.now() };

const manifestOf = (name: string): IndexManifest => ({
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

function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

/** A gateway isolate over the objects of one index, and what was written through it. */
class Gateway {
  readonly manifest: IndexManifest;
  readonly written = new Map<string, { readonly values: Float32Array; readonly metadata: string }>();
  readonly vectors = new Clusters({ dimensions: DIMENSIONS, count: 6, spread: 0.4, seed: 7 });
  readonly #shards: RoutedShards;
  readonly #manifests: ManifestCache;

  constructor(manifest: IndexManifest) {
    const growing = new DurableGrowth({ INDEX, LOCATOR, SHARD });
    const describeIndex: IndexDirectory['describe'] = (tenantId, name, staleVersion) =>
      INDEX.getByName(indexObjectName(tenantId, name)).describe(name, staleVersion);
    this.manifest = manifest;
    this.#manifests = new ManifestCache({ describe: describeIndex } as IndexDirectory, CLOCK);
    const fanOut = new FanOut(CLOCK, systemTimer);
    const reads = new ShardReads({
      members: new DurableMembers(env as unknown as MembersEnv),
      fanOut,
      choice: new MemberChoice(),
      clock: CLOCK,
    });
    const search = new RoutedSearch(
      new TreeSearch(reads, { search: () => Promise.reject(new Error('few shards need no groups')) }, fanOut),
      fanOut,
      CLOCK,
    );
    this.#shards = new RoutedShards({ only: new DurableShards(SHARD, reads), shards: growing, locators: growing.locators, search });
  }

  async ask<T>(call: (shards: IndexShards, manifest: IndexManifest) => Promise<Outcome<T>>): Promise<T> {
    const { tenantId, name } = this.manifest;
    return value(await this.#manifests.using(tenantId, name, (manifest) => call(this.#shards, manifest)));
  }

  async write(ids: readonly string[], idempotencyKey?: string): Promise<number> {
    const vectors = ids.map(() => this.vectors.next());
    const values = new Float32Array(ids.length * DIMENSIONS);
    vectors.forEach((vector, i) => values.set(vector, i * DIMENSIONS));
    const metadata = ids.map((id, i) => JSON.stringify({ n: this.written.size + i, even: Number(id.slice(1)) % 2 === 0 }));
    const repetition = idempotencyKey === undefined ? null : { idempotencyKey, digest: ids.join() };
    const { count } = await this.ask((shards, manifest) =>
      shards.upsert(manifest, {
        indexId: manifest.id,
        ids,
        namespaces: ids.map(() => ''),
        values,
        metadata,
        texts: ids.map(() => null),
        repetition,
      }),
    );
    ids.forEach((id, i) => this.written.set(id, { values: vectors[i]!, metadata: metadata[i]! }));
    return count;
  }

  query(target: QueryTarget, topK: number, exact: boolean, more: object = {}) {
    return this.ask((shards, manifest) =>
      shards.query(manifest, {
        indexId: manifest.id,
        target,
        namespace: '',
        topK,
        filter: null,
        excludeIds: [],
        include: INCLUDE,
        exact,
        ...more,
      }),
    );
  }

  fetch(ids: readonly string[]) {
    return this.ask((shards, manifest) => shards.fetch(manifest, { indexId: manifest.id, namespace: '', ids, include: INCLUDE }));
  }

  delete(selection: object) {
    return this.ask((shards, manifest) => shards.delete(manifest, { indexId: manifest.id, selection: selection as never }));
  }

  /** Everything that was written is found, once, by its values and by its id. */
  async expectAll(): Promise<void> {
    const found = await this.query({ kind: 'values', values: new Float32Array(this.vectors.next()) }, 1000, true);
    expect(found.ids.length).toBe(new Set(found.ids).size);
    expect(new Map(found.ids.map((id, i) => [id, found.metadata?.[i]]))).toEqual(this.#expected());
    const ids = [...this.written.keys()];
    const fetched = await this.fetch([...ids, 'absent']);
    expect(fetched.ids).toEqual(ids);
    expect(await this.ask((shards, manifest) => shards.stats(manifest))).toMatchObject({
      count: ids.length,
      namespaces: ids.length > 0 ? 1 : 0,
    });
  }

  #expected(): Map<string, string> {
    return new Map([...this.written].map(([id, { metadata }]) => [id, metadata]));
  }
}

const routesOf = async ({ tenantId, name, id }: IndexManifest): Promise<RouteTable> =>
  value((await INDEX.getByName(indexObjectName(tenantId, name)).routes(name, id)) as Outcome<RouteTable>);

async function objectsOf(manifest: IndexManifest): Promise<DurableObjectStub[]> {
  const { shards, locators } = await routesOf(manifest);
  const ordinals = shards.length === 0 ? [0] : shards.map(({ ordinal }) => ordinal);
  return [
    INDEX.getByName(indexObjectName(manifest.tenantId, manifest.name)),
    ...ordinals.map((ordinal) => SHARD.getByName(shardName(manifest, ordinal))),
    ...Array.from({ length: locators }, (_, ordinal) => LOCATOR.getByName(locatorName(manifest, ordinal))),
  ] as DurableObjectStub[];
}

const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `v${from + i}`);

describe.each(['resident', 'evicted between calls'] as const)('[RT9] an index that grows, %s', (mode) => {
  const between = async (manifest: IndexManifest): Promise<void> => {
    if (mode === 'resident') return;
    for (const stub of await objectsOf(manifest)) {
      await runInDurableObject(stub, () => undefined);
      await evictDurableObject(stub);
    }
  };

  /** Runs what alarms are for, until nothing moves and there are so many shards. */
  const untilShards = async (gateway: Gateway, isEnough: (table: RouteTable) => boolean, each: (round: number) => Promise<void>) => {
    for (let round = 0; round < 200; round += 1) {
      for (const stub of await objectsOf(gateway.manifest)) await runDurableObjectAlarm(stub);
      await between(gateway.manifest);
      await each(round);
      const table = await routesOf(gateway.manifest);
      const isCalm = table.version > 0 && table.shards.every(({ state }) => state.kind === 'serving');
      if (isCalm && isEnough(table)) return table;
      await scheduler.wait(100);
    }
    throw new Error('the index never came to rest');
  };

  it('splits while it is read and written, finds everything, deletes by filter and all, and leaves nothing behind', async () => {
    const gateway = new Gateway(manifestOf(`grows-${mode.slice(0, 3)}`));
    const { manifest } = gateway;
    value(
      (await INDEX.getByName(indexObjectName(manifest.tenantId, manifest.name)).create(manifest, {
        idempotencyKey: null,
        bodyDigest: 'd',
      })) as Outcome<IndexManifest>,
    );
    const stale = new Gateway(manifest);
    await stale.fetch(['nothing']);
    await gateway.write(range(0, 100));
    let next = 100;
    const table = await untilShards(
      gateway,
      ({ shards }) => shards.length >= 4,
      async (round) => {
        if (round < 30) await gateway.write(range(next, (next += 2)));
        await gateway.write([`v${round % 50}`]);
        const id = `v${(round * 7) % 50}`;
        const [found] = [await gateway.query({ kind: 'id', id }, 1, false)];
        expect(found.scores[0]).toBeCloseTo(1, 5);
      },
    );
    expect(table.highest).toBeGreaterThanOrEqual(3);
    await gateway.expectAll();
    // An isolate that knows nothing of all this is corrected.
    expect((await stale.fetch(['v1', 'v60'])).ids).toEqual(['v1', 'v60']);

    const first = await gateway.write(range(0, 12), 'once');
    expect(await gateway.write(range(0, 12), 'once').catch(() => 0)).toBe(first);
    await between(manifest);
    const liked = await gateway.query({ kind: 'examples', positive: ['v1', 'v2'], negative: ['v3'] }, 8, true);
    expect(liked.ids).toHaveLength(8);
    for (const id of ['v1', 'v2', 'v3']) expect(liked.ids).not.toContain(id);
    await expect(gateway.query({ kind: 'id', id: 'absent' }, 1, false)).rejects.toThrow('vector_not_found');
    const diverse = await gateway.query({ kind: 'id', id: 'v5' }, 5, true, { mmr: { diversity: 0.7, candidates: 40 } });
    expect(new Set(diverse.ids).size).toBe(5);
    const even = { kind: 'equals', path: 'even', values: [true] };
    const filtered = await gateway.query({ kind: 'id', id: 'v5' }, 500, false, { filter: even });
    expect(filtered.ids.length).toBe([...gateway.written.values()].filter(({ metadata }) => metadata.includes('true')).length);

    const evens = [...gateway.written].filter(([, { metadata }]) => metadata.includes('true')).map(([id]) => id);
    expect(await gateway.delete({ kind: 'filter', namespace: '', filter: even, after: 0 })).toMatchObject({
      count: evens.length,
      next: null,
    });
    for (const id of evens) gateway.written.delete(id);
    await between(manifest);
    await gateway.expectAll();
    expect(await gateway.delete({ kind: 'ids', namespace: '', ids: ['v1', 'v1', 'absent'] })).toMatchObject({ count: 1 });
    gateway.written.delete('v1');
    const left = gateway.written.size;
    expect(await gateway.delete({ kind: 'all' })).toMatchObject({ count: left });
    gateway.written.clear();
    await gateway.expectAll();
    await gateway.write(range(0, 3));
    await gateway.expectAll();

    const index = INDEX.getByName(indexObjectName(manifest.tenantId, manifest.name));
    const everything = await objectsOf(manifest);
    expect(await index.remove(manifest.name)).toMatchObject({ ok: true, value: { id: manifest.id, vectors: 3 } });
    for (const stub of everything) {
      expect(await runInDurableObject(stub, (_, { storage }) => residueOf(storage))).toEqual({ tables: 0, keys: 0, hasAlarm: false });
    }
  });
});

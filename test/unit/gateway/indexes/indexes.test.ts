import { describe, expect, it } from 'vitest';

import { RECALL_TARGET_DEFAULT } from '../../../../src/contract/indexes/index-settings.ts';
import type { CreateIndexBody } from '../../../../src/contract/indexes/indexes.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { Indexes } from '../../../../src/gateway/indexes/indexes.ts';
import type { IndexDirectory } from '../../../../src/gateway/indexes/index-directory.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { shardBudget } from '../../../../src/index/resharding/shard-budget.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { indexShards } from '../../../support/fakes/index-shards.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const MODELS: Record<string, number> = { small: 3, other: 3, large: 8 };
const OWNER = principal('tn_one');
const body = (more: Partial<CreateIndexBody>): CreateIndexBody => ({ name: 'news', metric: 'cosine', ...more });

/** A tenant's indexes, of whose directory the calls are listed. */
function world({ isAway = false } = {}) {
  const stored = new Map<string, IndexManifest>();
  const calls: unknown[][] = [];
  const note =
    <T>(name: string, answer: (...args: never[]) => T) =>
    async (...args: never[]) => {
      calls.push([name, ...args]);
      return answer(...args);
    };
  const directory = {
    create: note('create', (manifest: IndexManifest) => {
      stored.set(manifest.name, manifest);
      return ok(manifest);
    }),
    describe: note('describe', (_: string, name: string) => {
      const found = stored.get(name);
      return found === undefined ? refuse('index_not_found', `there is no ${name}`) : ok(found);
    }),
    annotate: note('annotate', () => ok(new Map([['k', 'v']]))),
    remove: note('remove', () => ok({ id: 'ix' })),
    list: note('list', () => ok({ indexes: [], next: null })),
  } as unknown as IndexDirectory;
  const embedder = {
    contractOf: async (_: string, name: string) => {
      const dimensions = MODELS[name];
      if (dimensions === undefined) return refuse('model_not_found', `there is no ${name}`);
      return ok({ id: `${name}@1`, dimensions, contractHash: `h-${name}`, version: '1' });
    },
  };
  const shards = indexShards({
    stats: async () => (isAway ? refuse('unavailable', 'the shard is away') : ok({ count: 5 })),
    progress: async (_: IndexManifest, { indexId }: { indexId: string }) => ok({ indexId }),
  });
  const clock = { nowMs: () => 7_900 };
  const manifests = new ManifestCache(directory, clock);
  const rng = { bytes: (count: number) => new Uint8Array(count) };
  const indexes = new Indexes({ directory, shards, manifests, embedder, clock, rng });
  const create = (more: Partial<CreateIndexBody>, by: TenantPrincipal = OWNER, key?: string) =>
    indexes.create({ principal: by, authority: IN_FORCE }, body(more), key);
  return { indexes, create, calls, of: (name: string) => calls.filter(([called]) => called === name) };
}

const restricted = (...resources: string[]): TenantPrincipal => ({ ...OWNER, resources });

describe('creating an index', () => {
  it('has the dimensions it asks for, and defaults for what it does not', async () => {
    const { create, of } = world();
    const made = await create({ dimensions: 4 });
    expect(made).toMatchObject({ ok: true, value: { dimensions: 4, embedding: null, recall: RECALL_TARGET_DEFAULT, owner: OWNER.owner } });
    expect(made).toMatchObject({ value: { createdS: 7, generation: 1, tenantId: OWNER.tenantId } });
    expect(made.ok && [made.value.firstId === made.value.id, 'shardVectorsMax' in made.value]).toEqual([true, false]);
    expect(of('create')[0]?.[2]).toMatchObject({ idempotencyKey: null });
    const all = await create({ dimensions: 4, recall: 0.99, owner: 'search', shard_vectors_max: 9_000 }, OWNER, 'k');
    expect(all).toMatchObject({ value: { recall: 0.99, owner: 'search', shardVectorsMax: 9_000 } });
    expect(of('create')[1]?.[2]).toMatchObject({ idempotencyKey: 'k' });
  });

  it('is pinned to the contract of its model, and to one for queries of the same dimensions', async () => {
    const { create } = world();
    expect(await create({ model: 'small', query_model: 'other' })).toMatchObject({
      value: { dimensions: 3, embedding: { contractHash: 'h-small' }, queryEmbedding: { contractHash: 'h-other' } },
    });
    expect(await create({ model: 'small', query_model: 'large' })).toMatchObject({
      error: { code: 'dimension_mismatch', path: ['query_model'] },
    });
    expect(await create({ model: 'none' })).toMatchObject({ error: { code: 'model_not_found' } });
    expect(await create({ model: 'small', query_model: 'none' })).toMatchObject({
      error: { code: 'model_not_found', path: ['query_model'] },
    });
  });

  it('[T55] is refused to a key that may not touch its model', async () => {
    const { create, of } = world();
    expect(await create({ model: 'small' }, restricted('model/other'))).toMatchObject({ error: { code: 'scope_denied' } });
    expect(of('create')).toEqual([]);
    expect((await create({ model: 'small' }, restricted('model/small'))).ok).toBe(true);
  });
});

describe('an index by its name', () => {
  it('is described, annotated and listed to keys that may touch it, and to no others', async () => {
    const { indexes, create, of } = world();
    await create({ dimensions: 4 });
    const other = restricted('index/other');
    expect(await indexes.describe(OWNER, 'news')).toMatchObject({ ok: true, value: { name: 'news' } });
    for (const refused of [
      await indexes.describe(other, 'news'),
      await indexes.annotations(other, 'news'),
      await indexes.annotate({ principal: other, authority: IN_FORCE }, 'news', []),
    ]) {
      expect(refused).toMatchObject({ ok: false, error: { code: 'scope_denied' } });
    }
    expect(await indexes.annotations(OWNER, 'gone')).toMatchObject({ error: { code: 'index_not_found' } });
    expect(of('annotate')).toEqual([]);
    expect((await indexes.annotations(OWNER, 'news')).ok).toBe(true);
    expect((await indexes.annotate({ principal: OWNER, authority: IN_FORCE }, 'news', [])).ok).toBe(true);
    // Read without an authority, written with one.
    expect(of('annotate').map((call) => call.at(-1))).toEqual([null, IN_FORCE]);
    await indexes.list(OWNER.tenantId, 'm', 5);
    await indexes.remove(OWNER.tenantId, 'news', null);
    expect([of('list')[0], of('remove')[0]]).toEqual([
      ['list', OWNER.tenantId, 'm', 5],
      ['remove', OWNER.tenantId, 'news', null],
    ]);
  });

  it('says how full it is, how far it is, and that its shards are away', async () => {
    const { indexes, create } = world();
    const made = await create({ dimensions: 4 });
    const manifest = made.ok ? made.value : undefined;
    expect(await indexes.stats(OWNER, 'news')).toMatchObject({
      value: { count: 5, countMax: INDEX_LIMITS.shardsPerIndexMaxCount * shardBudget(manifest!) },
    });
    expect(await indexes.progress(OWNER, 'news')).toEqual(ok({ indexId: manifest?.id }));
    expect(await indexes.onOne(OWNER, 'news', async ({ name }) => ok(name))).toEqual(ok('news'));
    const away = world({ isAway: true });
    await away.create({ dimensions: 4 });
    expect(await away.indexes.stats(OWNER, 'news')).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  });
});

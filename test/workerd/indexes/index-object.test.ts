import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import { followerWith } from '../../../src/ann/access-mode.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { locatorName } from '../../../src/index/index-manifest.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import type { RegistryObject } from '../../../durable-objects/registry-object.ts';
import type { Creation } from '../../../src/index/index-lifecycle.ts';
import { freshTenant, indexOf, listed, LOCATOR, manifestOf, ONCE, REGISTRY, shardOf, value } from './index-stubs.ts';

const write = (manifest: IndexManifest, id: string) =>
  shardOf(manifest).upsert({
    indexId: manifest.id,
    ids: [id],
    namespaces: [''],
    values: Float32Array.of(1, 0),
    metadata: [null],
    texts: [null],
    repetition: null,
  });

const find = (manifest: IndexManifest) =>
  shardOf(manifest).query({
    indexId: manifest.id,
    target: { kind: 'values', values: Float32Array.of(1, 0) },
    namespace: '',
    topK: 10,
    filter: null,
    excludeIds: [],
    include: { values: false, metadata: false, text: false },
  });

it('[T54] an index is not created, deleted or given a generation or alias under a lease that has ended', async () => {
  const late = { endsAtMs: 1 };
  const manifest = manifestOf(freshTenant(), 'articles');
  const expired = { error: { code: 'lease_expired' } };
  expect(await indexOf(manifest).create(manifest, ONCE, late)).toMatchObject(expired);
  expect(await listed(manifest.tenantId)).toEqual([]);
  value(await indexOf(manifest).create(manifest, ONCE, { endsAtMs: Number.MAX_SAFE_INTEGER }));
  expect(await indexOf(manifest).remove('articles', late)).toMatchObject(expired);
  const change = { kind: 'change' as const, version: 0, event: { kind: 'claimed' as const } };
  expect(await indexOf(manifest).generations('articles', change, late)).toMatchObject(expired);
  const alias = { kind: 'set' as const, alias: 'news', index: 'articles' };
  expect(await REGISTRY.getByName(manifest.tenantId).changeAliases([alias], late)).toMatchObject(expired);
  expect(await listed(manifest.tenantId)).toEqual(['articles']);
  expect(await REGISTRY.getByName(manifest.tenantId).nameOf('news')).toEqual({ ok: true, value: undefined });
});

it('[T54] a locator commits no write, removal or claim whose lease has ended', async () => {
  const [indexId, tenantId] = ['ix_located' as IndexId, freshTenant()];
  const locator = LOCATOR.getByName(locatorName({ id: indexId, tenantId }, 0));
  await locator.open({ indexId, tenantId, name: 'located', ordinal: 0 });
  const [late, expired] = [{ endsAtMs: 1 }, { error: { code: 'lease_expired' } }];
  const repetition = { idempotencyKey: 'once', digest: 'd' };
  const rows = { ids: ['a'], namespaces: [''], values: Float32Array.of(1, 0), metadata: [null], texts: [null] };
  const rowsOfAll = { ...rows, places: [[0]], routeVersion: 1, idempotency: repetition, lsnSeen: 0 };
  expect(await locator.write({ indexId }, rowsOfAll, late)).toMatchObject(expired);
  expect(await locator.removeIds({ indexId }, { ids: ['a'], namespaces: [''], expected: null, lsnSeen: 7 }, late)).toMatchObject(expired);
  expect(await locator.clear({ indexId }, 7, late)).toMatchObject(expired);
  expect(await locator.claim({ indexId }, repetition, late)).toMatchObject(expired);
  // The locator knows neither the id, nor a write in progress, nor the request.
  expect(await locator.find({ indexId }, { ids: ['a'], namespaces: [''] })).toEqual({ ok: true, value: [undefined] });
  expect(await locator.counts({ indexId })).toEqual({ ok: true, value: { ids: 0, writes: 0, namespaces: [] } });
  const [other, lasting] = [{ ...repetition, digest: 'other' }, { endsAtMs: Number.MAX_SAFE_INTEGER }];
  expect(await locator.claim({ indexId }, other, lasting)).toMatchObject({ ok: true, value: { wholeLsn: null } });
});

it('[B33] a locator closed by an earlier version opens closed, for fencing tokens not older than its own', async () => {
  const [indexId, tenantId] = ['ix_closed' as IndexId, freshTenant()];
  const locator = LOCATOR.getByName(locatorName({ id: indexId, tenantId }, 0));
  await runInDurableObject(locator, (_, { storage }) => {
    // As stored by version 0.5.
    storage.kv.put('identity', { indexId, tenantId, name: 'closed', ordinal: 0 });
    storage.kv.put('gate', { gate: 'closed', run: 5 });
  });
  await evictDurableObject(locator);
  expect(await locator.counts({ indexId })).toMatchObject({ error: { code: 'index_moving' } });
  expect(await locator.adoptReceipts({ indexId, caller: followerWith(4) }, [])).toMatchObject({ error: { code: 'stale_fence' } });
  expect(await locator.adoptReceipts({ indexId, caller: followerWith(7) }, [])).toMatchObject({ ok: true });
  await runInDurableObject(locator, (_, { storage }) => expect(storage.kv.get('gate')).toEqual({ gate: 'closed', run: 7 }));
});

it('[TX321] [TX325] search settings are kept under a lease in force, and gone once deleted', async () => {
  const manifest = manifestOf(freshTenant(), 'tuned');
  const settings = { legs: [{ kind: 'vector' as const, field: '', weight: 1 }], fusion: { kind: 'dbsf' as const } };
  value(await indexOf(manifest).create(manifest, ONCE));
  const restarted = async () => {
    await evictDurableObject(indexOf(manifest));
    return value(await indexOf(manifest).describe('tuned'));
  };
  expect(await indexOf(manifest).tune('tuned', settings, { endsAtMs: 1 })).toMatchObject({ error: { code: 'lease_expired' } });
  expect(await indexOf(manifest).tune('tuned', { ...settings, generation: 2 })).toMatchObject({ error: { code: 'state_conflict' } });
  expect(await restarted()).toEqual(manifest);
  const known = { searchSettings: { ...settings, state: 'used', generation: 1 } };
  expect(value(await indexOf(manifest).tune('tuned', settings))).toMatchObject(known);
  expect(await restarted()).toMatchObject(known);
  expect(value(await indexOf(manifest).tune('tuned', null))).toEqual(manifest);
  expect(await restarted()).toEqual(manifest);
  value(await indexOf(manifest).tune('tuned', settings));
  value(await indexOf(manifest).remove('tuned'));
  value(await indexOf(manifest).create(manifest, ONCE));
  expect(await restarted()).toEqual(manifest);
});

/** Leaves the index as a crash would: its record says what was in progress, and nothing works on it. */
const leaveAs = (manifest: IndexManifest, state: 'creating' | 'deleting') =>
  runInDurableObject(indexOf(manifest), async (_, { storage }) => {
    storage.kv.put('index', { state, manifest, creation: ONCE });
    await storage.setAlarm(Date.now() + 3_600_000);
  });

describe.each(['resident', 'evicted between calls'] as const)('[V13] IndexObject, %s', (mode) => {
  const between = async (manifest: IndexManifest): Promise<void> => {
    if (mode === 'resident') return;
    for (const stub of [indexOf(manifest), REGISTRY.getByName(manifest.tenantId), shardOf(manifest)] as DurableObjectStub[]) {
      // Only a running object can be evicted.
      await runInDurableObject(stub, () => undefined);
      await evictDurableObject(stub);
    }
  };

  it('[V17] is described, listed and writable after its creation, and nothing of that after deletion', async () => {
    const manifest = manifestOf(freshTenant(), 'articles');
    expect(await indexOf(manifest).create(manifest, ONCE)).toEqual({ ok: true, value: manifest });
    await between(manifest);
    expect(await indexOf(manifest).describe('articles')).toEqual({ ok: true, value: manifest });
    expect(await listed(manifest.tenantId)).toEqual(['articles']);
    value(await write(manifest, 'a'));
    await between(manifest);
    expect(await indexOf(manifest).remove('articles')).toMatchObject({ ok: true, value: { id: manifest.id, vectors: 1 } });
    await between(manifest);
    expect(await indexOf(manifest).describe('articles')).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
    expect(await indexOf(manifest).remove('articles')).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
    expect(await listed(manifest.tenantId)).toEqual([]);
    expect(await write(manifest, 'stray')).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
    await runInDurableObject(indexOf(manifest), async (_, { storage }) => {
      expect([...storage.kv.list()]).toEqual([]);
      expect(await storage.getAlarm()).toBeNull();
    });
  });

  it('[V18] created again under its name shows nothing of the old index, whose id stays refused', async () => {
    const old = manifestOf(freshTenant(), 'articles');
    await indexOf(old).create(old, ONCE);
    value(await write(old, 'old'));
    await indexOf(old).remove('articles');
    const young = manifestOf(old.tenantId, 'articles');
    await between(old);
    value(await indexOf(young).create(young, ONCE));
    expect(value(await find(young))).toMatchObject({ ids: [], lsn: 0 });
    expect(await write(old, 'stray')).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
    expect(value(await find(young)).ids).toEqual([]);
    expect(await find(old)).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
  });

  it('[V19] two tenants with the same index name never meet', async () => {
    const [a, b] = [manifestOf(freshTenant(), 'articles'), manifestOf(freshTenant(), 'articles')];
    value(await indexOf(a).create(a, { idempotencyKey: 'same', bodyDigest: 'same' }));
    value(await indexOf(b).create(b, { idempotencyKey: 'same', bodyDigest: 'same' }));
    await between(a);
    value(await write(a, 'of-a'));
    value(await write(b, 'of-b'));
    await between(b);
    expect([value(await find(a)).ids, value(await find(b)).ids]).toEqual([['of-a'], ['of-b']]);
    await indexOf(a).remove('articles');
    expect(value(await find(b)).ids).toEqual(['of-b']);
    expect([await listed(a.tenantId), await listed(b.tenantId)]).toEqual([[], ['articles']]);
  });

  it('[V20] answers a repeated creation with the same index, and distinguishes another one', async () => {
    const first = manifestOf(freshTenant(), 'articles');
    const keyed: Creation = { idempotencyKey: 'k', bodyDigest: 'd1' };
    value(await indexOf(first).create(first, keyed));
    await between(first);
    const again = manifestOf(first.tenantId, 'articles');
    expect(value(await indexOf(again).create(again, keyed)).id).toBe(first.id);
    const otherBody = await indexOf(again).create(again, { ...keyed, bodyDigest: 'd2' });
    expect(otherBody).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch', path: ['idempotency-key'] } });
    for (const creation of [ONCE, { ...keyed, idempotencyKey: 'k2' }]) {
      expect(await indexOf(again).create(again, creation)).toMatchObject({ ok: false, error: { code: 'already_exists', path: ['name'] } });
    }
    const otherName = manifestOf(first.tenantId, 'books');
    expect(await indexOf(otherName).create(otherName, { ...keyed, bodyDigest: 'd3' })).toMatchObject({
      error: { code: 'idempotency_mismatch' },
    });
    expect(await indexOf(otherName).describe('books')).toMatchObject({ error: { code: 'index_not_found' } });
    expect(await listed(first.tenantId)).toEqual(['articles']);
  });

  it('[T78] a creation repeated after its index was deleted creates nothing, whatever has the name now', async () => {
    const first = manifestOf(freshTenant(), 'articles');
    const keyed: Creation = { idempotencyKey: 'k', bodyDigest: 'd1' };
    const again = manifestOf(first.tenantId, 'articles');
    const repeated = () => indexOf(again).create(again, keyed);
    const spent = { error: { code: 'idempotency_key_spent', spent: { id: first.id, endedAtMs: expect.any(Number) } } };
    const registry = REGISTRY.getByName(first.tenantId);
    value(await indexOf(first).create(first, keyed));
    // As in a registry from before spent keys were kept.
    await runInDurableObject(registry, (_, { storage }) => {
      storage.sql.exec('DROP TABLE spent_keys; UPDATE schema_version SET version = 2');
    });
    await evictDurableObject(registry);
    value(await indexOf(first).remove('articles'));
    await between(first);
    for (let tries = 0; tries < 2; tries++) expect(await repeated()).toMatchObject(spent);
    expect(await indexOf(again).create(again, { ...keyed, bodyDigest: 'd2' })).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    expect([await listed(first.tenantId), value(await registry.isTaken('articles'))]).toEqual([[], false]);
    value(await indexOf(again).create(again, ONCE));
    // Checked before the object of the name is called.
    expect(await registry.admits('articles', 'k', 'd1')).toMatchObject(spent);
    value(await indexOf(again).remove('articles'));
    // A key is recorded with the id of the first generation, which the creation returned.
    const [next, other] = [manifestOf(first.tenantId, 'next'), { idempotencyKey: 'k2', bodyDigest: 'd1' }];
    value(await indexOf(next).create({ ...next, firstId: 'ix_first' as IndexId }, other));
    value(await indexOf(next).remove('next'));
    expect(await registry.admits('next', 'k2', 'd1')).toMatchObject({ error: { spent: { id: 'ix_first' } } });
    value(await registry.close(10));
    await runInDurableObject(registry, (_, { storage }) => {
      expect(storage.sql.exec('SELECT * FROM spent_keys').toArray()).toEqual([]);
    });
  });

  // A crash between two steps leaves the earlier steps done, and the record of what was in progress.
  const creationSteps = [
    async () => undefined,
    async (manifest: IndexManifest) => void (await REGISTRY.getByName(manifest.tenantId).reserve(manifest, null)),
    async (manifest: IndexManifest) => shardOf(manifest).open({ indexId: manifest.id, dimensions: 2, metric: 'dot' }),
    async (manifest: IndexManifest) => REGISTRY.getByName(manifest.tenantId).confirm(manifest.name, manifest.id),
  ];

  it.each([0, 1, 2, 3])('[V21] a creation cut off after step %i is finished by the alarm', async (done) => {
    const manifest = manifestOf(freshTenant(), 'articles');
    for (const step of creationSteps.slice(0, done + 1)) await step(manifest);
    expect(await listed(manifest.tenantId)).toEqual(done === 3 ? ['articles'] : []);
    await leaveAs(manifest, 'creating');
    await between(manifest);
    expect(await runDurableObjectAlarm(indexOf(manifest))).toBe(true);
    expect(await listed(manifest.tenantId)).toEqual(['articles']);
    expect(value(await write(manifest, 'a')).lsn).toBe(1);
    expect(value(await indexOf(manifest).describe('articles')).id).toBe(manifest.id);
    expect(await runDurableObjectAlarm(indexOf(manifest))).toBe(false);
  });

  it('[V21] an interrupted creation is finished by the next call', async () => {
    const [described, recreated, removed] = ['a', 'b', 'c'].map((name) => manifestOf(freshTenant(), name)) as [
      IndexManifest,
      IndexManifest,
      IndexManifest,
    ];
    for (const manifest of [described, recreated, removed]) await leaveAs(manifest, 'creating');
    await between(described);
    expect(value(await indexOf(described).describe('a')).id).toBe(described.id);
    expect(await listed(described.tenantId)).toEqual(['a']);
    const other = manifestOf(recreated.tenantId, 'b');
    expect(await indexOf(other).create(other, ONCE)).toMatchObject({ error: { code: 'already_exists' } });
    expect(value(await indexOf(removed).remove('c')).id).toBe(removed.id);
    expect(await listed(removed.tenantId)).toEqual([]);
  });

  const deletionSteps = [
    async () => undefined,
    async (manifest: IndexManifest) => REGISTRY.getByName(manifest.tenantId).withdraw(manifest.name, manifest.id),
    async (manifest: IndexManifest) => void (await shardOf(manifest).erase(manifest.id)),
    async (manifest: IndexManifest) => REGISTRY.getByName(manifest.tenantId).release(manifest.name, manifest.id),
  ];

  /** Whatever may finish the deletion; the last one leaves a new index. */
  const finishers = [
    async (manifest: IndexManifest) => expect(await runDurableObjectAlarm(indexOf(manifest))).toBe(true),
    async (manifest: IndexManifest) => expect(value(await indexOf(manifest).remove('articles')).id).toBe(manifest.id),
    async (manifest: IndexManifest) =>
      expect(await indexOf(manifest).describe('articles')).toMatchObject({ error: { code: 'index_not_found' } }),
    async ({ tenantId }: IndexManifest) => {
      const young = manifestOf(tenantId, 'articles');
      expect(value(await indexOf(young).create(young, ONCE)).id).toBe(young.id);
    },
  ];

  it.each([0, 1, 2, 3])('[V21] a deletion cut off after step %i is finished by the alarm, a caller or a new creation', async (done) => {
    for (const [index, finish] of finishers.entries()) {
      const manifest = manifestOf(freshTenant(), 'articles');
      value(await indexOf(manifest).create(manifest, ONCE));
      value(await write(manifest, 'old'));
      for (const step of deletionSteps.slice(0, done + 1)) await step(manifest);
      await leaveAs(manifest, 'deleting');
      await between(manifest);
      await finish(manifest);
      expect(await write(manifest, 'stray')).toMatchObject({ error: { code: 'index_not_found' } });
      expect(await listed(manifest.tenantId)).toEqual(index === finishers.length - 1 ? ['articles'] : []);
    }
  });
});

/** Renames a column, so that every call of the registry that needs it fails. */
const renameColumn = (registry: DurableObjectStub<RegistryObject>, from: string, to: string) =>
  runInDurableObject(registry, (_, { storage }) => void storage.sql.exec(`ALTER TABLE indexes RENAME COLUMN ${from} TO ${to}`));

describe('IndexObject', () => {
  it('[V21] concurrent creations and deletions of one name leave the result of exactly the last of them', async () => {
    const tenantId = freshTenant();
    const manifests = Array.from({ length: 6 }, () => manifestOf(tenantId, 'busy'));
    const stub = indexOf({ tenantId, name: 'busy' });
    const outcomes = await Promise.all(
      manifests.flatMap((manifest) => [stub.create(manifest, ONCE), stub.remove('busy'), stub.describe('busy')]),
    );
    const created = outcomes.filter((outcome, i) => i % 3 === 0 && outcome.ok).length;
    const removed = outcomes.filter((outcome, i) => i % 3 === 1 && outcome.ok).length;
    expect(created).toBeGreaterThan(0);
    expect(removed).toBe(created);
    expect(await listed(tenantId)).toEqual([]);
    for (const manifest of manifests) expect(await write(manifest, 'x')).toMatchObject({ error: { code: 'index_not_found' } });
  });

  it('[V21] one of several concurrent creations of a name succeeds, and the others find the name taken', async () => {
    const tenantId = freshTenant();
    const stub = indexOf({ tenantId, name: 'wanted' });
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => stub.create(manifestOf(tenantId, 'wanted'), ONCE)));
    expect(outcomes.map((outcome) => (outcome.ok ? 'created' : outcome.error.code)).sort()).toEqual([
      ...Array<string>(4).fill('already_exists'),
      'created',
    ]);
    const [winner] = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []));
    expect(value(await stub.describe('wanted')).id).toBe(winner!.id);
    expect(await listed(tenantId)).toEqual(['wanted']);
  });

  it('[V21] an alarm that fails leaves the next alarm set', async () => {
    const manifest = manifestOf(freshTenant(), 'articles');
    const registry = REGISTRY.getByName(manifest.tenantId);
    value(await registry.reserve(manifestOf(manifest.tenantId, 'another'), null));
    await leaveAs(manifest, 'creating');
    await renameColumn(registry, 'index_id', 'away');
    await runInDurableObject(indexOf(manifest), async (index, { storage }) => {
      // The alarm has fired: none is set while it runs.
      await storage.deleteAlarm();
      await expect(index.alarm()).rejects.toThrow('no such column');
      expect(await storage.getAlarm()).toBeGreaterThan(Date.now());
    });
    await renameColumn(registry, 'away', 'index_id');
    expect(await runDurableObjectAlarm(indexOf(manifest))).toBe(true);
    expect(value(await indexOf(manifest).describe('articles')).id).toBe(manifest.id);
  });

  it('[V21] the alarm retries a creation whose registry failed', async () => {
    const manifest = manifestOf(freshTenant(), 'articles');
    const registry = REGISTRY.getByName(manifest.tenantId);
    value(await registry.reserve(manifestOf(manifest.tenantId, 'another'), null));
    await leaveAs(manifest, 'creating');
    await renameColumn(registry, 'index_id', 'away');
    await runInDurableObject(indexOf(manifest), async (index) => {
      await expect(index.create(manifest, ONCE)).rejects.toThrow('no such column');
    });
    await renameColumn(registry, 'away', 'index_id');
    expect(await runDurableObjectAlarm(indexOf(manifest))).toBe(true);
    expect(value(await indexOf(manifest).describe('articles')).id).toBe(manifest.id);
  });

  it('[V22] writes nothing for a name that was never created', async () => {
    const manifest = manifestOf('tn_unopened_garbage' as TenantId, 'garbage');
    await indexOf(manifest).describe('garbage');
    await indexOf(manifest).remove('garbage');
    expect(await REGISTRY.getByName(manifest.tenantId).isOpen()).toBe(false);
    for (const stub of [indexOf(manifest), REGISTRY.getByName(manifest.tenantId)]) {
      await runInDurableObject(stub as DurableObjectStub, (_, { storage }) => {
        expect(storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray()).toEqual([]);
      });
    }
  });

  it('[Q9] keeps declarations about an index through evictions, and deletes them with the index', async () => {
    const manifest = manifestOf(freshTenant(), 'declared');
    const index = indexOf(manifest);
    const declare = { kind: 'declare' as const, field: 'kind', as: { data_type: 'keyword' } };
    expect(await index.annotate('declared', [declare])).toMatchObject({
      error: { code: 'index_not_found', resource: { kind: 'index', name: 'declared' } },
    });
    await index.create(manifest, ONCE);
    // As in an index that was created before declarations existed.
    expect(value(await index.annotate('declared', []))).toEqual({ fields: {}, sections: {} });
    await index.annotate('declared', [declare, { kind: 'merge', section: 'hnsw_config', members: { m: 8 } }]);
    await evictDurableObject(index);
    const kept = { fields: { kind: { data_type: 'keyword' } }, sections: { hnsw_config: { m: 8 } } };
    expect(value(await index.annotate('declared', []))).toEqual(kept);
    const large = { kind: 'merge' as const, section: 'metadata', members: { text: 'x'.repeat(INDEX_LIMITS.indexAnnotationsBytesMax) } };
    expect(await index.annotate('declared', [{ kind: 'withdraw', field: 'kind' }, large])).toMatchObject({
      error: { code: 'limit_exceeded' },
    });
    expect(value(await index.annotate('declared', []))).toEqual(kept);
    await index.remove('declared');
    const next = manifestOf(manifest.tenantId, 'declared');
    await index.create(next, ONCE);
    expect(value(await index.annotate('declared', []))).toEqual({ fields: {}, sections: {} });
  });
});

import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { freshTenant, indexOf, listed, manifestOf, ONCE, REGISTRY, value } from './index-stubs.ts';

it('[T59] the registry of an erased tenant gives out no names, and lists those that are taken', async () => {
  const kept = manifestOf(freshTenant(), 'articles');
  const registry = REGISTRY.getByName(kept.tenantId);
  value(await indexOf(kept).create(kept, ONCE));
  const unlisted = { ...manifestOf(kept.tenantId, 'begun') };
  value(await registry.reserve(unlisted, null));
  expect(value(await registry.close(10))).toEqual(['articles', 'begun']);
  expect(value(await registry.taken(1))).toEqual(['articles']);
  const late = manifestOf(kept.tenantId, 'late');
  const refused = { error: { code: 'tenant_suspended' } };
  expect(await indexOf(late).create(late, ONCE, { endsAtMs: Number.MAX_SAFE_INTEGER })).toMatchObject(refused);
  expect(await registry.changeAliases([{ kind: 'set', alias: 'news', index: 'articles' }])).toMatchObject(refused);
  value(await indexOf(kept).remove('articles'));
  await evictDurableObject(registry);
  const again = manifestOf(kept.tenantId, 'articles');
  expect(await indexOf(again).create(again, ONCE)).toMatchObject(refused);
  expect(value(await registry.taken(10))).toEqual(['begun']);
  // The names of indexes are erased with the last index.
  await registry.close(10);
  expect(value(await registry.erasure(kept.id))).toMatchObject({ name: 'articles' });
  await registry.release('begun', unlisted.id);
  expect(value(await registry.close(10))).toEqual([]);
  expect(value(await registry.erasure(kept.id))).toBeNull();
});

describe('RegistryObject', () => {
  it('[V23] lists confirmed names in order, page by page', async () => {
    const tenantId = freshTenant();
    const registry = REGISTRY.getByName(tenantId);
    for (const name of ['c', 'a', 'd', 'b', 'reserved-only']) {
      const manifest = manifestOf(tenantId, name);
      await registry.reserve(manifest, null);
      if (name !== 'reserved-only') await registry.confirm(name, manifest.id);
    }
    const first = value(await registry.page(undefined, 3));
    expect([first.indexes.map(({ name }) => name), first.hasMore]).toEqual([['a', 'b', 'c'], true]);
    const second = value(await registry.page('c', 3));
    expect([second.indexes.map(({ name }) => name), second.hasMore]).toEqual([['d'], false]);
  });

  it('[T67] knows the objects of an index by its name or an alias, until the index is fully erased', async () => {
    const tenantId = freshTenant();
    const registry = REGISTRY.getByName(tenantId);
    const [kept, next] = [manifestOf(tenantId, 'kept'), manifestOf(tenantId, 'kept')];
    const names = async () => [
      value(await registry.nameOf('kept')),
      value(await registry.nameOf('other')),
      value(await registry.isTaken('kept')),
    ];
    expect(await names()).toEqual([undefined, undefined, false]);
    expect(await registry.admits('kept', 'once')).toEqual({ ok: true, value: null });
    await registry.reserve(kept, 'once');
    expect(await names()).toEqual(['kept', undefined, true]);
    await registry.confirm('kept', kept.id);
    expect(await registry.changeAliases([{ kind: 'set', alias: 'other', index: 'kept' }])).toMatchObject({ ok: true });
    expect(await names()).toEqual(['kept', 'kept', true]);
    expect(value(await registry.isTaken('other'))).toBe(false);
    expect(await registry.admits('other', null)).toMatchObject({ error: { code: 'already_exists', path: ['name'] } });
    expect(await registry.admits('new', 'once')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    // The index's own object decides about a taken name.
    expect(await registry.admits('kept', 'once')).toEqual({ ok: true, value: null });
    await registry.withdraw('kept', next.id);
    expect(await names()).toEqual(['kept', 'kept', true]);
    await registry.withdraw('kept', kept.id);
    expect(await names()).toEqual(['kept', undefined, true]);
    expect(await listed(tenantId)).toEqual([]);
    await registry.release('kept', kept.id);
    expect(await names()).toEqual([undefined, undefined, false]);
  });

  it('[V23] counts reserved names against the limit, and ignores a release by another index', async () => {
    const tenantId = freshTenant();
    const registry = REGISTRY.getByName(tenantId);
    const kept = manifestOf(tenantId, 'kept');
    await registry.reserve(kept, null);
    await runInDurableObject(registry, (_, { storage }) => {
      for (let i = 1; i < INDEX_LIMITS.indexesPerTenantMaxCount; i += 1) {
        storage.sql.exec('INSERT INTO indexes VALUES (?, ?, ?, 0, NULL)', `n${i}`, `ix_n${i}`, '{}');
      }
    });
    const extra = manifestOf(tenantId, 'extra');
    const refused = await indexOf(extra).create(extra, ONCE);
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', path: ['name'], message: expect.stringContaining('indexesPerTenantMaxCount') },
    });
    expect(await indexOf(extra).describe('extra')).toMatchObject({ error: { code: 'index_not_found' } });
    await registry.release('kept', 'ix_other' as IndexId);
    expect(await registry.reserve(extra, null)).toMatchObject({ ok: false });
    await registry.release('kept', kept.id);
    expect(value(await indexOf(extra).create(extra, ONCE)).id).toBe(extra.id);
  });
});

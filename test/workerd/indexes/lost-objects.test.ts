import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';

import { locatorName, shardName } from '../../../src/index/index-manifest.ts';
import { isEmpty } from '../../../src/index/erasure.ts';
import { residueOf } from '../../../durable-objects/stored-cell.ts';
import { freshTenant, indexOf, manifestOf as aloneManifestOf, ONCE, REGISTRY, value } from './index-stubs.ts';
import { create, LOCATOR, manifestOf, objectsOf, range, SHARD, untilShards } from './grown-index.ts';

/** Loses an object's storage, as when its file is emptied while the object is not in memory. */
async function lose(stub: DurableObjectStub): Promise<void> {
  await runInDurableObject(stub, async (_, { storage }) => {
    await storage.deleteAlarm();
    await storage.deleteAll();
  });
  await evictDurableObject(stub);
}

it('[G41] [B40] a lost shard or locator acknowledges nothing; deleting the index reports what was lost', async () => {
  const gateway = await create(manifestOf('lost-parts'));
  const { manifest } = gateway;
  await gateway.write(range(0, 90));
  const { shards } = await untilShards('resident', gateway, (summary) => summary.shards.length >= 3);
  const lost = shards[1]!.ordinal;
  const held = await runInDurableObject(SHARD.getByName(shardName(manifest, lost)), (_, { storage }) =>
    storage.sql.exec<{ id: string }>('SELECT id FROM vectors').toArray(),
  );
  const ids = held.map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(0);
  await lose(SHARD.getByName(shardName(manifest, lost)));

  const calls: [string, () => Promise<unknown>][] = [
    ['delete by id', () => gateway.delete({ kind: 'ids', namespace: '', ids })],
    ['delete by filter', () => gateway.delete({ kind: 'filter', namespace: '', filter: EVEN, after: 0 })],
    ['delete all', () => gateway.delete({ kind: 'all' })],
    ['upsert', () => gateway.write(ids)],
    ['query', () => gateway.query({ kind: 'values', values: Float32Array.of(1, 0, 0, 0) }, 100, true)],
    ['fetch', () => gateway.fetch(ids)],
    ['stats', () => gateway.stats()],
  ];
  for (const [name, call] of [...calls, ...calls]) {
    const answer = await call().then(
      () => 'acknowledged',
      (error: Error) => error.message,
    );
    expect({ name, answer }).toEqual({ name, answer: expect.stringMatching(/^unavailable: /) });
  }
  // The alarms of the object and of the locators, which retry interrupted work, must not create anything.
  for (const stub of await objectsOf(manifest)) await runDurableObjectAlarm(stub).catch(() => undefined);
  const emptied = SHARD.getByName(shardName(manifest, lost)) as DurableObjectStub;
  expect(isEmpty(await runInDurableObject(emptied, (_, { storage }) => residueOf(storage)))).toBe(true);

  await lose(LOCATOR.getByName(locatorName(manifest, 0)));
  await expect(gateway.stats()).rejects.toThrow('unavailable');
  const everything = await objectsOf(manifest);
  const deleted = value(await indexOf(manifest).remove(manifest.name));
  expect(deleted).toMatchObject({ id: manifest.id, lost: 2 });
  expect(value(await REGISTRY.getByName(manifest.tenantId).erasure(manifest.id))).toMatchObject({
    lost: [shardName(manifest, lost), locatorName(manifest, 0)],
  });
  for (const stub of everything) expect(isEmpty(await runInDurableObject(stub, (_, { storage }) => residueOf(storage)))).toBe(true);
});

const EVEN = { kind: 'equals', path: 'even', values: [true] };

it('[T91] a registry that is not open, or lost its storage, is unavailable and blocks index changes', async () => {
  const manifest = aloneManifestOf(freshTenant(), 'kept');
  const registry = REGISTRY.getByName(manifest.tenantId);
  value(await indexOf(manifest).create(manifest, ONCE));
  const kept = await runInDurableObject(registry, (_, { storage }) => storage.sql.exec('SELECT * FROM indexes').toArray());
  expect(kept).toHaveLength(1);
  await runInDurableObject(registry, (_, { storage }) => void storage.sql.exec('ALTER TABLE indexes RENAME TO away'));
  const unavailable = { ok: false, error: { code: 'unavailable' } };
  const other = aloneManifestOf(manifest.tenantId, 'other');
  const calls = () =>
    Promise.all([
      registry.admits('kept', null),
      registry.nameOf('kept'),
      registry.isTaken('kept'),
      registry.page(undefined, 10),
      registry.aliasPage(undefined, undefined, 10),
      registry.changeAliases([{ kind: 'set', alias: 'a', index: 'kept' }]),
      registry.taken(10),
      registry.erasure(manifest.id),
      registry.holds('kept', [manifest.id]),
      registry.replace(manifest),
      indexOf(other).create(other, ONCE),
      indexOf(manifest).remove('kept'),
    ]);
  for (const answer of await calls()) expect(answer).toMatchObject(unavailable);
  expect(await indexOf(other).describe('other')).toMatchObject({ error: { code: 'index_not_found' } });
  // The registry is back, and the deletion continues.
  await runInDurableObject(registry, (_, { storage }) => void storage.sql.exec('ALTER TABLE away RENAME TO indexes'));
  expect(value(await registry.isTaken('kept'))).toBe(true);
  await runDurableObjectAlarm(indexOf(manifest));
  expect(value(await registry.isTaken('kept'))).toBe(false);
  expect(value(await registry.erasure(manifest.id))).toMatchObject({ id: manifest.id });
  // So does the creation, which did not know whether it had got the name.
  await runDurableObjectAlarm(indexOf(other));
  expect(value(await indexOf(other).describe('other')).id).toBe(other.id);
  expect(value(await registry.taken(10))).toEqual(['other']);
});

it('[T91] a registry can be opened repeatedly, and stores nothing before', async () => {
  const registry = REGISTRY.getByName('tn_unopened');
  expect(await registry.isOpen()).toBe(false);
  expect(await registry.taken(10)).toMatchObject({ error: { code: 'unavailable' } });
  expect(isEmpty(await runInDurableObject(registry, (_, { storage }) => residueOf(storage)))).toBe(true);
  await registry.open();
  await registry.open();
  await evictDurableObject(registry);
  expect([await registry.isOpen(), await registry.taken(10)]).toEqual([true, { ok: true, value: [] }]);
});

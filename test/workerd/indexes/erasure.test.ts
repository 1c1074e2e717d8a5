import { env } from 'cloudflare:workers';
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';

import type { IndexObject } from '../../../durable-objects/index-object.ts';
import type { RegistryObject } from '../../../durable-objects/registry-object.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import { isEmpty } from '../../../src/index/erasure.ts';
import type { Caller } from '../../../src/ann/access-mode.ts';
import { CLIENT, followerWith } from '../../../src/ann/access-mode.ts';
import type { Shadow } from '../../../src/index/generations/generation-state.ts';
import { indexObjectName, shardName } from '../../../src/index/index-manifest.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';

interface IndexesEnv {
  readonly INDEX: DurableObjectNamespace<IndexObject>;
  readonly REGISTRY: DurableObjectNamespace<RegistryObject>;
  readonly SHARD: DurableObjectNamespace<ShardObject>;
}

const { INDEX, REGISTRY, SHARD } = env as unknown as IndexesEnv;
const ONCE = { idempotencyKey: null, bodyDigest: 'd' };

const manifestOf = (tenantId: string, id: string): IndexManifest => ({
  id: id as IndexId,
  tenantId: tenantId as TenantId,
  name: 'erased',
  dimensions: 2,
  metric: 'dot',
  embedding: null,
  owner: 'search',
  createdS: 1,
  generation: 1,
});

function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

const indexOf = ({ tenantId, name }: IndexManifest) => INDEX.getByName(indexObjectName(tenantId, name));
const shardOf = (manifest: IndexManifest) => SHARD.getByName(shardName(manifest));

const write = (manifest: IndexManifest, caller: Caller) =>
  shardOf(manifest).upsert({
    indexId: manifest.id,
    caller,
    ids: ['a', 'b'],
    namespaces: ['', ''],
    values: Float32Array.of(1, 0, 0, 1),
    metadata: ['{"secret":1}', null],
    texts: ['secret', null],
    repetition: { idempotencyKey: manifest.id, digest: 'd' },
  });

/** An index with two vectors, and a shadow generation with two more. */
async function filled(tenant: string): Promise<{ serving: IndexManifest; shadow: IndexManifest }> {
  const [serving, shadow] = [manifestOf(tenant, `${tenant}_one`), manifestOf(tenant, `${tenant}_two`)];
  value(await indexOf(serving).create(serving, ONCE));
  const waiting = { manifest: shadow, phase: 'opening' } as unknown as Shadow;
  const begun = value(await indexOf(serving).generations('erased', { kind: 'begin', shadow: waiting, creation: ONCE }));
  value(await indexOf(serving).generations('erased', { kind: 'open', run: begun.version }));
  value(await write(serving, CLIENT));
  value(await write(shadow, followerWith(begun.version)));
  return { serving, shadow };
}

const residues = (manifests: readonly IndexManifest[]) => Promise.all(manifests.map((manifest) => shardOf(manifest).residue()));

it('[B40][B41] a deletion reports what it erased, and no object has tables, keys or alarms left', async () => {
  const { serving, shadow } = await filled('tn_whole');
  expect((await residues([serving, shadow])).map(isEmpty)).toEqual([false, false]);
  expect(await indexOf(serving).holds([shadow.id])).toBe(true);
  const deleted = value(await indexOf(serving).remove('erased'));
  expect(deleted).toMatchObject({ id: serving.id, vectors: 2, objects: 3 });
  expect(deleted.bytes).toBeGreaterThan(20_000);
  expect(await residues([serving, shadow])).toEqual(Array.from({ length: 2 }, () => ({ tables: 0, keys: 0, hasAlarm: false })));
  const left = await runInDurableObject(indexOf(serving), async (_, { storage }) => [[...storage.kv.list()], await storage.getAlarm()]);
  expect(left).toEqual([[], null]);
  const ids = [serving.id, shadow.id];
  expect(await indexOf(serving).holds(ids)).toBe(false);
  const registry = REGISTRY.getByName('tn_whole');
  expect(value(await registry.holds('erased', ids))).toBe(false);
  const erasure = value(await registry.erasure(serving.id));
  expect(erasure).toMatchObject({ vectors: 2, bytes: deleted.bytes, shards: ids.map((id) => `tn_whole:${id}`) });
  expect(erasure).not.toHaveProperty('lost');
  expect(value(await registry.erasure(shadow.id))).toBeNull();
});

it('[B41] inspection also finds unused data; a new index of the name counts as another one', async () => {
  const { serving, shadow } = await filled('tn_left');
  value(await indexOf(serving).remove('erased'));
  await runInDurableObject(shardOf(shadow), (_, { storage }) => void storage.sql.exec('CREATE TABLE forgotten (id TEXT)'));
  await runInDurableObject(shardOf(serving), async (_, { storage }) => storage.setAlarm(Date.now() + 3_600_000));
  expect((await residues([serving, shadow])).map(isEmpty)).toEqual([false, false]);
  await runInDurableObject(shardOf(serving), async (_, { storage }) => {
    await storage.deleteAlarm();
    storage.kv.put('x', 1);
  });
  expect(isEmpty(await shardOf(serving).residue())).toBe(false);
  const again = manifestOf('tn_left', 'tn_left_again');
  value(await indexOf(again).create(again, ONCE));
  expect(await indexOf(again).holds([serving.id, shadow.id])).toBe(false);
  expect(value(await REGISTRY.getByName('tn_left').holds('erased', [serving.id, shadow.id]))).toBe(false);
  expect(value(await REGISTRY.getByName('tn_left').holds('erased', [again.id]))).toBe(true);
});

it('[B40] a deletion interrupted after it erased still reports what it erased', async () => {
  const { serving, shadow } = await filled('tn_cut');
  const whole = value(await indexOf(serving).remove('erased'));
  const second = await filled('tn_cut_too');
  await runInDurableObject(indexOf(second.serving), async (_, { storage }) => {
    const record = storage.kv.get<object>('index');
    storage.kv.put('index', {
      ...record,
      state: 'deleting',
      erasure: { ...value(await REGISTRY.getByName('tn_cut').erasure(serving.id)), id: second.serving.id, tenantId: 'tn_cut_too' },
    });
    await storage.setAlarm(Date.now() + 3_600_000);
  });
  // The shard was erased, and the deletion was cut off before its answer.
  await shardOf(second.serving).erase(second.serving.id);
  await runDurableObjectAlarm(indexOf(second.serving));
  expect(value(await REGISTRY.getByName('tn_cut_too').erasure(second.serving.id))).toMatchObject({ vectors: 2, bytes: whole.bytes });
  expect((await residues([second.serving, second.shadow, shadow])).map(isEmpty)).toEqual([true, true, true]);
});

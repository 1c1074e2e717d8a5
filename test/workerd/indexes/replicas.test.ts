import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { residueOf } from '../../../durable-objects/stored-cell.ts';
import { shardName, replicaName } from '../../../src/index/index-manifest.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import type { ReplicaRecord } from '../../../src/index/replicas/index-replicas.ts';
import { replicasIn } from '../../../src/index/routing/replicated-routes.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../../src/contract/vectors/vector-limits.ts';
import type { Gateway, Mode } from './grown-index.ts';
import { between, create, evictAll, indexOf, manifestOf, modes, range, REPLICA, routesOf, SHARD, untilShards } from './grown-index.ts';

const NOTHING = { tables: 0, keys: 0, hasAlarm: false };
const EVENTUAL = { kind: 'eventual' } as const;

/** Changes what the index's object has recorded of its replicas. */
async function edit(manifest: IndexManifest, change: (record: ReplicaRecord) => ReplicaRecord): Promise<ReplicaRecord> {
  const index = indexOf(manifest);
  const record = await runInDurableObject(index, async (_, { storage }) => {
    const changed = change(storage.kv.get<ReplicaRecord>('replicas') ?? { highest: 0, replicas: [], watched: {} });
    storage.kv.put('replicas', changed);
    await storage.setAlarm(Date.now());
    return changed;
  });
  await evictDurableObject(index);
  return record;
}

const stubOf = (manifest: IndexManifest, { shard, replica }: { shard: number; replica: number }) =>
  REPLICA.getByName(replicaName(shardName(manifest, shard), replica));

const replicasOf = async (manifest: IndexManifest): Promise<DurableObjectStub[]> => {
  const { replicas } = await edit(manifest, (record) => record);
  return replicas.map((replica) => stubOf(manifest, replica) as DurableObjectStub);
};

/** Runs alarms until the routing summary has `count` replicas. */
async function untilReplicas(mode: Mode, { manifest }: Gateway, count: number): Promise<void> {
  for (const endMs = Date.now() + 150_000; Date.now() < endMs;) {
    await runDurableObjectAlarm(indexOf(manifest));
    const stubs = await replicasOf(manifest);
    for (const stub of stubs) await runDurableObjectAlarm(stub);
    if (mode !== 'resident') await evictAll(stubs);
    if (replicasIn(await routesOf(manifest)).length === count) return;
    await scheduler.wait(20);
  }
  throw new Error(`never ${count} replicas`);
}

describe.each(modes('resident'))('[RT11] replicas of the shards of a grown index, %s', (mode) => {
  it('answer as the shards do, also while they split; retire when cold, and leave nothing behind', async () => {
    const gateway = await create(manifestOf(`replicated-${mode.slice(0, 3)}`));
    const { manifest } = gateway;
    await gateway.write(range(0, 90));
    const table = await untilShards(mode, gateway, ({ shards }) => shards.length >= 3);
    // As if their load had asked for replicas.
    const { replicas } = await edit(manifest, (record) => ({
      ...record,
      highest: table.shards.length,
      replicas: table.shards.map(({ ordinal }, i) => ({
        indexId: manifest.id,
        shard: ordinal,
        replica: i + 1,
        location: null,
        state: 'copying',
        sinceMs: 0,
      })),
    }));
    await untilReplicas(mode, gateway, replicas.length);
    gateway.turnedMs += VECTOR_LIMITS.indexManifestTtlMs;
    await gateway.expectAll(EVENTUAL);
    expect(gateway.replicaReads).toBeGreaterThan(0);

    const { lsn } = await gateway.write([...range(0, 5), ...range(90, 100)]);
    await between(mode, manifest);
    if (mode !== 'resident') await evictAll(await replicasOf(manifest));
    const before = gateway.replicaReads;
    await gateway.expectAll({ kind: 'min-lsn', lsn });
    await gateway.expectAll({ kind: 'min-lsn', lsn });
    expect(gateway.replicaReads).toBeGreaterThan(before);

    // More shards, some split from replicated ones; rows move while they are read.
    let next = 100;
    await untilShards(
      mode,
      gateway,
      ({ shards }) => shards.length >= 5,
      async (round) => {
        const written = await gateway.write(range(next, (next += round < 20 ? 6 : 0)).concat([`v${round % 60}`]));
        await gateway.expectAll({ kind: 'min-lsn', lsn: written.lsn });
      },
    );
    const deleted = await gateway.delete({ kind: 'ids', namespace: '', ids: range(10, 20) });
    for (const id of range(10, 20)) gateway.written.delete(id);
    await gateway.expectAll({ kind: 'min-lsn', lsn: deleted.lsn });
    expect(await gateway.delete({ kind: 'ids', namespace: '', ids: range(10, 20) })).toMatchObject({ count: 0 });
    await untilReplicas(mode, gateway, replicas.length);

    // One of them has been cold for a long time.
    const cold = replicas[0]!;
    const coldSinceMs = Date.now() - INDEX_LIMITS.replicaRetireAfterMs;
    await edit(manifest, (record) => ({ ...record, watched: { [cold.shard]: { busySinceMs: null, coldSinceMs } } }));
    await untilReplicas(mode, gateway, replicas.length - 1);
    await edit(manifest, (record) => ({
      ...record,
      replicas: record.replicas.map((one) => (one.state === 'retiring' ? { ...one, sinceMs: 0 } : one)),
    }));
    await runDurableObjectAlarm(indexOf(manifest));
    expect(await runInDurableObject(stubOf(manifest, cold), (_, { storage }) => residueOf(storage))).toEqual(NOTHING);
    // An eventual read may miss what a replica has not pulled for `replicaPullIdleMs`.
    await gateway.expectAll({ kind: 'min-lsn', lsn: deleted.lsn });

    const stubs = await replicasOf(manifest);
    expect(stubs.length).toBe(replicas.length - 1);
    expect(await indexOf(manifest).remove(manifest.name)).toMatchObject({ ok: true });
    for (const stub of stubs) expect(await runInDurableObject(stub, (_, { storage }) => residueOf(storage))).toEqual(NOTHING);
  });
});

afterEach(() => vi.useRealTimers());

it('[RT12][F23] a shard of a grown index under heavy reads gets a replica, which answers reads', { timeout: 900_000 }, async () => {
  const gateway = await create(manifestOf('replicated-hot'));
  const { manifest } = gateway;
  await gateway.write(range(0, 60));
  const { shards } = await untilShards('resident', gateway, (table) => table.shards.length >= 2);
  const hot = shards[1]!.ordinal;
  const primary = SHARD.getByName(shardName(manifest, hot));
  const { version } = await routesOf(manifest);
  // The clock of the objects stands still while they read, however fast the machine is: it moves a second after the reads of that second.
  vi.useFakeTimers({ toFake: ['Date'] });
  for (let second = 0; second < 60 && replicasIn(await routesOf(manifest)).length === 0; second += 1) {
    await runInDurableObject(primary, async (instance) => {
      const target = { kind: 'values', values: Float32Array.of(1, 0, 0, 0) } as const;
      const include = { values: false, metadata: false, text: false };
      const query = { indexId: manifest.id, routeVersion: version, target, namespace: '', topK: 3, filter: null, excludeIds: [], include };
      // Enough at once to be busy, then enough to stay busy for as long as a decision takes.
      const reads = second === 0 ? 7_000 : 500;
      let answered = 0;
      for (let i = 0; i < reads; i += 1) answered += Number((await instance.query({ ...query, near: 'weur' }, EVENTUAL)).ok);
      expect(answered).toBe(reads);
    });
    vi.setSystemTime(Date.now() + 1_000);
    // Lets the shard's report to the index arrive.
    await scheduler.wait(20);
    await runDurableObjectAlarm(indexOf(manifest));
    for (const stub of await replicasOf(manifest)) await runDurableObjectAlarm(stub);
  }
  expect(replicasIn(await routesOf(manifest))).toEqual([{ shard: hot, replica: 1, location: 'weur' }]);
  gateway.turnedMs += VECTOR_LIMITS.indexManifestTtlMs;
  for (let reads = 0; reads < 6; reads += 1) await gateway.expectAll(EVENTUAL);
  expect(gateway.replicaReads).toBeGreaterThan(0);
});

import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import type { ReplicaObject } from '../../../durable-objects/replica-object.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { ReadConsistency } from '../../../src/ann/replication/read-consistency.ts';
import { STRONG } from '../../../src/ann/replication/read-consistency.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';

const { SHARD, REPLICA } = env as unknown as {
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  readonly REPLICA: DurableObjectNamespace<ReplicaObject>;
};

const EVENTUAL: ReadConsistency = { kind: 'eventual' };
const DIMENSIONS = 4;
let serial = 0;

function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

/** Opens a shard and a replica of it. */
async function openBoth() {
  serial += 1;
  const indexId = `ix_replica_${serial}` as IndexId;
  const name = `tn_test:${indexId}`;
  const [shard, replica] = [SHARD.getByName(name), REPLICA.getByName(`${name}:r1`)];
  const identity = { indexId, dimensions: DIMENSIONS, metric: 'dot' } as const;
  await shard.open(identity);
  await replica.open(identity, name);
  const write = async (from: number, to: number): Promise<number> => {
    const ids = Array.from({ length: to - from }, (_, i) => `v${from + i}`);
    const values = Float32Array.from(ids.flatMap((_, i) => [from + i, 1, 0, 0]));
    const [metadata, texts] = [ids.map((id) => JSON.stringify({ id })), ids.map((id) => `text ${id}`)];
    const batch = { indexId, ids, namespaces: ids.map(() => 'n'), values, metadata, texts, repetition: null };
    return value(await shard.upsert(batch)).lsn;
  };
  const remove = async (...ids: string[]): Promise<number> =>
    value(await shard.deleteVectors({ indexId, selection: { kind: 'ids', namespace: 'n', ids } })).lsn;
  const target = { kind: 'values', values: Float32Array.of(1, 0, 0, 0) } as const;
  const include = { values: false, metadata: true, text: true };
  const query = { indexId, target, namespace: 'n', topK: 3, filter: null, excludeIds: [], include };
  const read = (consistency: ReadConsistency) => replica.query(query, consistency);
  const copy = async (): Promise<void> => {
    for (let alarms = 0; alarms < 20 && (await replica.state()).completeLsn === null; alarms += 1) await runDurableObjectAlarm(replica);
  };
  return { indexId, shard, replica, write, remove, read, copy, query };
}

describe.each(['resident', 'evicted between calls'] as const)('ReplicaObject, %s', (mode) => {
  const between = async (...stubs: (DurableObjectStub<ShardObject> | DurableObjectStub<ReplicaObject>)[]): Promise<void> => {
    if (mode !== 'resident') for (const stub of stubs) await evictDurableObject(stub);
  };

  it('[F20][F22] copies everything of its primary, and answers only then, as its primary does', async () => {
    const { shard, replica, write, read, copy, query } = await openBoth();
    for (let from = 0; from < 3_000; from += 500) await write(from, from + 500);
    const early = await read(EVENTUAL);
    if (!early.ok) expect(early.error.code).toBe('unavailable');
    await between(shard, replica);
    await copy();
    await between(shard, replica);
    expect(value(await read(EVENTUAL))).toEqual(value(await shard.query(query)));
    expect(value(await read(EVENTUAL)).ids).toEqual(['v2999', 'v2998', 'v2997']);
  });

  it('[F20][F22] a read with an LSN sees what was written and removed up to it, once acknowledged', async () => {
    const { shard, replica, write, remove, read, copy } = await openBoth();
    await write(0, 10);
    await copy();
    const lsn = await write(10, 12);
    await between(shard, replica);
    const found = value(await read({ kind: 'min-lsn', lsn }));
    expect([found.ids, found.lsn]).toEqual([['v11', 'v10', 'v9'], lsn]);
    const removedLsn = await remove('v11', 'v9');
    await between(shard, replica);
    expect(value(await read({ kind: 'min-lsn', lsn: removedLsn })).ids).toEqual(['v10', 'v8', 'v7']);
    // A read that requires little freshness may be stale.
    await write(20, 21);
    expect(value(await read({ kind: 'min-lsn', lsn: removedLsn })).ids).toEqual(['v10', 'v8', 'v7']);
  });

  it('[F3] raises the clock of its primary when asked for a higher LSN: later writes are above it', async () => {
    const { shard, replica, write, read, copy } = await openBoth();
    await write(0, 3);
    await copy();
    expect(value(await read({ kind: 'min-lsn', lsn: 1_000 })).lsn).toBe(1_000);
    await between(shard, replica);
    expect(await write(3, 4)).toBe(1_001);
    expect(value(await read({ kind: 'min-lsn', lsn: 1_001 })).ids[0]).toBe('v3');
  });

  it('[F3] bounds how far a read with an LSN that was never issued raises the clock', async () => {
    const { write, read, copy } = await openBoth();
    await write(0, 3);
    await copy();
    expect(await read({ kind: 'min-lsn', lsn: API_LIMITS.lsnMax })).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    const lsn = await write(3, 4);
    expect(lsn).toBeGreaterThan(INDEX_LIMITS.lsnRaiseMax);
    expect(lsn).toBeLessThan(INDEX_LIMITS.lsnRaiseMax * (INDEX_LIMITS.replicaReadPullsMaxCount + 1));
    expect(value(await read({ kind: 'min-lsn', lsn })).ids[0]).toBe('v3');
  });

  it('[F22] never answers a strong read', async () => {
    const { read, write, copy } = await openBoth();
    await write(0, 3);
    await copy();
    expect(await read(STRONG)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  });

  it('[F21] copies everything again if the log was cut, and resurrects nothing', async () => {
    const { shard, replica, write, remove, read, copy, query } = await openBoth();
    await write(0, 50);
    await copy();
    const lsn = await remove('v49', 'v48');
    // As if the log had been cut beyond the replica's cursor.
    await runInDurableObject(shard, (_, { storage }) => {
      storage.sql.exec('DELETE FROM removals');
      storage.sql.exec('UPDATE shard SET log_lsn = lsn');
    });
    await between(shard, replica);
    expect(value(await read(EVENTUAL)).ids).toEqual(['v49', 'v48', 'v47']);
    expect(value(await read({ kind: 'min-lsn', lsn })).ids).toEqual(['v47', 'v46', 'v45']);
    expect(value(await read(EVENTUAL)).ids).toEqual(['v47', 'v46', 'v45']);
    expect(value(await read(EVENTUAL))).toEqual(value(await shard.query(query)));
  });

  it('[F20] [G41] keeps its copy when its primary has no index and may be lost, until it is erased', async () => {
    const { indexId, shard, replica, write, copy } = await openBoth();
    await write(0, 3);
    await copy();
    const { completeLsn } = await replica.state();
    await shard.erase(indexId);
    // Without its memory it asks again at once.
    await evictDurableObject(replica);
    await runDurableObjectAlarm(replica);
    expect((await replica.state()).completeLsn).toBe(completeLsn);
    await replica.erase(indexId);
    expect((await replica.state()).completeLsn).toBe(null);
    await runInDurableObject(replica, async (_, { storage }) => {
      expect(await storage.getAlarm()).toBe(null);
      expect(storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray()).toEqual([]);
    });
  });
});

import { env } from 'cloudflare:workers';
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';

import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { ShardMatches, UpsertBatch } from '../../../src/ann/shard-protocol.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';

const { SHARD } = env as unknown as { readonly SHARD: DurableObjectNamespace<ShardObject> };

/** A shard with its engine in memory and one vector for each id: the higher its number, the closer to the query. */
async function residentShard(name: string, closeness: Record<string, number>) {
  const indexId = `ix_${name}` as IndexId;
  const stub = SHARD.getByName(`tn_follows:${indexId}`);
  await stub.open({ indexId, dimensions: 2, metric: 'dot' });
  const upsert = (vectors: Record<string, number>, repetition: UpsertBatch['repetition'] = null) => {
    const ids = Object.keys(vectors);
    const values = Float32Array.from(Object.values(vectors).flatMap((value) => [value, 0]));
    const none = ids.map(() => null);
    return stub.upsert({ indexId, ids, namespaces: ids.map(() => ''), values, metadata: none, texts: none, repetition });
  };
  const closest = async (): Promise<readonly string[]> => {
    const include = { values: false, metadata: false, text: false };
    const target = { kind: 'values' as const, values: Float32Array.of(1, 0) };
    const found: Outcome<ShardMatches> = await stub.query({
      indexId,
      target,
      namespace: '',
      topK: 1,
      filter: null,
      excludeIds: [],
      include,
    });
    return found.ok ? found.value.ids : [found.error.code];
  };
  await upsert(closeness);
  expect(await closest()).toHaveLength(1);
  return { indexId, stub, upsert, closest };
}

// The query asks for one vector, so a removed one that still counted would displace the right match.
it('[V2] a removed vector takes no place in an answer', async () => {
  const { indexId, stub, closest } = await residentShard('removed', { far: 1, near: 2, nearest: 3 });
  await stub.deleteVectors({ indexId, selection: { kind: 'ids', namespace: '', ids: ['nearest'] } });
  expect(await closest()).toEqual(['near']);
  await stub.deleteVectors({ indexId, selection: { kind: 'ids', namespace: '', ids: ['near', 'absent'] } });
  expect(await closest()).toEqual(['far']);
});

it('[V2] after a deletion of everything, no earlier vector takes a place in an answer', async () => {
  const { indexId, stub, upsert, closest } = await residentShard('emptied', { far: 1, near: 2, nearest: 3 });
  await stub.deleteVectors({ indexId, selection: { kind: 'all' } });
  expect(await closest()).toEqual([]);
  await upsert({ fresh: 0.5 });
  expect(await closest()).toEqual(['fresh']);
});

it('[V2] a replaced vector is found by its new values, not by its old ones', async () => {
  const { upsert, closest } = await residentShard('replaced', { a: 3, b: 2 });
  await upsert({ a: 1 });
  expect(await closest()).toEqual(['b']);
});

it('[V10] remembers a receipt for all of upsertReceiptTtlMs', async () => {
  const { stub, upsert } = await residentShard('receipts', { a: 1 });
  await upsert({ a: 1 }, { idempotencyKey: 'almost', digest: 'd' });
  await upsert({ a: 1 }, { idempotencyKey: 'just', digest: 'd' });
  const age = (key: string, ms: number) =>
    runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec('UPDATE receipts SET at_ms = at_ms - ? WHERE key = ?', ms, key).toArray(),
    );
  await age('almost', INDEX_LIMITS.upsertReceiptTtlMs - 60_000);
  await age('just', INDEX_LIMITS.upsertReceiptTtlMs + 1_000);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  await runInDurableObject(stub, (_, { storage }) => {
    expect(storage.sql.exec('SELECT key FROM receipts').toArray()).toEqual([{ key: 'almost' }]);
  });
});

import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';

import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import type { ShardMatches } from '../../../src/ann/shard-protocol.ts';
import { engineResources } from '../../../src/ann/shard/engine-resources.ts';
import { ShardEngine } from '../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import { Shard } from '../../../src/ann/shard/shard.ts';
import { MAINTENANCE_SIZES } from '../../../src/ann/maintenance/next-task.ts';
import probeModule from '../../../src/ann/wasm/probe.relaxed.wasm';
import scanModule from '../../../src/ann/wasm/scan.wasm';
import trainModule from '../../../src/ann/wasm/train.wasm';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';

const { SHARD } = env as unknown as { readonly SHARD: DurableObjectNamespace<ShardObject> };

const DIMENSIONS = 16;
const COUNT = 11_000;
const indexId = 'ix_listed' as IndexId;
const stub = SHARD.getByName(`tn_lists:${indexId}`);
const source = new Clusters({ dimensions: DIMENSIONS, count: 40, spread: 0.5, seed: 16 });

let written = 0;
async function upsert(count: number): Promise<void> {
  const values = new Float32Array(count * DIMENSIONS);
  for (let i = 0; i < count; i += 1) values.set(source.next(), i * DIMENSIONS);
  const ids = Array.from({ length: count }, () => `v${(written += 1)}`);
  const none = ids.map(() => null);
  const batch = { indexId, ids, namespaces: ids.map(() => ''), values, metadata: none, texts: none, repetition: null };
  expect(await stub.upsert(batch)).toMatchObject({ ok: true });
}

async function query(values: Float32Array, exact: boolean): Promise<ShardMatches> {
  const outcome: Outcome<ShardMatches> = await stub.query({
    indexId,
    target: { kind: 'values', values: values.slice() },
    namespace: '',
    topK: 10,
    filter: null,
    excludeIds: [],
    include: { values: false, metadata: false, text: false },
    exact,
    explain: true,
  });
  if (!outcome.ok) throw new Error(outcome.error.message);
  return outcome.value;
}

const inShard = <T>(body: (store: VectorStore, storage: DurableObjectStorage) => T): Promise<T> =>
  runInDurableObject(stub, (_, { storage }) => body(new VectorStore(storage), storage));

const alarmMs = () => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());

/** Runs background work on an object over the same storage, and abandons it when the condition holds, as a crash would. */
const cutOff = (isReached: (store: VectorStore) => boolean): Promise<void> =>
  inShard((store) => {
    const sizes = { ...MAINTENANCE_SIZES, checkpointSlices: 8 };
    const floor = engineResources({ scan: scanModule, probe: probeModule, train: trainModule }, INDEX_LIMITS.isolateEngineBytesMax, sizes);
    const shard = new Shard(store, new ShardEngine(floor, 'cut off', store), 'cut off', new SelectionCache(1_024));
    for (let slice = 0; !isReached(store); slice += 1) {
      expect(slice).toBeLessThan(1_000);
      shard.sweep(Date.now());
    }
  });

/** Runs all background work, on an object that does not know of recent writes. */
async function settle(): Promise<void> {
  await evictDurableObject(stub);
  // Not by their number: for `TURN_TTL_MS` each finds the isolate's turn to train taken by an object that is gone. Without an end, the test has none.
  while ((await alarmMs()) !== null) await runDurableObjectAlarm(stub);
}

describe('[V128] the lists of a shard, inside workerd', () => {
  beforeAll(async () => {
    await stub.open({ indexId, dimensions: DIMENSIONS, metric: 'cosine' });
    for (let at = 0; at < COUNT; at += 1_000) await upsert(1_000);
    expect(await alarmMs()).not.toBeNull();
    await inShard((_, storage) => storage.deleteAlarm());
  });

  it('are trained and filled by alarms, which continue where a killed object stopped', async () => {
    const before = await query(source.next(), false);
    expect(before.explanation?.engine).toBe('flat');
    await cutOff(({ lists }) => lists.checkpoint() !== undefined);
    expect(await inShard(({ lists }) => lists.listSets().length)).toBe(0);
    await cutOff((store) => store.unlistedRows().size < COUNT);
    const unlisted = await inShard((store) => store.unlistedRows().size);
    expect(unlisted).toBeGreaterThan(0);
    await evictDurableObject(stub);
    // A call starts an evicted object.
    await query(source.next(), false);
    expect(await alarmMs()).not.toBeNull();
    await settle();
    const [lists, entries] = await inShard((store) => {
      const [listSet] = store.lists.listSets();
      const all = [...store.lists.lists(listSet!.id)];
      return [all.length, all.reduce((sum, { entryCount }) => sum + entryCount, 0)];
    });
    expect(entries).toBe(COUNT);
    expect(lists).toBeGreaterThan(COUNT / MAINTENANCE_SIZES.entriesMax);
  });

  it('answer nearly as exact search does', async () => {
    let [found, scanned] = [0, 0];
    for (let i = 0; i < 100; i += 1) {
      const values = source.next();
      const [nearby, exact] = [await query(values, false), await query(values, true)];
      expect([nearby.explanation?.engine, exact.explanation?.engine]).toEqual(['lists', 'lists']);
      expect([nearby.ids.length, exact.ids.length]).toEqual([10, 10]);
      found += exact.ids.filter((id) => nearby.ids.includes(id)).length;
      scanned += nearby.explanation?.codesScanned ?? 0;
    }
    expect(found / 1_000).toBeGreaterThan(0.93);
    expect(scanned / 100).toBeLessThan(COUNT / 2);
  });

  it('get maintenance soon after a write, however late the next alarm was set', async () => {
    await inShard((_, storage) => storage.setAlarm(Date.now() + INDEX_LIMITS.upsertReceiptTtlMs));
    await upsert(1);
    expect(await alarmMs()).toBeLessThanOrEqual(Date.now() + INDEX_LIMITS.shardSweepDelayMs);
    await settle();
    expect(await inShard((store) => store.unlistedRows().size)).toBe(0);
  });

  it('[V196] get it as soon as an import pauses', async () => {
    await inShard((_, storage) => storage.setAlarm(Date.now() + INDEX_LIMITS.upsertReceiptTtlMs));
    await upsert(MAINTENANCE_SIZES.bulkRowsMin);
    expect(await alarmMs()).toBeLessThanOrEqual(Date.now() + INDEX_LIMITS.bulkPauseMs);
    await settle();
    expect(await inShard((store) => store.unlistedRows().size)).toBe(0);
  });

  it('are rebuilt after damage that a query detects; the query still answers correctly', async () => {
    await inShard((_, { sql }) => void sql.exec('UPDATE blocks SET bytes = zeroblob(100)'));
    await evictDurableObject(stub);
    const values = source.next();
    // The object runs, and has nothing to do.
    const stored = await inShard((store) => store.lists.listSets().length);
    expect(stored).toBe(1);
    const [exact, nearby] = [await query(values, true), await query(values, false)];
    expect(nearby.ids).toEqual(exact.ids);
    expect(nearby.explanation?.engine).toBe('flat');
    expect(await alarmMs()).not.toBeNull();
    await settle();
    expect((await query(values, false)).explanation?.engine).toBe('lists');
  });
});

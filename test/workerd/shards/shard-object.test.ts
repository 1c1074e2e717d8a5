import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { Caller } from '../../../src/ann/access-mode.ts';
import { followerWith, INDEX_OBJECT } from '../../../src/ann/access-mode.ts';
import type { Include, ShardMatches, UpsertBatch } from '../../../src/ann/shard-protocol.ts';
import { flatEngineCapacity } from '../../../src/ann/flat/flat-engine.ts';
import { filter } from '../../../src/contract/vectors/filter-syntax.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';

interface ShardsEnv {
  readonly SHARD: DurableObjectNamespace<ShardObject>;
}

const { SHARD } = env as unknown as ShardsEnv;
const NOTHING: Include = { values: false, metadata: false, text: false };
const EVERYTHING: Include = { values: true, metadata: true, text: true };

let serial = 0;

/** Opens a new shard. */
async function openShard(metric: Metric = 'dot', dimensions = 2) {
  serial += 1;
  const indexId = `ix_${serial}` as IndexId;
  const stub = SHARD.getByName(`tn_test:${indexId}`);
  await stub.open({ indexId, dimensions, metric });
  return { indexId, stub };
}

type Item = { id: string; values: number[]; namespace?: string; metadata?: string; text?: string };

const batchOf = (indexId: IndexId, items: Item[], repetition: UpsertBatch['repetition'] = null): UpsertBatch => ({
  indexId,
  ids: items.map(({ id }) => id),
  namespaces: items.map(({ namespace }) => namespace ?? ''),
  values: Float32Array.from(items.flatMap(({ values }) => values)),
  metadata: items.map(({ metadata }) => metadata ?? null),
  texts: items.map(({ text }) => text ?? null),
  repetition,
});

const queryOf = (indexId: IndexId, values: number[], topK = 10, namespace = '', include = NOTHING) => ({
  indexId,
  target: { kind: 'values' as const, values: Float32Array.from(values) },
  namespace,
  topK,
  filter: null,
  excludeIds: [],
  include,
});

function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

const idsOf = (outcome: Outcome<ShardMatches>): readonly string[] => value(outcome).ids;

const LATE = { endsAtMs: 1 };
const IN_TIME = { endsAtMs: Number.MAX_SAFE_INTEGER };

it('[T54] a shard commits no write whose lease has ended', async () => {
  const { indexId, stub } = await openShard();
  const batch = batchOf(indexId, [{ id: 'a', values: [1, 0], metadata: '{"mark":1}' }]);
  const patch = { indexId, namespace: '', ids: ['a'], filter: null, edit: { kind: 'replace' as const, metadata: null } };
  const deletion = { indexId, selection: { kind: 'all' as const } };
  expect(await stub.upsert(batch, LATE)).toMatchObject({ error: { code: 'lease_expired' } });
  expect(idsOf(await stub.query(queryOf(indexId, [1, 0])))).toEqual([]);
  expect(await stub.upsert(batch, IN_TIME)).toMatchObject({ ok: true });
  expect(await stub.patchVectors(patch, LATE)).toMatchObject({ error: { code: 'lease_expired' } });
  expect(await stub.deleteVectors(deletion, LATE)).toMatchObject({ error: { code: 'lease_expired' } });
  const left = value(await stub.fetchVectors({ indexId, namespace: '', ids: ['a'], include: EVERYTHING }));
  expect(left).toMatchObject({ ids: ['a'], metadata: ['{"mark":1}'] });
  expect(await stub.deleteVectors(deletion, IN_TIME)).toMatchObject({ ok: true });
});

// Memory may be lost between any two calls: all tests run with and without evictions.
describe.each(['resident', 'evicted between calls'] as const)('[V13] ShardObject, %s', (mode) => {
  const between = async (stub: DurableObjectStub<ShardObject>): Promise<void> => {
    if (mode !== 'resident') await evictDurableObject(stub);
  };

  it('[V7][V8] shows every write, replacement and deletion as soon as it is acknowledged', async () => {
    const { indexId, stub } = await openShard();
    expect(
      await stub.upsert(
        batchOf(indexId, [
          { id: 'a', values: [1, 0] },
          { id: 'b', values: [0, 1] },
        ]),
      ),
    ).toEqual({ ok: true, value: { count: 2, lsn: 1 } });
    await between(stub);
    expect(value(await stub.query(queryOf(indexId, [3, 1])))).toEqual({
      ids: ['a', 'b'],
      scores: [3, 1],
      values: null,
      metadata: null,
      texts: null,
      lsn: 1,
    });
    await between(stub);
    expect(
      value(
        await stub.upsert(
          batchOf(indexId, [
            { id: 'b', values: [9, 9] },
            { id: 'c', values: [-1, 0] },
          ]),
        ),
      ),
    ).toEqual({ count: 2, lsn: 2 });
    await between(stub);
    expect(idsOf(await stub.query(queryOf(indexId, [3, 1])))).toEqual(['b', 'a', 'c']);
    await between(stub);
    const deletion = { indexId, selection: { kind: 'ids' as const, namespace: '', ids: ['b', 'absent'] } };
    expect(value(await stub.deleteVectors(deletion))).toEqual({ count: 1, lsn: 3, next: null });
    await between(stub);
    expect(idsOf(await stub.query(queryOf(indexId, [3, 1])))).toEqual(['a', 'c']);
    await between(stub);
    expect(value(await stub.deleteVectors({ indexId, selection: { kind: 'all' } }))).toEqual({ count: 2, lsn: 4, next: null });
    await between(stub);
    expect(value(await stub.query(queryOf(indexId, [3, 1])))).toMatchObject({ ids: [], lsn: 4 });
    expect(value(await stub.stats({ indexId }))).toMatchObject({ lsn: 4, count: 0, namespaces: 0 });
  });

  it('[V4] keeps namespaces separate: the same id in two of them names two vectors', async () => {
    const { indexId, stub } = await openShard();
    await stub.upsert(
      batchOf(indexId, [
        { id: 'a', values: [1, 0] },
        { id: 'a', values: [2, 0], namespace: 'en' },
        { id: 'b', values: [3, 0], namespace: 'en' },
      ]),
    );
    await between(stub);
    expect(value(await stub.query(queryOf(indexId, [1, 0], 10, 'en')))).toMatchObject({ ids: ['b', 'a'], scores: [3, 2] });
    expect(value(await stub.query(queryOf(indexId, [1, 0])))).toMatchObject({ ids: ['a'], scores: [1] });
    expect(idsOf(await stub.query(queryOf(indexId, [1, 0], 10, 'fr')))).toEqual([]);
    await between(stub);
    await stub.deleteVectors({ indexId, selection: { kind: 'ids', namespace: 'en', ids: ['a', 'b'] } });
    await between(stub);
    expect(value(await stub.stats({ indexId }))).toMatchObject({ count: 1, namespaces: 1 });
    expect(idsOf(await stub.query(queryOf(indexId, [1, 0])))).toEqual(['a']);
    // The ordinal of a removed namespace may be reused: nothing of the old namespace shows in the new one.
    await stub.upsert(batchOf(indexId, [{ id: 'z', values: [5, 0], namespace: 'de' }]));
    expect(idsOf(await stub.query(queryOf(indexId, [1, 0], 10, 'de')))).toEqual(['z']);
    expect(idsOf(await stub.query(queryOf(indexId, [1, 0], 10, 'en')))).toEqual([]);
  });

  it('[V9] returns values, metadata and text as they were written, in the requested order', async () => {
    const { indexId, stub } = await openShard('l2');
    const text = 'naïve 🦊 \0 text';
    await stub.upsert(
      batchOf(indexId, [
        { id: 'a', values: [0.1, -0], metadata: '{"n":1}', text },
        { id: 'ü', values: [3.4e38, 1e-45] },
      ]),
    );
    await between(stub);
    const fetched = value(await stub.fetchVectors({ indexId, namespace: '', ids: ['ü', 'absent', 'a', 'ü'], include: EVERYTHING }));
    expect(fetched).toEqual({
      ids: ['ü', 'a'],
      values: Float32Array.of(3.4e38, 1e-45, 0.1, -0),
      metadata: [null, '{"n":1}'],
      texts: [null, text],
      lsn: 1,
    });
    await between(stub);
    const found = value(await stub.query(queryOf(indexId, [0.1, 0], 1, '', EVERYTHING)));
    expect(found).toEqual({ ids: ['a'], scores: [0], values: Float32Array.of(0.1, -0), metadata: ['{"n":1}'], texts: [text], lsn: 1 });
  });

  it('[V9] searches by a stored vector, which is its own best match', async () => {
    const { indexId, stub } = await openShard('cosine');
    await stub.upsert(
      batchOf(indexId, [
        { id: 'a', values: [1, 2] },
        { id: 'b', values: [1, 1] },
      ]),
    );
    await between(stub);
    const around = (id: string) => stub.query({ ...queryOf(indexId, []), target: { kind: 'id', id } });
    expect(value(await around('a'))).toMatchObject({ ids: ['a', 'b'], scores: [1, expect.closeTo(3 / Math.sqrt(10), 12)] });
    expect(await around('absent')).toMatchObject({ ok: false, error: { code: 'vector_not_found', path: ['id'] } });
  });

  it('[V10] answers a repeated write once, and refuses another write under its key', async () => {
    const { indexId, stub } = await openShard();
    const repetition = { idempotencyKey: 'k1', digest: 'd1' };
    const first = batchOf(indexId, [{ id: 'a', values: [1, 0] }], repetition);
    const written = value(await stub.upsert(first));
    expect(written).toMatchObject({ count: 1, lsn: 1, billing: { usageId: expect.stringContaining(indexId) } });
    await stub.upsert(batchOf(indexId, [{ id: 'a', values: [7, 0] }]));
    await between(stub);
    expect(value(await stub.upsert(first))).toEqual(written);
    expect(value(await stub.query(queryOf(indexId, [1, 0])))).toMatchObject({ scores: [7], lsn: 2 });
    await between(stub);
    const other = batchOf(indexId, [{ id: 'a', values: [1, 0] }], { idempotencyKey: 'k1', digest: 'd2' });
    expect(await stub.upsert(other)).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch', path: ['idempotency-key'] } });
    expect(value(await stub.stats({ indexId })).lsn).toBe(2);
  });

  it('[V11] is empty after an erasure and refuses everything, also when it is erased again', async () => {
    const { indexId, stub } = await openShard();
    await stub.upsert(batchOf(indexId, [{ id: 'a', values: [1, 0] }], { idempotencyKey: 'k', digest: 'd' }));
    await stub.query(queryOf(indexId, [1, 0]));
    await between(stub);
    expect(await stub.erase(indexId)).toBe(1);
    await between(stub);
    for (const refused of [
      await stub.upsert(batchOf(indexId, [{ id: 'b', values: [1, 0] }])),
      await stub.query(queryOf(indexId, [1, 0])),
      await stub.fetchVectors({ indexId, namespace: '', ids: ['a'], include: NOTHING }),
      await stub.deleteVectors({ indexId, selection: { kind: 'all' } }),
      await stub.stats({ indexId }),
    ]) {
      expect(refused).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
    }
    expect(await stub.erase(indexId)).toBe(0);
    await runInDurableObject(stub, async (_, state) => {
      expect(state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray()).toEqual([]);
      expect(await state.storage.getAlarm()).toBeNull();
    });
  });
});

describe('ShardObject', () => {
  it('[B33] opens closed if an earlier version closed it, for fencing tokens not older than its own', async () => {
    const { indexId, stub } = await openShard();
    await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("UPDATE shard SET gate = 'closed', follower_run = 5"));
    await evictDurableObject(stub);
    const written = (caller?: Caller) => stub.upsert({ ...batchOf(indexId, [{ id: 'a', values: [1, 0] }]), caller });
    expect(await written()).toMatchObject({ error: { code: 'index_moving' } });
    expect(await written(followerWith(4))).toMatchObject({ error: { code: 'stale_fence' } });
    expect(await written(followerWith(7))).toMatchObject({ ok: true });
    expect(await written(followerWith(6))).toMatchObject({ error: { code: 'stale_fence' } });
    expect(await written(INDEX_OBJECT)).toMatchObject({ ok: true });
    expect(await stub.stats({ indexId })).toMatchObject({ error: { code: 'index_moving' } });
    expect(value(await stub.stats({ indexId, caller: followerWith(0) }))).toMatchObject({ count: 1 });
  });

  it('[B33] accepts no index id with a suffix, by which earlier versions named the caller', async () => {
    const { indexId, stub } = await openShard();
    for (const mark of ['~*', '~9']) {
      expect(await stub.stats({ indexId: `${indexId}${mark}` as IndexId })).toMatchObject({ error: { code: 'index_not_found' } });
    }
  });

  it('[C102] returns the LSN of the last write, only to callers that name its index', async () => {
    const { indexId, stub } = await openShard();
    expect(value(await stub.lsn({ indexId }))).toBe(0);
    await stub.upsert(batchOf(indexId, [{ id: 'a', values: [1, 0] }]));
    const { lsn } = value(await stub.upsert(batchOf(indexId, [{ id: 'b', values: [0, 1] }])));
    expect(value(await stub.lsn({ indexId }))).toBe(lsn);
    expect(await stub.lsn({ indexId: 'ix_other' as IndexId })).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
  });

  it('[V11] refuses an index that was never opened, and stores nothing for it', async () => {
    const indexId = 'ix_garbage' as IndexId;
    const stub = SHARD.getByName(`tn_test:${indexId}`);
    expect(await stub.upsert(batchOf(indexId, [{ id: 'a', values: [1, 0] }]))).toMatchObject({
      ok: false,
      error: { code: 'index_not_found' },
    });
    expect(await runDurableObjectAlarm(stub)).toBe(false);
    await runInDurableObject(stub, (_, state) => {
      expect(state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray()).toEqual([]);
    });
  });

  it('[V11] refuses calls meant for another index', async () => {
    const { stub } = await openShard();
    expect(await stub.query(queryOf('ix_other' as IndexId, [1, 0]))).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
  });

  it('[V10] forgets receipts when they expire, and sweeps again only while there are any', async () => {
    const { indexId, stub } = await openShard();
    await stub.upsert(batchOf(indexId, [{ id: 'a', values: [1, 0] }], { idempotencyKey: 'old', digest: 'd' }));
    await stub.upsert(batchOf(indexId, [{ id: 'b', values: [1, 0] }], { idempotencyKey: 'new', digest: 'd' }));
    await runInDurableObject(stub, async (_, state) => {
      expect(await state.storage.getAlarm()).not.toBeNull();
      state.storage.sql.exec("UPDATE receipts SET at_ms = at_ms - ? WHERE key = 'old'", INDEX_LIMITS.upsertReceiptTtlMs + 60_000);
    });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    await runInDurableObject(stub, async (_, state) => {
      expect(state.storage.sql.exec('SELECT key FROM receipts').toArray()).toEqual([{ key: 'new' }]);
      expect(await state.storage.getAlarm()).toBeGreaterThan(Date.now() + INDEX_LIMITS.upsertReceiptTtlMs - 60_000);
      state.storage.sql.exec('UPDATE receipts SET at_ms = 0');
    });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await runDurableObjectAlarm(stub)).toBe(false);
  });

  it('[V10] keeps a bounded number of receipts, the newest', async () => {
    const { indexId, stub } = await openShard();
    const write = (key: string) => stub.upsert(batchOf(indexId, [{ id: key, values: [1, 0] }], { idempotencyKey: key, digest: 'd' }));
    await write('first');
    await runInDurableObject(stub, (_, state) => {
      const newer = "SELECT 'newer', digest, at_ms, done, own, ? FROM receipts";
      state.storage.sql.exec(`INSERT INTO receipts (key, digest, at_ms, done, own, turn) ${newer}`, INDEX_LIMITS.upsertReceiptsMaxCount);
    });
    await write('second');
    await runInDurableObject(stub, (_, state) => {
      expect(state.storage.sql.exec('SELECT key FROM receipts').toArray()).toEqual([{ key: 'newer' }, { key: 'second' }]);
    });
  });

  it('[V8] stores nothing of a batch that fails half-way', async () => {
    const { indexId, stub } = await openShard();
    await stub.upsert(batchOf(indexId, [{ id: 'a', values: [1, 0] }]));
    await runInDurableObject(stub, async (shard, state) => {
      state.storage.sql.exec(
        "CREATE TRIGGER refuse BEFORE INSERT ON vectors WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'refused'); END",
      );
      const batch = batchOf(
        indexId,
        [
          { id: 'b', values: [5, 0], namespace: 'n' },
          { id: 'bad', values: [1, 0] },
        ],
        { idempotencyKey: 'k', digest: 'd' },
      );
      await expect(shard.upsert(batch)).rejects.toThrow('refused');
    });
    expect(value(await stub.query(queryOf(indexId, [1, 0])))).toMatchObject({ ids: ['a'], lsn: 1 });
    expect(value(await stub.stats({ indexId }))).toMatchObject({ count: 1, namespaces: 1, lsn: 1 });
  });

  it('[V15] refuses vectors beyond its capacity, naming the limit, but accepts replacements', async () => {
    const { indexId, stub } = await openShard('dot', 4096);
    const countMax = flatEngineCapacity(INDEX_LIMITS.shardEngineBytesMax, 4096);
    const wide = Array.from({ length: 4096 }, () => 1);
    await stub.upsert(batchOf(indexId, [{ id: 'a', values: wide }]));
    await runInDurableObject(stub, (_, state) => void state.storage.sql.exec('UPDATE shard SET count = ?', countMax));
    await evictDurableObject(stub);
    const refused = await stub.upsert(batchOf(indexId, [{ id: 'b', values: wide }]));
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', limit: { name: 'shardEngineBytesMax', bound: countMax } },
    });
    expect(value(await stub.upsert(batchOf(indexId, [{ id: 'a', values: wide }])))).toEqual({ count: 1, lsn: 2 });
  });

  it('[V9] accepts the most ids that a call may contain, of any length and characters', async () => {
    const { indexId, stub } = await openShard();
    // Such a character takes six bytes in JSON, so the ids are 30 MB of text.
    const ids = Array.from({ length: VECTOR_LIMITS.vectorIdsMaxCount }, (_, i) => `${i}`.padEnd(VECTOR_LIMITS.vectorIdBytesMax, '\u0001'));
    const [first = '', last = ''] = [ids[0], ids.at(-1)];
    value(
      await stub.upsert(
        batchOf(
          indexId,
          [first, last, 'kept'].map((id) => ({ id, values: [1, 0] })),
        ),
      ),
    );
    const fetched = value(await stub.fetchVectors({ indexId, namespace: '', ids, include: NOTHING }));
    expect(fetched.ids).toEqual([first, last]);
    const others = await stub.query({ ...queryOf(indexId, [1, 0]), excludeIds: ids });
    expect(idsOf(others)).toEqual(['kept']);
    const among = await stub.query({ ...queryOf(indexId, [1, 0]), filter: filter.parse({ $id: { $in: ids } }) });
    expect(idsOf(among)).toEqual([first, last]);
    expect(value(await stub.deleteVectors({ indexId, selection: { kind: 'ids', namespace: '', ids } }))).toMatchObject({ count: 2 });
    const many = ids.slice(0, VECTOR_LIMITS.upsertVectorsMaxCount).map((id) => ({ id, values: [1, 0], namespace: '\u0001'.repeat(64) }));
    for (let times = 0; times < 2; times += 1) value(await stub.upsert(batchOf(indexId, many)));
    expect(value(await stub.stats({ indexId })).count).toBe(1 + many.length);
  });

  it('[V16] refuses an answer larger than the limit instead of failing under it', async () => {
    const { indexId, stub } = await openShard();
    const text = 'x'.repeat(VECTOR_LIMITS.vectorTextBytesMax);
    const ids = Array.from({ length: 200 }, (_, i) => `t${i}`);
    for (let start = 0; start < ids.length; start += 100) {
      await stub.upsert(
        batchOf(
          indexId,
          ids.slice(start, start + 100).map((id) => ({ id, values: [1, 0], text })),
        ),
      );
    }
    const include = { ...NOTHING, text: true };
    expect(await stub.fetchVectors({ indexId, namespace: '', ids, include })).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded' },
    });
    expect(value(await stub.fetchVectors({ indexId, namespace: '', ids: ids.slice(0, 100), include })).texts?.length).toBe(100);
  });
});

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env as anyEnv } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import type { ObjectsEnv } from '../../../durable-objects/env.ts';
import { EMBEDDING_CACHE_MIGRATIONS, EmbeddingCacheStore } from '../../../src/cache/store/embedding-cache-store.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import { PurgeLog } from '../../../src/cache/purge-log.ts';
import type { LoggedPredicate, PurgePredicate } from '../../../src/cache/purge-predicate.ts';
import type { NewVector, VectorOrigin } from '../../../src/cache/stored-vector.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';

const env = anyEnv as unknown as ObjectsEnv;
const CONTRACT = 'contract-1';
const originOf = (contractHash: string, model = 'm', modelVersion = '1'): VectorOrigin => ({ contractHash, model, modelVersion });
const ORIGIN = originOf(CONTRACT);

let shards = 0;
const newShard = () => env.EMBEDDING_CACHE.get(env.EMBEDDING_CACHE.idFromName(`tn_test_${++shards}:0`));
const entry = (digest: string, position = 0, ttlMs?: number, more: Partial<NewVector> = {}): NewVector => {
  return { digest, position, knownMs: 0, tags: [], ageMs: 0, ttlMs, ...more };
};
const purge = (position: number, predicate: PurgePredicate = {}): LoggedPredicate => ({ position, predicate, mode: 'hard', atMs: 0 });
const vectors = (...values: number[]) => Float32Array.from(values.flatMap((value) => [value, value + 0.5]));

type Shard = ReturnType<typeof newShard>;

/** The entries of `digests` in the shard, as digest -> first number. */
async function held(shard: Shard, digests: string[], contract = CONTRACT): Promise<Record<string, number>> {
  const found = await shard.get(contract, digests);
  return Object.fromEntries(found.entries.map(({ at }, row) => [digests[at], found.vectors[row * 2]]));
}

/** The store over a real object's storage, with bounds small enough for tests. */
const withStore = <T>(
  shard: Shard,
  bounds: { entriesMax?: number; bytesMax?: number; touchesMax?: number },
  work: (store: EmbeddingCacheStore) => T,
) =>
  runInDurableObject(shard, (_object, state) => {
    const storage = state.storage as unknown as ConstructorParameters<typeof EmbeddingCacheStore>[0];
    return work(
      new EmbeddingCacheStore(storage, { entriesMax: 1000, bytesMax: 1e6, touchesMax: 1000, sweepRowsMax: 10, countRowsMax: 7, ...bounds }),
    );
  });

const tables = (shard: Shard) =>
  runInDurableObject(shard, (_object, state) => state.storage.sql.exec('SELECT COUNT(*) AS tables FROM sqlite_master').one()['tables']);

describe.each([{ evicts: false }, { evicts: true }])('EmbeddingCacheObject, evicted between calls: $evicts', ({ evicts }) => {
  const settled = async (shard: Shard) => {
    if (evicts) await evictDurableObject(shard);
  };

  it('[C10] returns the entries it has, by their position in the request', async () => {
    const shard = newShard();
    await shard.put(ORIGIN, [entry('a'), entry('b', 3)], vectors(1, 2));
    await settled(shard);
    expect(await held(shard, ['x', 'b', 'a'])).toEqual({ a: 1, b: 2 });
    const { entries } = await shard.get(CONTRACT, ['b']);
    expect(entries).toEqual([{ at: 0, position: 3, knownMs: 0, tags: [], ageMs: expect.any(Number), ttlMs: undefined }]);
    expect(await held(shard, ['a'], 'contract-2')).toEqual({});
  });

  it('[C3] ends entries with their TTL and sweeps them by alarm', async () => {
    const shard = newShard();
    await shard.put(ORIGIN, [entry('short', 0, 30), entry('long', 0, 60_000), entry('ever')], vectors(1, 2, 3));
    await settled(shard);
    const { entries } = await shard.get(CONTRACT, ['long']);
    expect(entries[0]?.ttlMs).toBeGreaterThan(50_000);
    await scheduler.wait(40);
    expect(await held(shard, ['short', 'long', 'ever'])).toEqual({ long: 2, ever: 3 });
    await settled(shard);
    expect(await runDurableObjectAlarm(shard)).toBe(true);
    expect(await withStore(shard, {}, (store) => store.totals())).toEqual({ entries: 2, bytes: 16 });
    // The long entry has not been swept yet.
    expect(await runDurableObjectAlarm(shard)).toBe(true);
  });

  it('[C16] lets no older fill replace a newer one', async () => {
    const shard = newShard();
    await shard.put(ORIGIN, [entry('a', 2)], vectors(2));
    await settled(shard);
    await shard.put(ORIGIN, [entry('a', 1)], vectors(1));
    await settled(shard);
    expect(await held(shard, ['a'])).toEqual({ a: 2 });
    await shard.put(ORIGIN, [entry('a', 2)], vectors(3));
    expect(await held(shard, ['a'])).toEqual({ a: 3 });
  });

  it('[C17] erases purged entries, and only those', async () => {
    const shard = newShard();
    await shard.put(ORIGIN, [entry('a', 1), entry('b', 1), entry('c', 5)], vectors(1, 2, 3));
    await shard.put(originOf('contract-2'), [entry('a', 1)], vectors(4));
    await settled(shard);
    expect(await shard.erase(purge(5, { digests: ['a'] }))).toEqual({ next: null });
    expect(await held(shard, ['a', 'b', 'c'])).toEqual({ b: 2, c: 3 });
    expect(await held(shard, ['a'], 'contract-2')).toEqual({});
    await settled(shard);
    await shard.erase(purge(5));
    expect(await held(shard, ['a', 'b', 'c'])).toEqual({ c: 3 });
  });

  it('[T71] stores nothing under a lease that has ended', async () => {
    const shard = newShard();
    expect(await shard.put(ORIGIN, [entry('a')], vectors(1), { endsAtMs: 1 })).toMatchObject({ error: { code: 'lease_expired' } });
    await settled(shard);
    expect(await tables(shard)).toBe(0);
    expect(await shard.put(ORIGIN, [entry('a')], vectors(1), { endsAtMs: Date.now() + 60_000 })).toEqual({ ok: true, value: null });
    expect(await held(shard, ['a'])).toEqual({ a: 1 });
  });

  it('[C18] writes nothing for lookups of a tenant that cached nothing', async () => {
    const shard = newShard();
    expect(await held(shard, ['a'])).toEqual({});
    expect(await shard.erase(purge(1))).toEqual({ next: null });
    expect(await shard.count({})).toEqual({ entries: 0, bytes: 0, next: null });
    await settled(shard);
    expect(await tables(shard)).toBe(0);
  });
});

describe('EmbeddingCacheStore', () => {
  it('[C15] keeps within its entries and bytes, evicting the least recently used first', async () => {
    const shard = newShard();
    await withStore(shard, { entriesMax: 3, bytesMax: 24 }, (store) => {
      store.put(ORIGIN, [entry('a'), entry('b'), entry('c')], vectors(1, 2, 3), 1000);
      store.get(CONTRACT, ['a'], 2000);
      store.put(ORIGIN, [entry('d')], vectors(4), 3000);
      expect(store.totals()).toEqual({ entries: 3, bytes: 24 });
      expect(store.get(CONTRACT, ['a', 'b'], 3500).entries.map(({ at }) => at)).toEqual([0]);
      // Three entries of eight bytes fit; one of sixteen replaces two.
      store.put(ORIGIN, [entry('e')], Float32Array.of(1, 2, 3, 4), 4000);
      expect(store.totals()).toEqual({ entries: 2, bytes: 24 });
    });
    expect(await held(shard, ['a', 'b', 'c', 'd'])).toEqual({ a: 1 });
  });

  it('[C3] serves an entry until just before its end, and reports how long it has left', async () => {
    await withStore(newShard(), {}, (store) => {
      store.put(ORIGIN, [entry('a', 0, 100)], vectors(1), 1000);
      expect(store.get(CONTRACT, ['a'], 1099).entries).toEqual([{ at: 0, position: 0, knownMs: 0, tags: [], ageMs: 99, ttlMs: 1 }]);
      expect(store.get(CONTRACT, ['a'], 1100).entries).toEqual([]);
      expect([store.nextEndMs(), store.sweep(1099), store.totals().entries]).toEqual([1100, false, 1]);
      expect([store.sweep(1100), store.totals().entries]).toEqual([false, 0]);
    });
  });

  it('[C15] counts a replaced vector once', async () => {
    await withStore(newShard(), {}, (store) => {
      store.put(ORIGIN, [entry('a')], vectors(1), 1000);
      store.put(ORIGIN, [entry('a')], Float32Array.of(1, 2, 3), 1000);
      expect(store.totals()).toEqual({ entries: 1, bytes: 12 });
    });
  });

  it('[C15] stores uses only in batches', async () => {
    await runInDurableObject(newShard(), (_object, state) => {
      const storage = state.storage as unknown as ConstructorParameters<typeof EmbeddingCacheStore>[0];
      const store = new EmbeddingCacheStore(storage, { entriesMax: 9, bytesMax: 999, touchesMax: 2, sweepRowsMax: 9, countRowsMax: 9 });
      const used = () => [...state.storage.sql.exec('SELECT used_ms FROM entries ORDER BY digest')].map((row) => row['used_ms']);
      store.put(ORIGIN, [entry('a'), entry('b'), entry('c')], vectors(1, 2, 3), 1000);
      store.get(CONTRACT, ['a'], 2000);
      expect(used()).toEqual([1000, 1000, 1000]);
      store.get(CONTRACT, ['b'], 3000);
      expect(used()).toEqual([3000, 3000, 1000]);
    });
  });

  it('[C17] [C67] erases and counts in slices, and returns where the next one begins', async () => {
    await withStore(newShard(), {}, (store) => {
      const digests = Array.from({ length: 25 }, (_, i) => `d${i}`);
      const entries = digests.map((digest, i) => entry(digest, 0, undefined, { tags: i % 2 === 0 ? ['even'] : [] }));
      store.put(ORIGIN, entries, vectors(...digests.keys()), 1000);
      let [counted, slices] = [0, 0];
      for (let after: number | null = 0; after !== null; slices += 1) {
        const slice = store.count({ tags: ['even'] }, after);
        counted += slice.entries;
        expect(slice.bytes).toBe(slice.entries * 8);
        after = slice.next;
      }
      expect([counted, slices]).toEqual([13, 4]);
      const totals: number[] = [];
      for (let after: number | null = 0; after !== null;) {
        after = store.erase(purge(1, { tags: ['even'] }), after).next;
        totals.push(store.totals().entries);
      }
      expect(totals).toEqual([20, 15, 12]);
      expect(store.get(CONTRACT, digests, 2000).entries.every(({ at }) => at % 2 === 1)).toBe(true);
    });
  });

  it.each<[string, PurgePredicate, string[]]>([
    ['digests', { digests: ['b', 'z'] }, ['b']],
    ['no digest', { digests: [] }, []],
    ['tags', { tags: ['y', 'docs/2'] }, ['b', 'c']],
    ['a prefix', { tagPrefix: 'docs/' }, ['a', 'b']],
    ['a prefix of special characters', { tagPrefix: '%_*[' }, ['c']],
    ['the model', { model: 'm' }, ['a', 'b']],
    ['its version', { model: 'm', modelVersion: '2' }, ['b']],
    ['names', { models: ['n', 'm@2', 'x'] }, ['b', 'c']],
    ['a name with a version', { models: ['m@1'] }, ['a']],
    ['no name', { models: [] }, []],
    ['age', { filledBeforeMs: 20 }, ['a']],
    ['the tenant, known or possible', { filledBy: 'tn_one' as TenantId }, ['a', 'c']],
    [
      'all selectors',
      { digests: ['a', 'b', 'c'], tags: ['docs/1', 'docs/2'], tagPrefix: 'docs', model: 'm', filledBeforeMs: 30 },
      ['a', 'b'],
    ],
    ['no selector', {}, ['a', 'b', 'c']],
  ])('[C60] finds the same entries for a purge by %s as the log', async (_, predicate, expected) => {
    await withStore(newShard(), {}, (store) => {
      const of = [
        { digest: 'a', tags: ['docs/1'], knownMs: 10, filledBy: 'tn_one' as TenantId, origin: originOf(CONTRACT) },
        { digest: 'b', tags: ['x', 'docs/2'], knownMs: 20, filledBy: 'tn_two' as TenantId, origin: originOf(CONTRACT, 'm', '2') },
        { digest: 'c', tags: ['y', '%_*[z'], knownMs: 30, origin: originOf(CONTRACT, 'n', '2') },
      ];
      const log = new PurgeLog([purge(1, predicate)], { predicatesMax: 9, termsMax: 9 });
      for (const { origin, ...more } of of) store.put(origin, [entry(more.digest, 0, undefined, more)], vectors(1), 1000);
      const taken = of.filter(
        ({ origin: { model, modelVersion }, ...more }) => log.verdictOf({ ...more, model, modelVersion, position: 0 }).kind === 'purged',
      );
      expect(taken.map(({ digest }) => digest)).toEqual(expected);
      expect(store.count(predicate).entries).toBe(expected.length);
      store.erase(purge(1, predicate));
      const left = store.get(CONTRACT, ['a', 'b', 'c'], 2000).entries.map(({ at }) => ['a', 'b', 'c'][at]);
      expect(left).toEqual(['a', 'b', 'c'].filter((digest) => !expected.includes(digest)));
    });
  });

  it('[C63] keeps the age and the end of a moved entry', async () => {
    await withStore(newShard(), {}, (store) => {
      store.put(ORIGIN, [entry('a', 2, 300, { ageMs: 700, knownMs: 5, tags: ['t'] })], vectors(1), 1000);
      expect(store.get(CONTRACT, ['a'], 1100).entries).toEqual([{ at: 0, position: 2, knownMs: 5, tags: ['t'], ageMs: 800, ttlMs: 200 }]);
    });
  });

  it('[C66] erases entries of its second format with any tenant, since they do not name theirs', async () => {
    const shard = newShard();
    await runInDurableObject(shard, (_object, state) => {
      const storage = state.storage as unknown as ConstructorParameters<typeof EmbeddingCacheStore>[0];
      migrate(storage, EMBEDDING_CACHE_MIGRATIONS.slice(0, 2));
      state.storage.sql.exec(`INSERT INTO contracts VALUES (1, 'contract-1')`);
      state.storage.sql.exec(`INSERT INTO origins VALUES (1, 'm', '1')`);
      state.storage.sql.exec(`INSERT INTO entries VALUES (1, 'a', 1, 1, 8, 0, 0, NULL, 1, NULL, 1)`);
      state.storage.sql.exec(`INSERT INTO vectors VALUES (1, x'0000803f00000000')`);
    });
    expect(await held(shard, ['a'])).toEqual({ a: 1 });
    await shard.erase(purge(1, { filledBy: 'tn_any' as TenantId }));
    expect(await held(shard, ['a'])).toEqual({});
  });

  it('drops entries of its first format, and continues to work', async () => {
    const shard = newShard();
    await runInDurableObject(shard, (_object, state) => {
      const storage = state.storage as unknown as ConstructorParameters<typeof EmbeddingCacheStore>[0];
      migrate(storage, EMBEDDING_CACHE_MIGRATIONS.slice(0, 1));
      state.storage.sql.exec("INSERT INTO entries VALUES (1, 'a', 'contract-1', x'0000803f', 0, 1, NULL, 1)");
    });
    expect(await held(shard, ['a'])).toEqual({});
    await shard.put(ORIGIN, [entry('a')], vectors(2));
    expect(await held(shard, ['a'])).toEqual({ a: 2 });
  });
});

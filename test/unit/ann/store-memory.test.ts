import { describe, expect, it } from 'vitest';
import { followerWith } from '../../../src/ann/access-mode.ts';
import { ShardAccess } from '../../../src/ann/shard/shard-access.ts';
import { FollowerStore } from '../../../src/ann/store/follower-store.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { CHUNK_ROWS } from '../../../src/ann/filter/row-set.ts';
import { ownKey } from '../../../src/ann/receipts.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { FailingSql } from '../../support/fakes/failing-sql.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const indexId = 'ix_memory' as IndexId;

function put(store: VectorStore, ids: readonly string[], namespace = '', header = store.header()!) {
  const batch = {
    indexId,
    ids,
    namespaces: ids.map(() => namespace),
    values: Float32Array.from(ids, () => 1),
    metadata: ids.map(() => '{"a":1}'),
    texts: ids.map(() => null),
    repetition: null,
  };
  return store.upsert(batch, header, store.replacedBy(batch), 0);
}

const remove = (store: VectorStore, ids: readonly string[], namespace = '') => {
  const ordinal = store.namespaces.ordinalOf(namespace)!;
  return store.deleteRows(ordinal, store.rowsOf(ordinal, ids), store.header()!);
};

const NAMESPACES = ['', 'n', 'other', 'new'];

const memoryOf = (store: VectorStore, follower: FollowerStore) => ({
  header: store.header(),
  access: store.access(),
  namespaces: NAMESPACES.map((name) => store.namespaces.ordinalOf(name)),
  follower: follower.get(),
});

const AT = { primary: 'p', cursor: null, completeLsn: null, since: 0, isClosed: false };

/** Every way to change what is kept in memory. */
const CHANGES: Readonly<Record<string, (store: VectorStore, follower: FollowerStore) => void>> = {
  upsert: (store) => void put(store, ['a', 'x'], 'new'),
  replacement: (store) => void put(store, ['a', 'b']),
  deletion: (store) => void remove(store, ['c'], 'n'),
  // More chunks of rows than memory keeps, and the first again.
  'writes far apart': (store) =>
    store.atomically(() => {
      for (const far of [1, 2, 3, 4, 5, 6, 0]) {
        const header = store.header()!;
        const nextRow = Math.max(header.nextRow, far * CHUNK_ROWS - 1);
        put(store, ['far', `far ${far}`, `also ${far}`], far % 2 === 0 ? '' : 'new', { ...header, nextRow });
      }
      remove(store, ['a']);
    }),
  'deletion of everything': (store) => void store.deleteAll(store.header()!),
  'access mode': (store) => store.setAccess({ mode: 'sealed', fencingToken: 3 }),
  'clock of the shard': (store) => store.raiseLsn(1_000),
  'follower, in a transaction': (store, follower) =>
    store.atomically(() => {
      put(store, ['d'], 'other');
      follower.put({ ...AT, completeLsn: 7 });
      put(store, ['e'], 'new');
    }),
};

/** A shard of three vectors in two namespaces, all of it in memory. */
function filled() {
  const sql = new FailingSql();
  const store = new VectorStore(sql);
  const follower = new FollowerStore(store.storage);
  store.create({ indexId, dimensions: 1, metric: 'dot' });
  put(store, ['a', 'b']);
  put(store, ['c'], 'n');
  follower.put(AT);
  memoryOf(store, follower);
  return { sql, store, follower };
}

const stored = (sql: FailingSql) => {
  const store = new VectorStore(sql);
  return memoryOf(store, new FollowerStore(store.storage));
};

/** Without lists, the sets of a shard's rows are those of its vectors. */
function expectRowSetsOfVectors(sql: FailingSql): void {
  const store = new VectorStore(sql);
  const rows = sql.sql.exec<{ row: number }>('SELECT row FROM vectors ORDER BY row').toArray();
  for (const set of [store.liveRows(), store.unlistedRows()]) expect([...set]).toEqual(rows.map(({ row }) => row));
}

describe.each(Object.entries(CHANGES))('what memory keeps of a shard: %s', (_, change) => {
  it('[V180] is what is stored, after the change and after a failure of each of its statements', () => {
    const whole = filled();
    const before = memoryOf(whole.store, whole.follower);
    const triedBefore = whole.sql.writesTried;
    change(whole.store, whole.follower);
    const writes = whole.sql.writesTried - triedBefore;
    expect(memoryOf(whole.store, whole.follower)).toEqual(stored(whole.sql));
    expect(memoryOf(whole.store, whole.follower)).not.toEqual(before);
    expect(writes).toBeGreaterThan(0);
    for (let failing = 0; failing < writes; failing += 1) {
      const { sql, store, follower } = filled();
      sql.writesLeft = failing;
      expect(() => change(store, follower)).toThrow('disk full');
      expect(memoryOf(store, follower)).toEqual(before);
      expect(stored(sql)).toEqual(before);
      sql.writesLeft = Infinity;
      // What memory has of sets of rows shows in what the next writes store of them.
      put(store, ['later'], 'n');
      expectRowSetsOfVectors(sql);
      change(store, follower);
      expectRowSetsOfVectors(sql);
    }
  });
});

it('[V180] a namespace that is empty loses its ordinal, which another may have later', () => {
  const { store, follower } = filled();
  const before = store.namespaces.ordinalOf('n');
  remove(store, ['c'], 'n');
  expect(store.namespaces.ordinalOf('n')).toBe(undefined);
  put(store, ['z'], 'new');
  expect(store.namespaces.ordinalOf('new')).toBe(before);
  put(store, ['c'], 'n');
  expect(store.namespaces.ordinalOf('n')).not.toBe(before);
  expect(follower.get()).toEqual(AT);
});

it('[V180] what was erased is forgotten, and opened again as something new', () => {
  const { sql, store } = filled();
  for (const table of ['shard', 'namespaces', 'vectors', 'following', 'schema_version']) sql.sql.exec(`DROP TABLE ${table}`);
  store.storage.forget();
  expect(store.header()).toBe(undefined);
});

/** A store that counts its statements. */
function counted() {
  const inner = new NodeSql();
  const queries: string[] = [];
  const sql: NodeSql['sql'] = {
    databaseSize: 0,
    exec: (query, ...bindings) => {
      queries.push(query);
      return inner.sql.exec(query, ...bindings);
    },
  };
  const store = new VectorStore({ sql, transactionSync: (body) => inner.transactionSync(body) });
  store.create({ indexId, dimensions: 1, metric: 'dot' });
  put(store, ['a']);
  return { store, queries };
}

it('[V199] a new vector takes four statements, of which the first asks whether it replaces one', () => {
  const { store, queries } = counted();
  const batch = { indexId, ids: ['b'], namespaces: [''], values: Float32Array.of(1), metadata: [null], texts: [null] };
  const repetition = { idempotencyKey: ownKey('1'), digest: 'd' };
  expect(store.receipts.find(repetition.idempotencyKey)).toBe(undefined);
  for (const id of ['b', 'c']) {
    const one = { ...batch, ids: [id], repetition };
    queries.length = 0;
    expect(store.receipts.find(repetition.idempotencyKey)).toBe(undefined);
    store.upsert(one, store.header()!, store.replacedBy(one), 0);
    expect(queries.map((query) => /SELECT|(INTO|UPDATE) \w+/.exec(query)?.[0])).toEqual([
      'SELECT',
      'INTO vectors',
      'INTO row_sets',
      'UPDATE shard',
    ]);
  }
  expect([...store.liveRows()]).toEqual([1, 2, 3]);
});

it('[V199] a receipt of a key that a gateway gave is found once there is one, until it is forgotten', () => {
  const { store } = counted();
  const key = ownKey('1');
  expect(store.receipts.find(key)).toBe(undefined);
  store.receipts.adopt([{ idempotencyKey: key, digest: 'd', atMs: 5, done: [], billing: null }]);
  expect(store.receipts.find(key)).toMatchObject({ digest: 'd' });
  store.receipts.sweep(5 + INDEX_LIMITS.ownReceiptTtlMs);
  expect(store.receipts.find(key)).toMatchObject({ digest: 'd' });
  store.receipts.sweep(6 + INDEX_LIMITS.ownReceiptTtlMs);
  expect(store.receipts.find(key)).toBe(undefined);
});

it('[V181] whether a call is served is decided without SQL once it was for one call', () => {
  const { store, queries } = counted();
  const access = new ShardAccess(store);
  const serve = () => [access.pass({ indexId }), access.pass({ indexId, caller: followerWith(0) }), store.namespaces.ordinalOf('')];
  serve();
  queries.length = 0;
  expect(serve()).toMatchObject([{ ok: true, value: { lsn: 1, count: 1 } }, { ok: true }, expect.any(Number)]);
  expect(queries).toEqual([]);
  put(store, ['b']);
  queries.length = 0;
  expect(serve()).toMatchObject([{ ok: true, value: { lsn: 2, count: 2 } }, { ok: true }, expect.any(Number)]);
  expect(queries).toEqual([]);
});

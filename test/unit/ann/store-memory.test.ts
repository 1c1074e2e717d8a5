import { describe, expect, it } from 'vitest';
import { followerWith } from '../../../src/ann/access-mode.ts';
import { ShardAccess } from '../../../src/ann/shard-access.ts';
import { FollowerStore } from '../../../src/ann/store/follower-store.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { FailingSql } from '../../support/fakes/failing-sql.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const indexId = 'ix_memory' as IndexId;

function put(store: VectorStore, ids: readonly string[], namespace = '') {
  const batch = {
    indexId,
    ids,
    namespaces: ids.map(() => namespace),
    values: Float32Array.from(ids, () => 1),
    metadata: ids.map(() => '{"a":1}'),
    texts: ids.map(() => null),
    repetition: null,
  };
  return store.upsert(batch, store.header()!, store.replacedBy(batch), 0);
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

it('[V181] whether a call is served is decided without SQL once it was for one call', () => {
  const inner = new NodeSql();
  let statements = 0;
  const sql: NodeSql['sql'] = {
    databaseSize: 0,
    exec: (...args) => {
      statements += 1;
      return inner.sql.exec(...args);
    },
  };
  const store = new VectorStore({ sql, transactionSync: (body) => inner.transactionSync(body) });
  store.create({ indexId, dimensions: 1, metric: 'dot' });
  put(store, ['a']);
  const access = new ShardAccess(store);
  const serve = () => [access.pass({ indexId }), access.pass({ indexId, caller: followerWith(0) }), store.namespaces.ordinalOf('')];
  serve();
  statements = 0;
  expect(serve()).toMatchObject([{ ok: true, value: { lsn: 1, count: 1 } }, { ok: true }, expect.any(Number)]);
  expect(statements).toBe(0);
  put(store, ['b']);
  statements = 0;
  expect(serve()).toMatchObject([{ ok: true, value: { lsn: 2, count: 2 } }, { ok: true }, expect.any(Number)]);
  expect(statements).toBe(0);
});

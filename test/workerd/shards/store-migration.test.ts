import { env } from 'cloudflare:workers';
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';

import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { encodeFloats } from '../../../src/ann/float32.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';

const { SHARD } = env as unknown as { readonly SHARD: DurableObjectNamespace<ShardObject> };

// The schemas as these versions created them.
const VERSION_1 = `
  CREATE TABLE schema_version (version INTEGER NOT NULL);
  INSERT INTO schema_version VALUES (1);
  CREATE TABLE shard (
    index_id TEXT NOT NULL, dimensions INTEGER NOT NULL, metric TEXT NOT NULL, lsn INTEGER NOT NULL, count INTEGER NOT NULL);
  CREATE TABLE namespaces (ordinal INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE vectors (
    row INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, id TEXT NOT NULL,
    floats BLOB NOT NULL, metadata TEXT, text TEXT, lsn INTEGER NOT NULL, UNIQUE (namespace, id));
  CREATE TABLE receipts (
    position INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
    lsn INTEGER NOT NULL, count INTEGER NOT NULL, at_ms INTEGER NOT NULL);`;
const VERSION_2 = `
  CREATE TABLE properties (
    namespace INTEGER NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL, row INTEGER NOT NULL,
    PRIMARY KEY (namespace, path, kind, value, row)) WITHOUT ROWID;
  ALTER TABLE shard ADD COLUMN unindexed_row_max INTEGER NOT NULL DEFAULT 0;
  UPDATE schema_version SET version = 2;`;

// Row numbers with gaps, over several chunks of a row set; one chunk is so full that it is stored as bits.
const ROWS = [1, 2, 5, 32_767, 32_768, 70_000, ...Array.from({ length: 3_000 }, (_, i) => 100_000 + i)];
const namespaceOf = (row: number) => 1 + (row % 2);

it.each([
  [1, VERSION_1],
  [2, VERSION_1 + VERSION_2],
])('[V110][V111][V112] a shard of version %i keeps its vectors in their rows, all unlisted', async (version, schema) => {
  const indexId = `ix_version_${version}` as IndexId;
  const stub = SHARD.getByName(`tn_migration:${indexId}`);
  await runInDurableObject(stub, (_, { storage }) => {
    const { sql } = storage;
    sql.exec(schema);
    sql.exec('INSERT INTO shard (index_id, dimensions, metric, lsn, count) VALUES (?, 1, ?, 7, ?)', indexId, 'dot', ROWS.length);
    sql.exec("INSERT INTO namespaces VALUES (1, 'even'), (2, 'odd')");
    for (const row of ROWS) {
      sql.exec(
        'INSERT INTO vectors VALUES (?, ?, ?, ?, ?, NULL, 7)',
        row,
        namespaceOf(row),
        `v${row}`,
        encodeFloats(Float32Array.of(row)),
        JSON.stringify({ row }),
      );
    }
  });
  await evictDurableObject(stub);

  const query = {
    indexId,
    target: { kind: 'values' as const, values: Float32Array.of(-1) },
    namespace: 'odd',
    topK: 3,
    filter: null,
    excludeIds: [],
    include: { values: false, metadata: true, text: false },
  };
  expect(await stub.query(query)).toMatchObject({
    ok: true,
    value: { ids: ['v1', 'v5', 'v32767'], metadata: ['{"row":1}', '{"row":5}', '{"row":32767}'], lsn: 7 },
  });
  await runInDurableObject(stub, (_, { storage }) => {
    const store = new VectorStore(storage);
    const header = store.header()!;
    expect(header).toMatchObject({ count: ROWS.length, nextRow: 103_000, lsn: 7 });
    expect([...store.unlistedRows()]).toEqual(ROWS);
    expect([...store.liveRows()]).toEqual(ROWS);
    for (const namespace of [1, 2]) expect([...store.liveRows(namespace)]).toEqual(ROWS.filter((row) => namespaceOf(row) === namespace));
    expect([...store.scan(header)]).toEqual(ROWS.map((row) => ({ row, namespace: namespaceOf(row), values: Float32Array.of(row) })));
    expect(store.lists.listSets()).toEqual([]);
  });
  const batch = {
    indexId,
    ids: ['v5', 'new'],
    namespaces: ['odd', 'odd'],
    values: Float32Array.of(-9, -8),
    metadata: [null, null],
    texts: [null, null],
    repetition: null,
  };
  expect(await stub.upsert(batch)).toEqual({ ok: true, value: { count: 2, lsn: 8 } });
  expect(await stub.query(query)).toMatchObject({ ok: true, value: { ids: ['v5', 'new', 'v1'], scores: [9, 8, -1] } });
  await runInDurableObject(stub, (_, { storage }) => {
    const store = new VectorStore(storage);
    expect(store.rowsOf(2, ['v5', 'new'])).toEqual([103_000, 103_001]);
    expect(store.liveRows(2).has(5)).toBe(false);
  });
});

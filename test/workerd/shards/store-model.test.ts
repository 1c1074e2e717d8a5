import { env } from 'cloudflare:workers';
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { CHUNK_ROWS } from '../../../src/ann/filter/row-set.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { applyChange, applyUpsert, storeModel } from '../../support/oracles/store-model.ts';
import type { ListPut, Put, StoreModel } from '../../support/oracles/store-model.ts';

const { SHARD } = env as unknown as { readonly SHARD: DurableObjectNamespace<ShardObject> };

const NAMESPACES = ['', 'a', 'b', 'c'];

const put: fc.Arbitrary<Put> = fc.record({
  namespace: fc.constantFrom(...NAMESPACES),
  id: fc.nat(30).map((id) => `v${id}`),
  value: fc.nat(1000),
  metadata: fc.option(fc.nat(9).map((n) => JSON.stringify({ n }))),
});
const list: fc.Arbitrary<ListPut> = fc.record({
  list: fc.constantFrom(0, 1, 2, 2 ** 20 - 1),
  // The first block that is written, and how many blocks the list has afterwards.
  from: fc.nat(4),
  blocks: fc.nat(6),
  fill: fc.nat(255),
});

const step = fc.oneof(
  { weight: 18, arbitrary: fc.record({ kind: fc.constant('upsert' as const), puts: fc.array(put, { minLength: 1, maxLength: 40 }) }) },
  { weight: 9, arbitrary: fc.record({ kind: fc.constant('delete' as const), puts: fc.array(put, { minLength: 1, maxLength: 30 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('deleteNamespace' as const),
      namespace: fc.constantFrom('bulk', 'bulk', 'bulk', ...NAMESPACES),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'deleteAll' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'bulk' as const }) },
  { weight: 8, arbitrary: fc.constant({ kind: 'skipRows' as const }) },
  { weight: 14, arbitrary: fc.constant({ kind: 'createListSet' as const }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'dropListSet' as const }) },
  { weight: 9, arbitrary: fc.constant({ kind: 'sweep' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reset' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), length: fc.option(fc.constantFrom(0, 1, 1_900_000, 1_900_001)) }),
  },
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      lists: fc.uniqueArray(list, { minLength: 1, maxLength: 4, selector: (one) => one.list }),
      removed: fc.option(fc.nat(2), { freq: 2 }),
      percent: fc.integer({ min: 1, max: 100 }),
      fails: fc.nat(3).map((n) => n === 0),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

it('[V110][V111][V112][V113][V114][V115][V116][V117] a store agrees with a plain model through evictions', async () => {
  const indexId = 'ix_model' as IndexId;
  const stub = SHARD.getByName(`tn_model:${indexId}`);
  await stub.open({ indexId, dimensions: 1, metric: 'dot' });
  const model = storeModel();
  const seen = new Map<string, number>();
  const count = (what: string, by = 1) => void seen.set(what, (seen.get(what) ?? 0) + by);
  for (const [i, action] of fc.sample(step, { seed: 110, numRuns: 350 }).entries()) {
    if (i % 3 === 0) await evictDurableObject(stub);
    await runInDurableObject(stub, (_, { storage }) => {
      const world = { store: new VectorStore(storage), storage, model, count };
      // TypeScript cannot relate the kind of the step to the function of that kind.
      (PERFORM[action.kind] as (world: World, action: Step) => void)(world, action);
      compare(world);
    });
  }
  for (const what of ['replaced', 'deleted', 'undone', 'listed', 'truncated', 'removedList', 'swept', 'emptied', 'manyChunks', 'bitmap']) {
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(2);
  }
});

interface World {
  readonly store: VectorStore;
  readonly storage: DurableObjectStorage;
  readonly model: StoreModel;
  readonly count: (what: string, by?: number) => void;
}

type Perform = { readonly [K in Step['kind']]: (world: World, action: Extract<Step, { kind: K }>) => void };

/** Applies each kind of step to the store and to the model. */
const PERFORM: Perform = {
  upsert: ({ store, model, count }, { puts }) => count('replaced', applyUpsert(store, model, puts)),
  // More rows than a chunk stores one by one.
  bulk: ({ store, model }) => {
    const puts = Array.from({ length: 2_100 }, (_, i) => ({ namespace: 'bulk', id: `b${i}`, value: i, metadata: null }));
    applyUpsert(store, model, puts);
  },
  // As if as many rows had been written and deleted.
  skipRows: ({ storage, model }) => {
    model.nextRow += CHUNK_ROWS;
    storage.sql.exec('UPDATE shard SET next_row = ?', model.nextRow);
  },
  delete: ({ store, model, count }, { puts }) => {
    for (const namespace of NAMESPACES) {
      const ids = puts.filter((one) => one.namespace === namespace).map(({ id }) => id);
      const ordinal = store.namespaces.ordinalOf(namespace);
      const rows = ordinal === undefined ? [] : store.rowsOf(ordinal, ids);
      const written = store.deleteRows(ordinal ?? -1, rows, store.header()!);
      const gone = model.vectors.filter((one) => one.namespace === namespace && ids.includes(one.id));
      expect(new Set(rows)).toEqual(new Set(gone.map(({ row }) => row)));
      expect(written.count).toBe(gone.length);
      model.vectors = model.vectors.filter((one) => !gone.includes(one));
      count('deleted', gone.length);
    }
  },
  deleteNamespace: ({ store, model, count }, { namespace }) => {
    const ordinal = store.namespaces.ordinalOf(namespace);
    if (ordinal === undefined) return;
    store.deleteRows(ordinal, store.rowsBehind(ordinal, 0, 10_000), store.header()!);
    model.vectors = model.vectors.filter((one) => one.namespace !== namespace);
    count('emptied');
  },
  deleteAll: ({ store, model }) => {
    store.deleteAll(store.header()!);
    Object.assign(model, { ...storeModel(), generationIds: model.generationIds, nextRow: model.nextRow });
  },
  createListSet: ({ store, model }) => {
    if (model.listSets.length === 2) return;
    const bytes = Uint8Array.of(model.generationIds.size, 7);
    const id = store.lists.createListSet(bytes, '{}');
    expect(model.generationIds.has(id)).toBe(false);
    model.generationIds.add(id);
    store.lists.setSettings(id, '{"n":1}');
    model.listSets.push({ id, model: bytes, settings: '{"n":1}', lists: new Map() });
  },
  dropListSet: ({ store, model }) => {
    const dropped = model.listSets.pop();
    if (dropped !== undefined) store.lists.dropListSet(dropped.id);
  },
  sweep: ({ store, storage, model, count }) => {
    const isDropped =
      storage.sql.exec('SELECT 1 FROM generations JOIN lists ON lists.key / 1048576 = id WHERE is_dropped = 1').toArray().length > 0;
    while (store.lists.sweep());
    const kept = new Set(model.listSets.map(({ id }) => id));
    for (const [table, unit] of [
      ['lists', 2 ** 20],
      ['blocks', 2 ** 36],
    ] as const) {
      const left = storage.sql.exec<{ id: number }>(`SELECT DISTINCT CAST(key / ${unit} AS INTEGER) AS id FROM ${table}`).toArray();
      expect(left.filter(({ id }) => !kept.has(id))).toEqual([]);
    }
    if (isDropped) count('swept');
  },
  reset: ({ store, model }) => {
    store.lists.reset();
    Object.assign(model, { listSets: [], checkpoint: undefined, listed: new Set() });
  },
  checkpoint: ({ store, model }, { length }) => {
    const bytes = length === null ? null : new Uint8Array(length).fill(1 + (length % 251), 0, -1);
    store.lists.saveCheckpoint(bytes);
    model.checkpoint = bytes ?? undefined;
  },
  change: ({ store, model, count }, action) => {
    const listSet = model.listSets.at(-1);
    if (listSet === undefined) return;
    if (!action.fails) {
      applyChange(store, listSet, model, action, count);
      return;
    }
    expect(() =>
      store.atomically(() => {
        applyChange(store, structuredClone(listSet), structuredClone(model), action, () => {});
        applyUpsert(store, structuredClone(model), [{ namespace: 'undone', id: 'x', value: 1, metadata: null }]);
        throw new Error('undone');
      }),
    ).toThrow('undone');
    count('undone');
  },
};

function compare({ store, storage, model, count }: World): void {
  const header = store.header()!;
  const { vectors, listed } = model;
  const live = vectors.map(({ row }) => row).sort((a, b) => a - b);
  const unlisted = live.filter((row) => !listed.has(row));
  expect([header.count, header.nextRow]).toEqual([vectors.length, model.nextRow]);
  expect([...store.liveRows()]).toEqual(live);
  expect([...store.unlistedRows()]).toEqual(unlisted);

  const namespaces = [...new Set(vectors.map(({ namespace }) => namespace))];
  expect(store.namespaces.count).toBe(namespaces.length);
  const ordinals = new Map(namespaces.map((name) => [name, store.namespaces.ordinalOf(name)!]));
  for (const [name, ordinal] of ordinals) {
    const rows = vectors.filter(({ namespace }) => namespace === name).map(({ row }) => row);
    expect([...store.liveRows(ordinal)]).toEqual(rows.sort((a, b) => a - b));
    expect(store.rowsBehind(ordinal, rows[2] ?? 0, 3)).toEqual(rows.filter((row) => row > (rows[2] ?? 0)).slice(0, 3));
  }
  const sets = storage.sql.exec<{ id: number }>('SELECT DISTINCT CAST(key / 2097152 AS INTEGER) AS id FROM row_sets').toArray();
  expect(new Set(sets.map(({ id }) => id))).toEqual(new Set([...ordinals.values(), ...(unlisted.length > 0 ? [0] : [])]));

  const stored = new Map(
    vectors.map(({ row, namespace, value }) => [row, { row, namespace: ordinals.get(namespace), values: Float32Array.of(value) }]),
  );
  const byRow = (a: { row: number }, b: { row: number }) => a.row - b.row;
  expect([...store.scan(header)].sort(byRow)).toEqual(unlisted.map((row) => stored.get(row)));
  const asked = [0, model.nextRow, ...live.filter((_, i) => i % 7 === 0)];
  expect([...store.readRows(asked, header)].sort(byRow)).toEqual(live.filter((_, i) => i % 7 === 0).map((row) => stored.get(row)));
  const sample = store.sampleRows(10, 1);
  expect(sample).toHaveLength(Math.min(10, live.length));
  expect(sample.filter((row) => !stored.has(row))).toEqual([]);

  expect(store.lists.listSets().map(({ id, model: bytes, settings }) => [id, [...bytes], settings])).toEqual(
    model.listSets.map(({ id, model: bytes, settings }) => [id, [...bytes], settings]),
  );
  for (const { id, lists } of model.listSets) {
    const expected = [...lists.values()].sort((a, b) => a.list - b.list);
    expect([...store.lists.lists(id)]).toEqual(
      expected.map(({ list: number, centroid, entryCount }) => ({ list: number, centroid, entryCount })),
    );
    for (const { list: number, blocks } of expected) expect(store.lists.blocks(id, number)).toEqual(blocks);
    // Keys are numbered by list set: nothing is left of lists that are gone.
    const blockCount = storage.sql
      .exec('SELECT 1 FROM blocks WHERE key >= ? AND key < ?', id * 2 ** 36, (id + 1) * 2 ** 36)
      .toArray().length;
    expect(blockCount).toBe(expected.reduce((sum, { blocks }) => sum + blocks.length, 0));
  }
  const ends = (bytes: Uint8Array | undefined) => [bytes?.length, bytes?.at(0), bytes?.at(-1)];
  expect(ends(store.lists.checkpoint())).toEqual(ends(model.checkpoint));
  if (new Set(live.map((row) => Math.floor(row / CHUNK_ROWS))).size > 3) count('manyChunks');
  if (storage.sql.exec('SELECT 1 FROM row_sets WHERE length(rows) = 4096').toArray().length > 0) count('bitmap');
}

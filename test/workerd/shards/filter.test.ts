import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { PROPERTY_TABLES } from '../../../src/ann/store/property-index.ts';
import { RECEIPT_TABLE } from '../../../src/ann/store/receipt-store.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import { filter } from '../../../src/contract/vectors/filter-syntax.ts';
import type { JsonValue } from '../../../src/contract/api/json-value.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { filterArbitrary, idOf, metadataArbitrary } from '../../support/worlds/filter-world.ts';
import { naivelyAccepts } from '../../support/oracles/naive-filter.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

interface ShardsEnv {
  readonly SHARD: DurableObjectNamespace<ShardObject>;
}

const { SHARD } = env as unknown as ShardsEnv;
const NAMESPACE = 'n';

interface Item {
  readonly id: string;
  readonly values: readonly number[];
  readonly metadata: JsonValue | null;
}

let serial = 0;

async function openShard(dimensions = 1) {
  serial += 1;
  const indexId = `ix_filter_${serial}` as IndexId;
  const stub = SHARD.getByName(`tn_test:${indexId}`);
  await stub.open({ indexId, dimensions, metric: 'dot' });
  const upsert = async (items: readonly Item[], namespace = NAMESPACE) =>
    value(
      await stub.upsert({
        indexId,
        ids: items.map(({ id }) => id),
        namespaces: items.map(() => namespace),
        values: Float32Array.from(items.flatMap(({ values }) => values)),
        metadata: items.map(({ metadata }) => (metadata === null ? null : JSON.stringify(metadata))),
        texts: items.map(() => null),
        repetition: null,
      }),
    );
  const query = async (values: readonly number[], written: JsonValue, topK: number, excludeIds: readonly string[] = []) =>
    value(
      await stub.query({
        indexId,
        target: { kind: 'values', values: Float32Array.from(values) },
        namespace: NAMESPACE,
        topK,
        filter: filter.parse(written),
        excludeIds,
        include: { values: false, metadata: false, text: false },
      }),
    );
  const remove = async (written: JsonValue, after = 0) =>
    value(await stub.deleteVectors({ indexId, selection: { kind: 'filter', namespace: NAMESPACE, filter: filter.parse(written), after } }));
  return { indexId, stub, upsert, query, remove };
}

function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

const stored = (metadata: JsonValue): JsonValue => JSON.parse(JSON.stringify(metadata)) as JsonValue;

/** One time slice of the alarm's work. */
const catchUpSlice = (stub: DurableObjectStub<ShardObject>) =>
  runInDurableObject(stub, (_, state) => new VectorStore(state.storage).properties.catchUp());

/** Puts a shard into the state from before there was a property index. */
const forgetIndex = (stub: DurableObjectStub<ShardObject>) =>
  runInDurableObject(stub, (_, state) => {
    const { sql } = state.storage;
    const kept = new Set(['shard', 'namespaces', 'vectors', 'schema_version']);
    const tables = sql.exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'",
    );
    for (const { name } of tables.toArray()) if (!kept.has(name)) sql.exec(`DROP TABLE ${name}`);
    const indexes = sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL");
    for (const { name } of indexes.toArray()) sql.exec(`DROP INDEX ${name}`);
    for (const table of ['shard', 'vectors']) {
      const first = new Set(['index_id', 'dimensions', 'metric', 'lsn', 'count', 'row', 'namespace', 'id', 'floats', 'metadata', 'text']);
      const columns = sql.exec<{ name: string }>('SELECT name FROM pragma_table_info(?)', table);
      for (const { name } of columns.toArray()) if (!first.has(name)) sql.exec(`ALTER TABLE ${table} DROP COLUMN ${name}`);
    }
    sql.exec(RECEIPT_TABLE);
    sql.exec('UPDATE schema_version SET version = 1');
  });

/** Without those that exceed `filterConditionsMaxCount` and are not valid filters. */
const narrowEnough = filterArbitrary.filter((written) => filter.safeParse(written).success);

describe('filters in a shard', () => {
  it.each(['index', 'metadata'] as const)(
    '[V64][V66] finds and deletes by any filter exactly what the naive evaluator accepts, by its %s',
    async (mode) => {
      const { stub, upsert, query, remove } = await openShard();
      const model = new Map<string, Item>();
      const seen = { found: 0, missed: 0, deleted: 0, replaced: 0 };
      const accepted = (written: JsonValue) =>
        [...model.values()].filter(({ metadata, id }) => naivelyAccepts(written, metadata ?? {}, id)).map(({ id }) => id);
      const step = fc.oneof(
        {
          weight: 3,
          arbitrary: fc.record({
            kind: fc.constant('put' as const),
            items: fc.array(fc.record({ id: fc.nat(300), metadata: fc.option(metadataArbitrary) }), { minLength: 10, maxLength: 30 }),
          }),
        },
        { weight: 6, arbitrary: fc.record({ kind: fc.constant('query' as const), filter: narrowEnough }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), filter: narrowEnough }) },
      );
      await upsert([{ id: 'elsewhere', values: [1], metadata: { a: 1, b: 'x' } }], 'other');
      for (const action of fc.sample(step, { seed: 66, numRuns: mode === 'index' ? 500 : 150 })) {
        if (action.kind === 'put') {
          const items = [...new Map(action.items.map((item) => [item.id, item])).values()].map(({ id, metadata }) => ({
            id: idOf(id),
            // Distinct scores for either direction of the query.
            values: [id + 1],
            metadata: metadata === null ? null : stored(metadata),
          }));
          if (items.length === 0) continue;
          seen.replaced += items.filter(({ id }) => model.has(id)).length;
          await upsert(items);
          for (const item of items) model.set(item.id, item);
        } else if (action.kind === 'query') {
          if (mode === 'metadata') await forgetIndex(stub);
          if (mode === 'metadata') await evictDurableObject(stub);
          const expected = accepted(action.filter);
          const { ids } = await query([1], action.filter, 1000);
          expect([action.filter, [...ids].sort()]).toEqual([action.filter, expected.sort()]);
          seen.found += expected.length;
          seen.missed += model.size - expected.length;
        } else {
          const expected = accepted(action.filter);
          const { count, next } = await remove(action.filter);
          expect([count, next]).toEqual([expected.length, null]);
          expect((await remove(action.filter)).count).toBe(0);
          for (const id of expected) model.delete(id);
          seen.deleted += expected.length;
        }
      }
      for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
      // Removed vectors leave no entries behind.
      await remove({ $or: [{ a: { $exists: true } }, { a: { $exists: false } }] });
      await runInDurableObject(stub, (_, state) => {
        expect(state.storage.sql.exec('SELECT namespace FROM property_paths GROUP BY namespace').toArray()).toHaveLength(
          mode === 'index' ? 1 : 0,
        );
      });
    },
  );

  it('[V67] recall is 1 at any selectivity', async () => {
    const dimensions = 16;
    const { upsert, query } = await openShard(dimensions);
    const random = new Seeded(67);
    const vector = () => Array.from({ length: dimensions }, () => random.next() - 0.5);
    const items = Array.from({ length: 5000 }, (_, i) => ({
      id: `v${i}`,
      values: vector(),
      metadata: { permille: i % 1000, tags: [i % 2, 'all'] },
    }));
    for (let start = 0; start < items.length; start += 1000) await upsert(items.slice(start, start + 1000));
    const selections: [JsonValue, number][] = [
      [{ permille: { $lt: 500 } }, 2500],
      [{ permille: { $gte: 100, $lt: 110 } }, 50],
      [{ permille: 7 }, 5],
      [{ permille: { $lt: 100 } }, 500],
      [{ permille: { $ne: 7 } }, 4995],
      [{ tags: 1 }, 2500],
      [{ tags: 'all' }, 5000],
      [{ tags: 'none' }, 0],
    ];
    for (const [written, size] of selections) {
      const matching = items.filter(({ metadata }) => naivelyAccepts(written, metadata));
      expect(matching).toHaveLength(size);
      for (let i = 0; i < 3; i += 1) {
        const target = Float32Array.from(vector());
        const scored = matching.map(({ id, values }) => ({
          id,
          score: target.reduce((sum, x, at) => sum + x * Math.fround(values[at] ?? 0), 0),
        }));
        const expected = scored
          .sort((a, b) => b.score - a.score)
          .slice(0, 10)
          .map(({ id }) => id);
        expect((await query([...target], written, 10)).ids).toEqual(expected);
      }
    }
  });

  it('[V71] passes over excluded ids, thousands of them, with a filter and without', async () => {
    const { upsert, query } = await openShard();
    const items = Array.from({ length: 3000 }, (_, i) => ({ id: `v${i}`, values: [i + 1], metadata: { even: i % 2 === 0 } }));
    for (let start = 0; start < items.length; start += 1000) await upsert(items.slice(start, start + 1000));
    const best = (count: number) => items.slice(-count).map(({ id }) => id);
    expect((await query([1], {}, 2, ['absent'])).ids).toEqual(['v2999', 'v2998']);
    expect((await query([1], {}, 2, best(2500))).ids).toEqual(['v499', 'v498']);
    expect((await query([1], { even: true }, 2, best(2500))).ids).toEqual(['v498', 'v496']);
    expect((await query([1], {}, 2, best(2999))).ids).toEqual(['v0']);
  });

  it.each([
    ['that lists the vectors to delete', { even: true }],
    ['that lists the vectors to keep', { even: { $ne: false } }],
  ])('[V66] deletes more than one slice by a filter %s', async (_, written) => {
    const { upsert, query, remove } = await openShard();
    const total = 2 * INDEX_LIMITS.propertySliceMaxCount + 500;
    for (let start = 0; start < total; start += 500) {
      const ids = Array.from({ length: 500 }, (_item, i) => start + i);
      await upsert(ids.map((i) => ({ id: `v${i}`, values: [1], metadata: { even: i % 2 === 0 } })));
    }
    const counts: number[] = [];
    for (let after: number | null = 0; after !== null;) {
      const slice: { count: number; next: number | null } = await remove(written, after);
      counts.push(slice.count);
      after = slice.next;
    }
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(total / 2);
    expect(counts.length).toBeGreaterThan(1);
    expect((await query([1], { even: true }, 1)).ids).toEqual([]);
    expect((await query([1], { even: false }, 1000)).ids).toHaveLength(1000);
  });

  it('[V149] rebuilds the index when its format changes, with correct answers throughout', async () => {
    const { stub, upsert, query } = await openShard();
    const total = INDEX_LIMITS.propertySliceMaxCount + 200;
    const items = Array.from({ length: total }, (_, i) => ({ id: `v${i}`, values: [1], metadata: { tenth: i % 10 } }));
    await upsert(items.slice(0, 1000));
    await upsert(items.slice(1000));
    const inShard = (query_: string) => runInDurableObject(stub, (_, state) => state.storage.sql.exec(query_).toArray());
    await inShard("UPDATE properties SET value = 'as an older version had it'");
    await inShard(PROPERTY_TABLES);
    await evictDurableObject(stub);
    const check = async () => expect((await query([1], { tenth: 7 }, 1000)).ids).toHaveLength(total / 10);
    await check();
    await catchUpSlice(stub);
    expect(await inShard('SELECT COUNT(*) AS entries FROM properties')).toEqual([{ entries: INDEX_LIMITS.propertySliceMaxCount }]);
    await check();
    for (let alarms = 0; (await runDurableObjectAlarm(stub)) && alarms < 5; alarms += 1);
    expect(await inShard('SELECT value, COUNT(*) AS entries FROM properties GROUP BY value LIMIT 1 OFFSET 7')).toEqual([
      { value: 7, entries: total / 10 },
    ]);
    await check();
  });

  it('[V68] indexes what an older version left unindexed, in slices, with correct answers throughout', async () => {
    const { stub, upsert, query } = await openShard();
    const total = INDEX_LIMITS.propertySliceMaxCount + 200;
    const items = Array.from({ length: total }, (_, i) => ({ id: `v${i}`, values: [1], metadata: i % 10 === 0 ? { rare: i } : null }));
    await upsert(items.slice(0, 1000));
    await upsert(items.slice(1000));
    await forgetIndex(stub);
    await evictDurableObject(stub);
    const unindexed = () =>
      runInDurableObject(stub, (_, state) => state.storage.sql.exec('SELECT unindexed_row_max AS rows FROM shard').one()['rows']);
    const check = async () => expect((await query([1], { rare: { $gte: 0 } }, 1000)).ids).toHaveLength(total / 10);
    await check();
    await catchUpSlice(stub);
    expect(await unindexed()).toBe(200);
    await check();
    await upsert([{ id: 'v10', values: [1], metadata: { rare: 'changed' } }]);
    expect((await query([1], { rare: 'changed' }, 10)).ids).toEqual(['v10']);
    await upsert([items[10] ?? { id: 'v10', values: [1], metadata: null }]);
    await check();
    for (let alarms = 0; (await runDurableObjectAlarm(stub)) && alarms < 5; alarms += 1);
    expect(await unindexed()).toBe(0);
    await check();
    await runInDurableObject(stub, (_, state) => {
      expect(
        state.storage.sql.exec("SELECT COUNT(*) AS entries FROM properties JOIN property_paths USING (property) WHERE path = 'rare'").one(),
      ).toEqual({
        entries: total / 10,
      });
    });
  });
});

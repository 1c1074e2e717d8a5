import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import { maximalMarginalRelevance } from '../../../src/ann/shard/mmr.ts';
import type { QueryTarget, SampleRecall, ShardQuery } from '../../../src/ann/shard-protocol.ts';
import type { Filter } from '../../../src/contract/vectors/filter.ts';
import { filter } from '../../../src/contract/vectors/filter-syntax.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Metric, RecallTarget } from '../../../src/contract/indexes/index-settings.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const { SHARD } = env as unknown as { readonly SHARD: DurableObjectNamespace<ShardObject> };
const DIMENSIONS = 8;

let serial = 0;

function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

/** A shard of `count` random vectors `v0`, `v1`, ..., every second one even, and one vector in another namespace. */
async function shardOf(count: number, metric: Metric = 'cosine', identity: { recall?: RecallTarget } = {}) {
  serial += 1;
  const indexId = `ix_options_${serial}` as IndexId;
  const stub = SHARD.getByName(`tn_options:${indexId}`);
  await stub.open({ indexId, dimensions: DIMENSIONS, metric, ...identity });
  const random = new Seeded(count + serial);
  const vectors = Array.from({ length: count }, (_, i) => ({
    id: `v${i}`,
    values: Float32Array.from({ length: DIMENSIONS }, () => random.next() - 0.5),
    even: i % 2 === 0,
  }));
  const write = (items: typeof vectors, namespace: string) =>
    stub.upsert({
      indexId,
      ids: items.map(({ id }) => id),
      namespaces: items.map(() => namespace),
      values: Float32Array.from(items.flatMap(({ values }) => [...values])),
      metadata: items.map(({ even }) => JSON.stringify({ even })),
      texts: items.map(() => null),
      repetition: null,
    });
  for (let start = 0; start < count; start += 1000) value(await write(vectors.slice(start, start + 1000), ''));
  value(await write([{ id: 'elsewhere', values: Float32Array.from({ length: DIMENSIONS }, () => 1), even: true }], 'other'));
  const query = async (options: Partial<ShardQuery> = {}) =>
    value(
      await stub.query({
        indexId,
        target: { kind: 'id', id: 'v0' },
        namespace: '',
        topK: 10,
        filter: null,
        excludeIds: [],
        include: { values: false, metadata: false, text: false },
        ...options,
      }),
    );
  return { indexId, stub, vectors, query };
}

describe('diversified queries', () => {
  it.each(['cosine', 'dot', 'l2'] as const)('[V152] choose among the closest allowed candidates, by %s', async (metric) => {
    const { vectors, query } = await shardOf(600, metric);
    const valuesOf = new Map(vectors.map(({ id, values }) => [id, values]));
    const targets: QueryTarget[] = [
      { kind: 'values', values: Float32Array.from({ length: DIMENSIONS }, (_, i) => i - 3) },
      { kind: 'id', id: 'v7' },
      { kind: 'examples', positive: ['v1', 'v2'], negative: ['v3'] },
    ];
    let reordered = 0;
    for (const target of targets) {
      for (const options of [{}, { filter: filter.parse({ even: true }) }, { excludeIds: ['v4', 'v6', 'v8', 'v10'] }]) {
        const closest = await query({ target, topK: 40, ...options });
        const candidates = closest.ids.map((id, i) => ({
          values: valuesOf.get(id) ?? new Float32Array(DIMENSIONS),
          score: closest.scores[i] ?? Number.NaN,
        }));
        const expected = maximalMarginalRelevance(metric, candidates, 8, 0.7).map((at) => closest.ids[at]);
        const diverse = await query({ target, topK: 8, mmr: { diversity: 0.7, candidates: 40 }, ...options });
        expect(diverse.ids).toEqual(expected);
        expect(diverse.scores).toEqual(diverse.ids.map((id) => closest.scores[closest.ids.indexOf(id)]));
        if (diverse.ids.some((id, i) => id !== closest.ids[i])) reordered += 1;
        expect((await query({ target, topK: 8, mmr: { diversity: 0, candidates: 40 }, ...options })).ids).toEqual(closest.ids.slice(0, 8));
      }
    }
    expect(reordered).toBeGreaterThan(5);
  });

  it('[V152] return all candidates if there are fewer than requested', async () => {
    const { query } = await shardOf(5);
    expect((await query({ topK: 10, mmr: { diversity: 0.5, candidates: 50 } })).ids).toHaveLength(5);
    expect((await query({ target: { kind: 'values', values: new Float32Array(DIMENSIONS).fill(1) }, namespace: 'none' })).ids).toEqual([]);
  });
});

describe('explanations', () => {
  it('[V151] report the engine, its cost and the rows left by the filter, on request', async () => {
    const { query } = await shardOf(1_000);
    expect(await query()).not.toHaveProperty('explanation');
    const plain = (await query({ explain: true })).explanation;
    expect(plain).toMatchObject({ engine: 'flat', codesScanned: 1_001, listsProbed: 0, listsPagedIn: 0, filter: null });
    expect(plain?.rowsRead).toBeGreaterThanOrEqual(10);
    expect(plain?.bytesTouched).toBeGreaterThan(1_000 * DIMENSIONS);
    const wide = (await query({ explain: true, filter: filter.parse({ even: true }) })).explanation;
    expect(wide).toMatchObject({ engine: 'flat', filter: { selectedRows: 500, applied: 'scan' } });
    const excluding = (await query({ explain: true, excludeIds: ['v1'] })).explanation;
    expect(excluding).toMatchObject({ engine: 'flat', filter: { applied: 'scan' } });
    const excludeIds = Array.from({ length: 1_000 }, (_, i) => `v${i}`).filter((_, i) => i % 2 === 1 || i >= 40);
    const narrow = (await query({ explain: true, filter: filter.parse({ even: true }), excludeIds })).explanation;
    expect(narrow).toMatchObject({
      engine: 'rows',
      codesScanned: 0,
      rowsRead: 20,
      bytesTouched: 20 * 4 * DIMENSIONS,
      filter: { selectedRows: 20, applied: 'rows' },
    });
  });
});

describe('measuring recall in a shard', () => {
  it('[V155] reports an exact engine as exact, in the given namespace, with and without a filter', async () => {
    const { indexId, stub } = await shardOf(400, 'l2');
    const drawn = value(await stub.sample({ indexId, namespace: '', count: 40, seed: 5 }));
    const measure = async (ids: readonly string[], accepting: Filter | null) =>
      value(await stub.measureRecall({ indexId, namespace: '', ids, topK: 10, filter: accepting }));
    const plain = await measure(drawn.ids, null);
    expect(plain.samples).toEqual(drawn.ids.map((id) => ({ id, found: 10, of: 10 })));
    expect([plain.taken, plain.cost.codesScanned, plain.exactCost.codesScanned]).toEqual([40, 40 * 401, 40 * 401]);
    // Every search reads the 200 vectors that pass the filter: more than one time slice.
    const filtered: SampleRecall[] = [];
    let slices = 0;
    while (filtered.length < drawn.ids.length) {
      const slice = await measure(drawn.ids.slice(filtered.length), filter.parse({ even: false }));
      expect(slice.cost.rowsRead + slice.exactCost.rowsRead).toBeLessThan(INDEX_LIMITS.recallSliceRowsMaxCount + 400);
      filtered.push(...slice.samples);
      slices += 1;
    }
    expect(filtered).toEqual(plain.samples);
    expect(slices).toBe(Math.ceil(40 / Math.ceil(INDEX_LIMITS.recallSliceRowsMaxCount / 400)));
    const alone = value(await stub.measureRecall({ indexId, namespace: 'other', ids: ['elsewhere', 'absent'], topK: 3, filter: null }));
    expect(alone).toMatchObject({ samples: [], taken: 2 });
    const nowhere = value(await stub.measureRecall({ indexId, namespace: 'none', ids: ['v1'], topK: 3, filter: null }));
    expect(nowhere).toMatchObject({ samples: [], taken: 1 });
  });

  it('[V155] samples all vectors of the namespace with equal probability, and the same for the same seed', async () => {
    const { indexId, stub } = await shardOf(50);
    const draw = async (count: number, seed: number, namespace = '') => {
      const { ids, lsn } = value(await stub.sample({ indexId, namespace, count, seed }));
      expect([new Set(ids).size, lsn]).toEqual([ids.length, 2]);
      return ids;
    };
    expect(await draw(20, 1)).toEqual(await draw(20, 1));
    expect(await draw(20, 1)).not.toEqual(await draw(20, 2));
    expect(await draw(1_000, 1)).toHaveLength(50);
    expect(await draw(10, 1, 'other')).toEqual(['elsewhere']);
    expect(await draw(10, 1, 'none')).toEqual([]);
    const times = new Map<string, number>();
    for (let seed = 0; seed < 200; seed += 1) for (const id of await draw(10, seed)) times.set(id, (times.get(id) ?? 0) + 1);
    // 40 each on average, with a standard deviation of 5.7.
    expect([times.size, Math.min(...times.values()) > 15, Math.max(...times.values()) < 65]).toEqual([50, true, true]);
  });

  it('[V11] refuses to sample or measure another index', async () => {
    const { stub } = await shardOf(1);
    const indexId = 'ix_another' as IndexId;
    for (const refused of [
      await stub.sample({ indexId, namespace: '', count: 1, seed: 1 }),
      await stub.measureRecall({ indexId, namespace: '', ids: ['v0'], topK: 1, filter: null }),
    ]) {
      expect(refused).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
    }
  });
});

it('[V154] a shard keeps the recall target it was opened with, 0.95 by default', async () => {
  const targetOf = ({ stub }: { stub: DurableObjectStub<ShardObject> }) =>
    runInDurableObject(stub, (_, { storage }) => storage.sql.exec('SELECT recall FROM shard').one()['recall']);
  expect(await targetOf(await shardOf(1, 'dot', { recall: 0.99 }))).toBe(0.99);
  expect(await targetOf(await shardOf(1))).toBe(0.95);
});

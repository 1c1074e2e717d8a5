import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { loadavg } from 'node:os';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const COUNT = 100_000;
const DIMENSIONS = 100;
const BATCH = 500;
const QUERIES = 30;
const TOP_K = 10;
const SEED = 3;

interface Vector {
  readonly id: string;
  readonly values: number[];
  readonly metadata: {
    readonly percent: number;
    readonly half: boolean;
    readonly tenth: string;
    readonly permille: number;
    readonly at: number;
    readonly place: { readonly lat: number; readonly lon: number };
    readonly parts: readonly { readonly k: number; readonly v: number }[];
  };
}

type Case = [name: string, share: number, filter: object | undefined, accepts: (metadata: Vector['metadata']) => boolean];

const CASES: Case[] = [
  ['no filter', 1, undefined, () => true],
  ['equality', 0.5, { half: true }, ({ half }) => half],
  ['equality', 0.1, { tenth: 't3' }, ({ tenth }) => tenth === 't3'],
  ['equality', 0.01, { percent: 7 }, ({ percent }) => percent === 7],
  ['equality', 0.001, { permille: 7 }, ({ permille }) => permille === 7],
  ['range', 0.5, { at: { $lt: COUNT / 2 } }, ({ at }) => at < COUNT / 2],
  ['range', 0.1, { at: { $lt: COUNT / 10 } }, ({ at }) => at < COUNT / 10],
  ['range', 0.01, { at: { $lt: COUNT / 100 } }, ({ at }) => at < COUNT / 100],
  ['range', 0.001, { at: { $lt: COUNT / 1000 } }, ({ at }) => at < COUNT / 1000],
  ['negation', 0.999, { permille: { $ne: 7 } }, ({ permille }) => permille !== 7],
  ['and of two', 0.05, { half: true, tenth: { $in: ['t3', 't4'] } }, ({ half, tenth }) => half && (tenth === 't3' || tenth === 't4')],
  [
    'narrow and wide',
    0.001,
    { permille: 8, half: true, at: { $lt: COUNT - 10 } },
    ({ permille, half, at }) => permille === 8 && half && at < COUNT - 10,
  ],
  [
    'box',
    0.05,
    { place: { $geoWithin: { top_left: { lat: 40, lon: -10 }, bottom_right: { lat: 0, lon: 60 } } } },
    ({ place: { lat, lon } }) => lat >= 0 && lat <= 40 && lon >= -10 && lon <= 60,
  ],
  ['element', 0.02, { parts: { $elemMatch: { k: 3, v: 9 } } }, ({ parts }) => parts.some(({ k, v }) => k === 3 && v === 9)],
  ['size', 1, { parts: { $size: 2 } }, () => true],
];

/** The cost of filters: one index over HTTP, one query at a time, every answer checked against an exhaustive search. */
export async function filterBench(): Promise<void> {
  const random = new Seeded(SEED);
  const values = () => Array.from({ length: DIMENSIONS }, () => Math.fround(random.next() + random.next() + random.next() - 1.5));
  const vectors: Vector[] = Array.from({ length: COUNT }, (_, i) => {
    // Spreads the values over the rows: 7,919 has no factor in common with the count.
    const at = (i * 7919) % COUNT;
    return {
      id: `v${i}`,
      values: values(),
      metadata: {
        percent: at % 100,
        half: at % 2 === 0,
        tenth: `t${(at >> 1) % 10}`,
        permille: at % 1000,
        at,
        place: { lat: (at % 170) - 85, lon: (at % 359) - 179 },
        parts: [
          { k: at % 7, v: at % 11 },
          { k: at % 5, v: at % 13 },
        ],
      },
    };
  });
  const server = await deploy();
  try {
    const { client } = await createTenant(server);
    const rows = [
      await write(
        client,
        'bare',
        vectors.map(({ id, values: of }) => ({ id, values: of })),
      ),
      await write(client, 'filtered', vectors),
    ];
    console.table(rows);
    const measured = [];
    for (const [name, share, filter, accepts] of CASES) {
      const matching = vectors.filter(({ metadata }) => accepts(metadata));
      measured.push({ name, share, matching: matching.length, ...(await search(client, filter, matching, values)) });
    }
    console.table(measured);
    const deleting = performance.now();
    const deleted = await client.post('/v1/indexes/filtered/delete', { filter: { tenth: 't3' } });
    const deleteMs = Math.round(performance.now() - deleting);
    strictEqual(deleted.body.deleted, COUNT / 10);
    console.log(
      JSON.stringify({
        bench: 'filters',
        count: COUNT,
        dimensions: DIMENSIONS,
        topK: TOP_K,
        load: loadavg(),
        rows,
        measured,
        deleted: COUNT / 10,
        deleteMs,
      }),
    );
  } finally {
    await server.stop();
  }
}

async function write(client: ApiClient, name: string, vectors: readonly object[]) {
  strictEqual((await client.post('/v1/indexes', { name, dimensions: DIMENSIONS, metric: 'dot', owner: 'bench' })).status, 201);
  const startedMs = performance.now();
  for (let start = 0; start < vectors.length; start += BATCH) {
    strictEqual((await client.post(`/v1/indexes/${name}/upsert`, { vectors: vectors.slice(start, start + BATCH) })).status, 200);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const stats = await client.get(`/v1/indexes/${name}/stats`);
  return {
    name,
    vectorsPerSecond: Math.round(vectors.length / seconds),
    storageBytesPerVector: Math.round(stats.body.storage_bytes / vectors.length),
  };
}

/** An equivalent filter that has not been used before. */
const anew = (filter: object | undefined, i: number): object | undefined =>
  filter === undefined ? undefined : { $or: [filter, { absent: i }] };

async function search(client: ApiClient, filter: object | undefined, matching: readonly Vector[], target: () => number[]) {
  const times: { fresh: number[]; again: number[] } = { fresh: [], again: [] };
  for (let i = 0; i < QUERIES; i += 1) {
    const vector = target();
    const query = async (written: object | undefined) => {
      const startedMs = performance.now();
      const { body } = await client.post('/v1/indexes/filtered/query', { vector, top_k: TOP_K, include_metadata: false, filter: written });
      return { ms: performance.now() - startedMs, ids: body.matches.map(({ id }: { id: string }) => id) };
    };
    const [fresh, again] = [await query(anew(filter, i)), await query(filter)];
    times.fresh.push(fresh.ms);
    // In the first round, this filter is new as well.
    if (i > 0) times.again.push(again.ms);
    const scored = matching.map(({ id, values }) => ({ id, score: values.reduce((sum, x, at) => sum + x * (vector[at] ?? 0), 0) }));
    const expected = scored.sort((a, b) => b.score - a.score).slice(0, TOP_K);
    for (const { ids } of [fresh, again]) {
      deepStrictEqual(
        ids,
        expected.map(({ id }) => id),
      );
    }
  }
  return { freshP50Ms: quantile(times.fresh, 0.5), freshP95Ms: quantile(times.fresh, 0.95), againP50Ms: quantile(times.again, 0.5) };
}

function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Number((sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1));
}

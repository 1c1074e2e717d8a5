import { deepStrictEqual } from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

import { score } from '../../../src/ann/metric.ts';
import type { Metric } from '../../../src/contract/metric.ts';
import { fetchSource } from '../../../workers/cli/models/fetch-source.ts';
import { readWordVectors } from '../../../workers/cli/models/read-word-vectors.ts';
import { bundleEntry } from '../../../workers/local/bundle.ts';
import { ROOT } from '../../../workers/local/paths.ts';
import { freePort } from '../../support/free-port.ts';
import { scanModule } from '../../support/scan-module.ts';
import { Seeded } from '../../support/seeded.ts';
import type { Answers, TrialVectors } from './engine-trial.ts';
import { EngineTrial, queryAt, TOP_K, vectorAt } from './engine-trial.ts';
import { serveAlone } from '../raw-workerd.ts';

const COUNTS = [10_000, 100_000];
const METRICS: Metric[] = ['cosine', 'l2'];
const QUERIES = 200;
const ROUNDS = 7;
const SEED = 1;

interface Place {
  build(metric: Metric, count: number): Promise<number>;
  search(from: number, count: number): Promise<Answers>;
}

/**
 * The engine of a shard on real word vectors: what a query costs on one thread, in Node and inside workerd, and its recall against
 * an exhaustive search written out here. Rounds are interleaved and each place reports its median; answers must agree.
 */
export async function annBench(): Promise<void> {
  const vectors = await wordVectors(Math.max(...COUNTS));
  await bundleEntry('engine-worker', join(ROOT, 'test/bench/ann/engine-worker.ts'));
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const port = await freePort();
  const workerd = await serveAlone('engine-worker', stateDir, port);
  try {
    const places = { node: inNode(vectors), workerd: await inWorkerd(`http://127.0.0.1:${port}`, vectors) };
    const rows = [];
    for (const metric of METRICS) for (const count of COUNTS) rows.push(...(await compare(places, vectors, metric, count)));
    console.table(rows);
    console.log(JSON.stringify({ bench: 'ann', dimensions: vectors.dimensions, topK: TOP_K, rounds: ROUNDS, rows }));
  } finally {
    await workerd.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** The most frequent words and the queries, shuffled by a fixed seed. */
async function wordVectors(count: number): Promise<TrialVectors> {
  const rows = count + QUERIES;
  const { vectors } = readWordVectors(await fetchSource(), { frequent: rows, dictionary: 0 }, new Set());
  const dimensions = vectors.columns;
  const random = new Seeded(SEED);
  const order = Array.from({ length: rows }, (_, i) => ({ i, key: random.next() })).sort((a, b) => a.key - b.key);
  const values = new Float32Array(rows * dimensions);
  order.forEach(({ i }, place) => values.set(vectors.values.subarray(i * dimensions, (i + 1) * dimensions), place * dimensions));
  return { dimensions, queryCount: QUERIES, values };
}

function inNode(vectors: TrialVectors): Place {
  const trial = new EngineTrial(scanModule, vectors);
  return {
    build: (metric, count) => Promise.resolve(trial.build(metric, count)),
    search: (from, count) => Promise.resolve(trial.search(from, count)),
  };
}

async function inWorkerd(url: string, { dimensions, queryCount, values }: TrialVectors): Promise<Place> {
  const ask = async <T>(path: string, body?: Float32Array<ArrayBuffer>): Promise<T> => {
    // One connection a call: a kept one may be closed from the other side while this thread searches.
    const headers = { connection: 'close' };
    const response = await fetch(`${url}${path}`, body === undefined ? { headers } : { method: 'POST', body, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  await ask(`/vectors?dimensions=${dimensions}&queries=${queryCount}`, values as Float32Array<ArrayBuffer>);
  return {
    build: (metric, count) => ask(`/build?metric=${metric}&count=${count}`),
    search: (from, count) => ask(`/search?from=${from}&count=${count}`),
  };
}

async function compare(places: Record<string, Place>, vectors: TrialVectors, metric: Metric, count: number) {
  const truth = Array.from({ length: QUERIES }, (_, query) => exhaustive(vectors, metric, count, queryAt(vectors, query)));
  const trials = Object.entries(places).map(([name, place]) => ({ name, place, timesMs: [] as number[], buildMs: 0, bytes: 0 }));
  for (const trial of trials) {
    const startedMs = performance.now();
    trial.bytes = await trial.place.build(metric, count);
    trial.buildMs = performance.now() - startedMs;
    await trial.place.search(0, QUERIES);
  }
  let answers: Answers | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { place, timesMs } of trials) {
      const startedMs = performance.now();
      const found = await place.search(0, QUERIES);
      const foundMs = performance.now();
      // A call that searches for nothing is what the way there and back costs.
      await place.search(0, 0);
      timesMs.push((foundMs - startedMs - (performance.now() - foundMs)) / QUERIES);
      answers ??= found;
      deepStrictEqual(found, answers, 'the answers are the same everywhere');
    }
  }
  const { places: found, rowsRead } = answers ?? { places: [], rowsRead: 0 };
  const hits = found.flatMap((row, query) => row.filter((place) => truth[query]?.has(place))).length;
  return trials.map(({ name, timesMs, buildMs, bytes }) => ({
    metric,
    vectors: count,
    runtime: name,
    queryMs: Number(median(timesMs).toFixed(3)),
    [`recall@${TOP_K}`]: hits / (QUERIES * TOP_K),
    rowsRead: rowsRead / QUERIES,
    bytesPerVector: Number((bytes / count).toFixed(1)),
    buildUsPerVector: Number(((buildMs / count) * 1000).toFixed(2)),
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(1)),
  }));
}

function exhaustive(vectors: TrialVectors, metric: Metric, count: number, query: Float32Array): Set<number> {
  const sign = metric === 'l2' ? 1 : -1;
  const scores = Float64Array.from({ length: count }, (_, place) => sign * score(metric, query, vectorAt(vectors, place)));
  const last = scores.toSorted()[TOP_K - 1] ?? Infinity;
  return new Set(Array.from(scores.keys()).filter((place) => (scores[place] ?? Infinity) <= last));
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

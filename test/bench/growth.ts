import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';

import { quantileMs } from '../support/worlds/hot-shard-simulation.ts';
import type { AnnOptions } from './ann/ann-options.ts';
import { placeOf } from './ann/place-of.ts';
import { recallOf } from './ann/recall.ts';
import { truthOf } from './ann/truth.ts';
import type { VectorSet } from './ann/vector-set.ts';
import { BENCH_CACHE, readVectorSet } from './ann/vector-set.ts';
import { vectorAt, vectorsOf } from './ann/vectors.ts';
import { chart } from './growth/chart.ts';
import { GrownIndex } from './growth/grown-index.ts';
import { perturbedSet, prefix } from './growth/perturbed-set.ts';
import { onRawGateway } from './on-raw-gateway.ts';
import type { RawWorkerd } from './raw-workerd.ts';

const STAGES = [10_000, 30_000, 100_000, 300_000, 1_000_000];
const QUICK_STAGES = [2_000, 6_000, 20_000];
const SHARD_VECTORS_MAX = 60_000;
const QUICK_SHARD_VECTORS_MAX = 1_500;
const QUERIES = 500;
const TOP_K = 10;
const PICTURE = join(BENCH_CACHE, 'growth.svg');

interface Row {
  readonly vectors: number;
  readonly shards: number;
  readonly asked: number;
  readonly pagedIn: number;
  readonly recall: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  readonly storageMb: number;
  readonly importS: number;
  readonly importCpuS: number;
  readonly settleS: number;
}

/**
 * One index in one workerd that grows by imports: recall and query cost while it splits into more and more shards. All shards share one
 * thread here, so their times add up; deployed, they search at the same time.
 */
export async function growthBench(options: AnnOptions): Promise<void> {
  const [stages, shardVectorsMax] = options.quick === true ? [QUICK_STAGES, QUICK_SHARD_VECTORS_MAX] : [STAGES, SHARD_VECTORS_MAX];
  const source = await readVectorSet(await placeOf(options));
  const held = { ...source, queries: firstOf(source) };
  const set = perturbedSet(held, Math.max(...stages));
  await onRawGateway(async (workerd, client) => {
    const { dimensions } = set.base;
    const settings = { dimensions, metric: set.metric, shard_vectors_max: shardVectorsMax };
    const index = await GrownIndex.create(client, 'grown', settings);
    console.log(
      `${set.name} x ${dimensions}, ${QUERIES} held-out queries, shards of ${shardVectorsMax} at most, load ${loadavg()[0]?.toFixed(1)}`,
    );
    const rows: Row[] = [];
    for (const [at, count] of stages.entries()) {
      rows.push(await grow(index, workerd, prefix(set, count), stages[at - 1] ?? 0));
      console.table(rows.slice(-1));
    }
    await mkdir(dirname(PICTURE), { recursive: true });
    await writeFile(PICTURE, chart(rows));
    console.table(rows);
    console.log(`drawn in ${PICTURE}`);
    console.log(JSON.stringify({ bench: 'growth', set: set.name, shardVectorsMax, load: loadavg(), rows }));
  });
}

const firstOf = ({ queries }: VectorSet) =>
  vectorsOf(queries.dimensions, queries.values.slice(0, Math.min(QUERIES, queries.count) * queries.dimensions));

/** Imports the part of the set that the index does not have yet, then searches it. */
async function grow(index: GrownIndex, workerd: RawWorkerd, set: VectorSet, from: number): Promise<Row> {
  const [startedMs, startCpuS] = [performance.now(), await workerd.cpuS()];
  await index.import(set.base, from, set.base.count);
  const importedMs = performance.now();
  await index.settle(workerd);
  const [settledMs, settledCpuS] = [performance.now(), await workerd.cpuS()];
  const { vectors, shards, storage_bytes } = await index.stats();
  const truth = await truthOf(set);
  const found = new Int32Array(set.queries.count * TOP_K).fill(-1);
  let [asked, pagedIn] = [0, 0];
  for (let query = 0; query < set.queries.count; query += 1) {
    const { rows, shardsAsked, listsPagedIn } = await index.search(vectorAt(set.queries, query), TOP_K, true);
    found.set(rows, query * TOP_K);
    asked += shardsAsked;
    pagedIn += listsPagedIn;
  }
  const latenciesMs: number[] = [];
  const beforeCpuS = await workerd.cpuS();
  for (let query = 0; query < set.queries.count; query += 1) {
    latenciesMs.push((await index.search(vectorAt(set.queries, query), TOP_K)).ms);
  }
  const cpuS = (await workerd.cpuS()) - beforeCpuS;
  return {
    vectors,
    shards,
    asked: rounded(asked / set.queries.count, 1),
    pagedIn: rounded(pagedIn / set.queries.count, 1),
    recall: rounded(recallOf(set, truth, found, TOP_K), 4),
    p50Ms: rounded(quantileMs(latenciesMs, 0.5), 2),
    p99Ms: rounded(quantileMs(latenciesMs, 0.99), 2),
    cpuMs: rounded((cpuS * 1_000) / set.queries.count, 2),
    storageMb: Math.round(storage_bytes / 1e6),
    importS: rounded((importedMs - startedMs) / 1_000, 1),
    importCpuS: rounded(settledCpuS - startCpuS, 1),
    settleS: rounded((settledMs - importedMs) / 1_000, 1),
  };
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

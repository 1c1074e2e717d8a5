import { cpus } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { compareScores, score } from '../../../src/ann/metric.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { compileExactKernels } from './exact-kernels.ts';
import type { VectorSet } from './vector-set.ts';
import { BENCH_CACHE, cached } from './vector-set.ts';
import { vectorAt } from './vectors.ts';

/** The number of ranks in the ground truth of each query. */
export const TRUTH_RANKS = 100;

const QUERIES_CHECKED = 5;

/** The scores of the `TRUTH_RANKS` closest vectors of each query, closest first: [queries x TRUTH_RANKS]. Exact, by exhaustive search. */
export type Truth = Float64Array;

/** A worker's task: the queries from `from` up to `to`. */
export interface TruthTask {
  readonly code: Uint8Array;
  readonly set: VectorSet;
  readonly from: number;
  readonly to: number;
}

/** Computes the ground truth on all cores, once for each set. */
export async function truthOf(set: VectorSet): Promise<Truth> {
  assert(set.base.count >= TRUTH_RANKS, `a set has at least ${TRUTH_RANKS} vectors`);
  const bytes = await cached(join(BENCH_CACHE, 'truth', set.hash), async () => new Uint8Array((await computeTruth(set)).buffer));
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

async function computeTruth(set: VectorSet): Promise<Float64Array<ArrayBuffer>> {
  const code = await compileExactKernels();
  const share = Math.ceil(set.queries.count / cpus().length / 4) * 4;
  const starts = cpus().map((_, worker) => worker * share);
  const parts = await Promise.all(
    starts
      .filter((from) => from < set.queries.count)
      .map((from) => inWorker({ code, set, from, to: Math.min(from + share, set.queries.count) })),
  );
  const truth = new Float64Array(set.queries.count * TRUTH_RANKS);
  parts.forEach((part, worker) => truth.set(part, worker * share * TRUTH_RANKS));
  for (let i = 0; i < QUERIES_CHECKED; i += 1) check(set, truth, Math.floor((i * set.queries.count) / QUERIES_CHECKED));
  return truth;
}

const inWorker = (task: TruthTask): Promise<Float64Array> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('truth-worker.ts', import.meta.url), { workerData: task });
    worker.once('message', resolve);
    worker.once('error', reject);
  });

/** Checks one query in float64, one vector at a time. */
function check({ metric, base, queries }: VectorSet, truth: Truth, query: number): void {
  const values = vectorAt(queries, query);
  const scores = Float64Array.from({ length: base.count }, (_, row) => score(metric, values, vectorAt(base, row)));
  const expected = [...scores].sort((a, b) => compareScores(metric, a, b)).slice(0, TRUTH_RANKS);
  const found = truth.subarray(query * TRUTH_RANKS, (query + 1) * TRUTH_RANKS);
  assert(
    expected.every((value, rank) => value === found[rank]),
    `the closest of query ${query} are exact`,
  );
}

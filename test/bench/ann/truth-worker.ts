import { parentPort, workerData } from 'node:worker_threads';
import { compareScores, score } from '../../../src/ann/metric.ts';
import { must } from '../../../src/kernel/assert.ts';
import { instantiateExactKernels } from './exact-kernels.ts';
import type { TruthTask } from './truth.ts';
import { TRUTH_RANKS } from './truth.ts';
import { vectorAt } from './vectors.ts';

// Vectors searched at a time, so few that they stay in the second-level cache while all queries pass over them.
const TILE_ROWS = 1024;
const PRUNE_AT = 4 * TRUTH_RANKS;
const QUERIES_AT_ONCE = 4;
const LANES_BYTES = 32;

/** The vectors that may still be among the closest to a query. */
interface Candidates {
  rows: number[];
  closeness: number[];
  threshold: number;
}

const { code, set, from, to } = workerData as TruthTask;
const { metric, base, queries } = set;
const { dimensions } = base;
const stride = Math.ceil(dimensions / 4) * 16;
const queryCount = Math.ceil((to - from) / QUERIES_AT_ONCE) * QUERIES_AT_ONCE;

// The memory holds, in this order: the tile, its biases, the lanes, four areas of hits, the queries.
const biasesAt = TILE_ROWS * stride;
const lanesAt = biasesAt + TILE_ROWS * 4;
const hitsAt = lanesAt + LANES_BYTES;
const queriesAt = hitsAt + QUERIES_AT_ONCE * TILE_ROWS * 8;
const memory = new WebAssembly.Memory({ initial: Math.ceil((queriesAt + queryCount * stride) / 65_536), maximum: 65_536 });
const floats = new Float32Array(memory.buffer);
const words = new Uint32Array(memory.buffer);
const kernels = instantiateExactKernels(code, memory);

const scores = search();
parentPort?.postMessage(scores, [scores.buffer]);

function search(): Float64Array<ArrayBuffer> {
  const candidates = Array.from({ length: queryCount }, (): Candidates => ({ rows: [], closeness: [], threshold: -Infinity }));
  const lengthMax = { base: 0, query: 0 };
  for (let query = from; query < to; query += 1)
    lengthMax.query = Math.max(lengthMax.query, place(queriesAt + (query - from) * stride, vectorAt(queries, query)));
  for (let row = 0; row < base.count; row += 1) lengthMax.base = Math.max(lengthMax.base, lengthOf(vectorAt(base, row)));
  // Bounds the float32 rounding error of a closeness: a sum of products and, for l2, half a square.
  const error = (dimensions + 16) * 2 ** -24 * (lengthMax.base * lengthMax.query + (metric === 'l2' ? lengthMax.base ** 2 : 0));
  for (let row = 0; row < base.count; row += TILE_ROWS) searchTile(row, Math.min(TILE_ROWS, base.count - row), candidates, error);
  const result = new Float64Array((to - from) * TRUTH_RANKS);
  for (let query = from; query < to; query += 1) {
    const { rows } = must(candidates[query - from], 'a query has candidates');
    const exact = rows.map((row) => score(metric, vectorAt(queries, query), vectorAt(base, row)));
    result.set(exact.sort((a, b) => compareScores(metric, a, b)).slice(0, TRUTH_RANKS), (query - from) * TRUTH_RANKS);
  }
  return result;
}

function searchTile(firstRow: number, count: number, candidates: Candidates[], error: number): void {
  for (let row = 0; row < count; row += 1) {
    const length = place(row * stride, vectorAt(base, firstRow + row));
    floats[biasesAt / 4 + row] = metric === 'l2' ? -(length ** 2) / 2 : 0;
  }
  for (let query = 0; query < queryCount; query += QUERIES_AT_ONCE) {
    for (let lane = 0; lane < QUERIES_AT_ONCE; lane += 1) {
      floats[lanesAt / 4 + lane] = must(candidates[query + lane], 'a lane is a query').threshold;
      words[lanesAt / 4 + 4 + lane] = hitsAt + lane * TILE_ROWS * 8;
    }
    kernels.closest(0, count, firstRow, biasesAt, queriesAt + query * stride, stride, lanesAt);
    for (let lane = 0; lane < QUERIES_AT_ONCE; lane += 1) collect(must(candidates[query + lane], 'a lane is a query'), lane, error);
  }
}

function collect(kept: Candidates, lane: number, error: number): void {
  const end = must(words[lanesAt / 4 + 4 + lane], 'a lane has an end') / 4;
  for (let at = hitsAt / 4 + lane * TILE_ROWS * 2; at < end; at += 2) {
    kept.rows.push(words[at] ?? 0);
    kept.closeness.push(floats[at + 1] ?? 0);
  }
  if (kept.rows.length < PRUNE_AT) return;
  const last = must(kept.closeness.toSorted((a, b) => b - a)[TRUTH_RANKS - 1], 'enough are kept');
  // Any vector of the answer is at least as close as `last`, less the rounding errors of both.
  kept.threshold = Math.fround(last - 2 * error - Math.abs(last) * 2 ** -22);
  const stays = kept.closeness.map((closeness) => closeness >= kept.threshold);
  kept.rows = kept.rows.filter((_, i) => stays[i]);
  kept.closeness = kept.closeness.filter((_, i) => stays[i]);
}

/** Writes a vector into memory; returns its length. */
function place(address: number, vector: Float32Array): number {
  floats.set(vector, address / 4);
  return lengthOf(vector);
}

function lengthOf(vector: Float32Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RecallTarget } from '../../../src/contract/indexes/index-settings.ts';
import { assert, must } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { recallOf } from './recall.ts';
import { ShardTrial } from './shard-trial.ts';
import type { Truth } from './truth.ts';
import type { VectorSet } from './vector-set.ts';
import { vectorAt } from './vectors.ts';

const SEED = 2;
const REPLACED_SHARE = 0.3;
const MOVED_SHARE = 0.05;
const COLD_STARTS = 9;

/** The costs of a shard's life, in seconds of CPU time of one thread, its store included. */
export interface ShardLife {
  readonly buildCpuS: number;
  readonly ofThatWritingS: number;
  /** Of the time slices of background work. */
  readonly sliceMsMedian: number;
  readonly sliceMsP99: number;
  readonly sliceMsMax: number;
  readonly bytesPerVector: number;
  readonly recall: Readonly<Record<string, number>>;
  /** Queries a second through the whole shard, its store included, with topK 10. */
  readonly queriesPerCpuS: number;
  readonly recallAfterReplacing: number;
  readonly insertsPerS: number;
  /** Inserts a second, with the background work that they cause included. */
  readonly insertsListedPerCpuS: number;
  readonly deletesPerS: number;
  readonly firstQueryMs: number;
  /** The time to read every list into memory. */
  readonly fullyHotMs: number;
}

export async function shardLife(set: VectorSet, truth: Truth, recall: RecallTarget, queries: number): Promise<ShardLife> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  try {
    const fresh = build(join(folder, 'fresh'), set, recall);
    const found = measure(fresh.shard, set, truth, queries);
    const cold = coldStart(fresh.shard, set);
    const writes = change(fresh.shard, set);
    const recallAfterReplacing = replace(join(folder, 'replaced'), set, truth, recall, queries);
    const { shard: _, ...built } = fresh;
    return { ...built, ...found, recallAfterReplacing, ...writes, ...cold };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function build(path: string, set: VectorSet, recall: RecallTarget) {
  const started = cpuS();
  const shard = new ShardTrial(path, set, recall);
  shard.upsert(numbersOf(set));
  const ofThatWritingS = cpuS() - started;
  const slices = [...shard.keepUp()].sort((a, b) => a - b);
  const at = (share: number): number => slices[Math.min(slices.length - 1, Math.floor(slices.length * share))] ?? 0;
  return { shard, buildCpuS: cpuS() - started, ofThatWritingS, sliceMsMedian: at(0.5), sliceMsP99: at(0.99), sliceMsMax: at(1) };
}

function measure(shard: ShardTrial, set: VectorSet, truth: Truth, queries: number) {
  const recall: Record<string, number> = {};
  for (const topK of [1, 10, 100]) recall[`@${topK}`] = recallOf(set, truth, searchAll(shard, set, queries, topK), topK);
  const started = cpuS();
  searchAll(shard, set, queries, 10);
  return { recall, queriesPerCpuS: queries / (cpuS() - started), bytesPerVector: shard.bytes / set.base.count };
}

/** Deletes vectors and inserts them again, so that the shard ends with the vectors it had. */
function change(shard: ShardTrial, set: VectorSet) {
  const random = new Seeded(SEED);
  const moved = numbersOf(set).filter(() => random.next() < MOVED_SHARE);
  const deletingMs = performance.now();
  shard.delete(moved);
  const deletesPerS = (moved.length / (performance.now() - deletingMs)) * 1000;
  for (const _ of shard.keepUp());
  const started = cpuS();
  const insertingMs = performance.now();
  shard.upsert(moved);
  const insertsPerS = (moved.length / (performance.now() - insertingMs)) * 1000;
  // An acknowledged write is found before any background work.
  const some = must(moved.at(-1), 'some were inserted');
  assert(shard.search(vectorAt(set.base, some), 1).found[0] === some, 'a vector is found once its write is acknowledged');
  for (const _ of shard.keepUp());
  return { deletesPerS, insertsPerS, insertsListedPerCpuS: moved.length / (cpuS() - started) };
}

/** The recall of a shard that was trained while about a third of its vectors had other values. */
function replace(path: string, set: VectorSet, truth: Truth, recall: RecallTarget, queries: number): number {
  const random = new Seeded(SEED);
  const { base } = set;
  const replaced = numbersOf(set).filter(() => random.next() < REPLACED_SHARE);
  const before = new Map(replaced.map((number) => [number, Math.floor(random.next() * base.count)]));
  const shard = new ShardTrial(path, set, recall);
  // The mean of two vectors of the set: similar to the set, but not in it.
  const old = (number: number): Float32Array => {
    const other = vectorAt(base, must(before.get(number), 'it is to be replaced'));
    return vectorAt(base, number).map((value, i) => (value + (other[i] ?? 0)) / 2);
  };
  shard.upsert(numbersOf(set), (number) => (before.has(number) ? old(number) : vectorAt(base, number)));
  for (const _ of shard.keepUp());
  shard.upsert(replaced);
  for (const _ of shard.keepUp());
  return recallOf(set, truth, searchAll(shard, set, queries, 10), 10);
}

function coldStart(shard: ShardTrial, set: VectorSet) {
  const timesMs = { first: [] as number[], hot: [] as number[] };
  for (let start = 0; start < COLD_STARTS; start += 1) {
    const query = vectorAt(set.queries, start);
    shard.restart();
    timesMs.first.push(timed(() => shard.search(query, 10)));
    shard.restart();
    // An exhaustive search reads all lists; subtracting the time of a second one leaves the time of reading.
    const all = timed(() => shard.search(query, 10, { exact: true }));
    timesMs.hot.push(all - timed(() => shard.search(query, 10, { exact: true })));
  }
  return { firstQueryMs: median(timesMs.first), fullyHotMs: median(timesMs.hot) };
}

function searchAll(shard: ShardTrial, set: VectorSet, queries: number, topK: number): Int32Array {
  const found = new Int32Array(queries * topK).fill(-1);
  for (let query = 0; query < queries; query += 1) found.set(shard.search(vectorAt(set.queries, query), topK).found, query * topK);
  return found;
}

const numbersOf = ({ base }: VectorSet): number[] => Array.from({ length: base.count }, (_, number) => number);

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

function timed(action: () => unknown): number {
  const startedMs = performance.now();
  action();
  return performance.now() - startedMs;
}

function cpuS(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

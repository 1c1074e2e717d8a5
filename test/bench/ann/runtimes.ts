import { deepStrictEqual } from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProbeKernels } from '../../../src/ann/lists/probe-kernels.ts';
import { PageMemory } from '../../../src/ann/page-memory.ts';
import { must } from '../../../src/kernel/assert.ts';
import { bundleEntry } from '../../../workers/local/bundle.ts';
import { ROOT } from '../../../workers/local/paths.ts';
import { freePort } from '../../support/deployment/free-port.ts';
import { serveAlone } from '../raw-workerd.ts';
import { FlatTrial } from './flat-trial.ts';
import { kernelModule } from './kernel-module.ts';
import { openImage } from './list-image.ts';
import type { Depth } from './list-trial.ts';
import { ListTrial } from './list-trial.ts';
import type { VectorSet } from './vector-set.ts';
import type { Vectors } from './vectors.ts';
import { vectorAt, vectorsOf } from './vectors.ts';

const TOP_K = 10;
const FLAT_COUNT = 10_000;
const MEMORY_BYTES = 512 * 1024 * 1024;

export interface RuntimeEffort {
  readonly queries: number;
  readonly rounds: number;
}

/** Queries a second of one engine in one runtime, one query at a time. */
export interface RuntimeSpeed {
  readonly engine: string;
  readonly runtime: string;
  readonly best: number;
  readonly median: number;
  /** Over all rounds, per second of the process's CPU time; other load on the machine affects it less. */
  readonly byCpu: number;
  readonly loadAverage: number;
}

interface Place {
  readonly search: Search;
  /** Seconds of CPU time used so far. */
  readonly cpuS: () => Promise<number>;
}

/** The numbers of the `TOP_K` closest vectors of each query from 0 up to `count`. */
type Search = (count: number) => Promise<Int32Array>;

/** Compares the same engines in Node and in workerd, in interleaved rounds. Every answer must be the same in both. */
export async function compareRuntimes(set: VectorSet, image: Uint8Array, depth: Depth, effort: RuntimeEffort): Promise<RuntimeSpeed[]> {
  await bundleEntry('engine-worker', join(ROOT, 'test/bench/ann/engine-worker.ts'));
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const port = await freePort();
  const workerd = await serveAlone('engine-worker', stateDir, port);
  const ask = async (path: string, body?: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>): Promise<ArrayBuffer> => {
    // A connection for each call: the server could close a kept one while this thread searches.
    const headers = { connection: 'close' };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, body === undefined ? { headers } : { method: 'POST', body, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.arrayBuffer();
  };
  const inWorkerd: Place = {
    search: async (count) => new Int32Array(await ask(`/search?from=0&count=${count}&topK=${TOP_K}`)),
    cpuS: () => workerd.cpuS(),
  };
  try {
    const { metric, queries, base } = set;
    const few = vectorsOf(base.dimensions, base.values.slice(0, FLAT_COUNT * base.dimensions));
    await ask(`/queries?dimensions=${queries.dimensions}`, queries.values);
    await ask(`/base?dimensions=${base.dimensions}`, few.values);
    await ask(`/flat?metric=${metric}&topK=${TOP_K}`);
    const flat = new FlatTrial(kernelModule('scan'), new PageMemory(MEMORY_BYTES), metric, few);
    const speeds = await compare(
      `flat, ${few.count}`,
      nodeSearch(queries, (query) => flat.search(query, TOP_K)),
      inWorkerd,
      effort,
    );
    await ask(`/base?dimensions=${base.dimensions}`, base.values);
    await ask(
      `/lists?metric=${metric}&topK=${TOP_K}&stop=${depth.stop}&byReach=${depth.byReach}&rescore=${depth.rescore}`,
      image as Uint8Array<ArrayBuffer>,
    );
    const kernels = new ProbeKernels(kernelModule('probe.relaxed'), new PageMemory(MEMORY_BYTES));
    const lists = new ListTrial(kernels, metric, base, openImage(kernels, image));
    const inNode = nodeSearch(queries, (query) => lists.search(query, TOP_K, depth));
    return [...speeds, ...(await compare(`lists, ${base.count}`, inNode, inWorkerd, effort))];
  } finally {
    await workerd.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

function nodeSearch(queries: Vectors, search: (query: Float32Array) => number[]): Place {
  return {
    search: (count) => {
      const found = new Int32Array(count * TOP_K).fill(-1);
      for (let query = 0; query < count; query += 1) found.set(search(vectorAt(queries, query)), query * TOP_K);
      return Promise.resolve(found);
    },
    cpuS: () => {
      const { user, system } = process.cpuUsage();
      return Promise.resolve((user + system) / 1e6);
    },
  };
}

async function compare(engine: string, node: Place, workerd: Place, { queries: count, rounds }: RuntimeEffort): Promise<RuntimeSpeed[]> {
  const expected = await node.search(count);
  await workerd.search(count);
  const trials = Object.entries({ node, workerd }).map(([runtime, place]) => ({ runtime, place, timesMs: [] as number[], cpuS: 0 }));
  for (let round = 0; round < rounds; round += 1) {
    for (const trial of trials) {
      const cpuBeforeS = await trial.place.cpuS();
      const startedMs = performance.now();
      const found = await trial.place.search(count);
      const foundMs = performance.now();
      // The time of a call without queries is that of the round trip.
      await trial.place.search(0);
      trial.timesMs.push((foundMs - startedMs - (performance.now() - foundMs)) / count);
      trial.cpuS += (await trial.place.cpuS()) - cpuBeforeS;
      deepStrictEqual(found, expected, 'the answers are the same everywhere');
    }
  }
  const loadAverage = Number((loadavg()[0] ?? 0).toFixed(1));
  return trials.map(({ runtime, timesMs, cpuS }) => {
    const sorted = timesMs.toSorted((a, b) => a - b);
    const perSecond = (ms: number | undefined): number => Math.round(1000 / must(ms, 'there are rounds'));
    const byCpu = perSecond((1000 * cpuS) / (count * rounds));
    return { engine, runtime, best: perSecond(sorted[0]), median: perSecond(sorted[sorted.length >> 1]), byCpu, loadAverage };
  });
}

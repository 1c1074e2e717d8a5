import { parentPort, workerData } from 'node:worker_threads';

import type { SharedHandle } from '../../../src/cache/shared/shared-vectors.ts';
import { SharedVectors } from '../../../src/cache/shared/shared-vectors.ts';
import { zipfTrace } from './hit-ratios.ts';

export interface SharedTask {
  readonly handle: SharedHandle;
  readonly keyCount: number;
  readonly dimensions: number;
}

/** Nine reads for each write, on keys by Zipf's law (0.9). Each message starts a run and says how long it lasts. */
const { handle, keyCount, dimensions } = workerData as SharedTask;
const cache = SharedVectors.join(handle);
const { keys } = zipfTrace(0.9, keyCount, 200_000, handle.owner);
const vector = new Float32Array(dimensions);
let at = 0;

/** Operations a second of wall time, and a second of the thread's CPU time. */
export interface ThreadRate {
  readonly wall: number;
  readonly processor: number;
}

parentPort?.on('message', (forMs: number) => {
  const started = process.threadCpuUsage();
  const startedMs = performance.now();
  let operations = 0;
  for (const endMs = startedMs + forMs; performance.now() < endMs; operations += 1_000) {
    for (let i = 0; i < 1_000; i++) {
      at = (at + 1) % keys.length;
      const key = keys[at] as string;
      if (i % 10 === 0) cache.set(key, vector, undefined);
      else cache.get(key, startedMs);
    }
  }
  const { user, system } = process.threadCpuUsage(started);
  const wall = (operations / (performance.now() - startedMs)) * 1_000;
  parentPort?.postMessage({ wall, processor: (operations / (user + system)) * 1e6 } satisfies ThreadRate, []);
});

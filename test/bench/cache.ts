import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { Worker } from 'node:worker_threads';

import { SharedVectors } from '../../src/cache/shared/shared-vectors.ts';
import { installPeers } from './ann/install-peers.ts';
import type { ContenderFigures } from './cache/cache-child.ts';
import { CACHE_CONTENDERS } from './cache/cache-contenders.ts';
import type { Trace } from './cache/hit-ratios.ts';
import { hitRatios, readTrace, withScans, zipfTrace } from './cache/hit-ratios.ts';
import type { SharedTask, ThreadRate } from './cache/shared-thread.ts';

export interface CacheBenchOptions {
  /** A file of requests, with a key on each line. */
  readonly data?: string | undefined;
  /** The columns that form the key together, if `data` is a CSV. */
  readonly columns?: string | undefined;
  /** Uses fewer and shorter rounds. */
  readonly quick?: boolean | undefined;
}

const OWN = 'LruCache';
const PEERS = ['lru-cache', '@isaacs/ttlcache'];

/** The cache library beside others in the same run, the shared cache on one thread and on two, and the gain of admission by frequency. */
export async function cacheBench({ data, columns, quick = false }: CacheBenchOptions): Promise<void> {
  await installPeers();
  console.log(`${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}`);
  const contenders: Record<string, ContenderFigures> = {};
  for (const name of Object.keys(CACHE_CONTENDERS)) contenders[name] = await figuresOf(name, quick);
  const ratios = { set: ratio(contenders, 'set'), get: ratio(contenders, 'get'), setEvicting: ratio(contenders, 'setEvicting') };
  console.table(
    Object.entries(contenders).map(([cache, { set, get, setEvicting, bytesPerEntry }]) => ({
      cache,
      'set/s': Math.round(set),
      'get/s': Math.round(get),
      'set/s, evicting': Math.round(setEvicting),
      'bytes/entry': Math.round(bytesPerEntry),
    })),
  );
  console.log(
    `${OWN} beside the faster of ${PEERS.join(' and ')}: set ${ratios.set}x, get ${ratios.get}x, evicting ${ratios.setEvicting}x`,
  );
  const threads = await sharedOnThreads(quick);
  console.table(threads);
  const traces: Trace[] = [zipfTrace(0.9, 100_000, quick ? 200_000 : 1_000_000, 1)];
  traces.push(...traces.map(withScans));
  if (data !== undefined) traces.push(await readTrace(data, columns));
  const hits = traces.flatMap(hitRatios);
  console.table(hits);
  console.log(JSON.stringify({ bench: 'cache', load: loadavg(), contenders, ratios, threads, hits }));
}

async function figuresOf(name: string, quick: boolean): Promise<ContenderFigures> {
  const child = fork(new URL('cache/cache-child.ts', import.meta.url), [name, quick ? '100' : '400', quick ? '3' : '7'], {
    execArgv: ['--expose-gc'],
  });
  const [figures] = (await once(child, 'message')) as [ContenderFigures];
  return figures;
}

function ratio(contenders: Readonly<Record<string, ContenderFigures>>, what: 'set' | 'get' | 'setEvicting'): number {
  const fastest = Math.max(...PEERS.map((peer) => contenders[peer]?.[what] ?? 0));
  return Number(((contenders[OWN]?.[what] ?? 0) / fastest).toFixed(2));
}

/** The same work on one thread and on two, in turns, so that other load on the machine affects both. */
async function sharedOnThreads(quick: boolean) {
  const [keyCount, dimensions] = [100_000, 100];
  const cache = SharedVectors.create({ entriesMax: 120_000, dimensionsMax: dimensions, keyCharsMax: 16, stripes: 64 });
  const workers = [0, 1].map(
    () =>
      new Worker(new URL('cache/shared-thread.ts', import.meta.url), {
        workerData: { handle: cache.invite(), keyCount, dimensions } satisfies SharedTask,
      }),
  );
  const forMs = quick ? 200 : 500;
  const work = async (threads: number): Promise<ThreadRate> => {
    const rates = workers.slice(0, threads).map(async (worker) => {
      const answered = once(worker, 'message');
      worker.postMessage(forMs, []);
      return ((await answered) as [ThreadRate])[0];
    });
    const sum = (of: keyof ThreadRate, all: readonly ThreadRate[]): number => all.reduce((total, rate) => total + rate[of], 0);
    const all = await Promise.all(rates);
    return { wall: sum('wall', all), processor: sum('processor', all) };
  };
  await work(2);
  const rounds: { one: ThreadRate; two: ThreadRate }[] = [];
  for (let round = 0; round < (quick ? 3 : 9); round++) rounds.push({ one: await work(1), two: await work(2) });
  await Promise.all(workers.map((worker) => worker.terminate()));
  const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  const speedUp = (of: keyof ThreadRate): number => Number(median(rounds.map(({ one, two }) => two[of] / one[of])).toFixed(2));
  return (['wall', 'processor'] as const).map((of) => ({
    'operations a second of': of === 'wall' ? 'the clock' : 'processor time',
    'one thread': Math.round(median(rounds.map(({ one }) => one[of]))),
    'two threads': Math.round(median(rounds.map(({ two }) => two[of]))),
    'speed-up': speedUp(of),
  }));
}

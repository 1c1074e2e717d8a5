import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { describe, expect, it } from 'vitest';

import { SharedVectors } from '../../../src/cache/shared/shared-vectors.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { isLinearizable } from '../../support/oracles/linearizable.ts';
import type { RegisterOperation } from '../../support/oracles/linearizable.ts';
import type { Recorded, ThreadReport, ThreadTask } from '../../support/worlds/shared-vectors-thread.ts';

interface Setting {
  readonly threads: number;
  readonly keys: number;
  readonly entriesMax: number;
  readonly operations: number;
  readonly forgets: boolean;
  readonly unlockedReads?: boolean;
}

const DIMENSIONS = 256;
/** Threads that have not ended by then never will. */
const HANG_MS = 120_000;
/** Where threads seldom run at the same time, as on a busy machine, it takes more histories until they have met. */
const SEEDS_MAX = 200;

/** Runs threads on one cache; returns each one's report, or undefined when one did not finish. */
async function run({ threads, keys: count, entriesMax, operations, forgets, unlockedReads = false }: Setting, seed: number) {
  const cache = SharedVectors.create({ entriesMax, dimensionsMax: DIMENSIONS, keyCharsMax: 8, stripes: 2 });
  const ticks = new Int32Array(new SharedArrayBuffer(16));
  ticks[2] = threads;
  const keys = Array.from({ length: count }, (_, i) => `k${i}`);
  const workers = Array.from({ length: threads }, (_, thread) => {
    const own = { keys, seed: seed * 100 + thread, ticks, dimensions: DIMENSIONS };
    const task: ThreadTask = { kind: 'record', operations, forgets, unlockedReads, ...own };
    return new Worker(new URL('../../support/worlds/shared-vectors-thread.ts', import.meta.url), {
      workerData: { handle: cache.invite(), task },
    });
  });
  const reports = Promise.all(workers.map(async (worker) => ((await once(worker, 'message')) as [ThreadReport])[0]));
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), HANG_MS).unref());
  const all = await Promise.race([reports, late]).catch(() => undefined);
  await Promise.all(workers.map((worker) => worker.terminate()));
  return all;
}

const byKey = (operations: readonly Recorded[]): Map<string, Recorded[]> => Map.groupBy(operations, ({ key }) => key);

/** How many operations began while another operation on the same key was in progress. */
function overlapping(operations: readonly RegisterOperation[]): number {
  let [count, latest] = [0, -1];
  for (const { invoked, returned } of operations.toSorted((a, b) => a.invoked - b.invoked)) {
    if (invoked < latest) count += 1;
    latest = Math.max(latest, returned);
  }
  return count;
}

async function judge(setting: Setting, seed: number) {
  const reports = await run(setting, seed);
  if (reports === undefined) return { sound: false, overlaps: 0, hits: 0, misses: 0 };
  const operations = reports.flatMap((report) => report.operations);
  const histories = [...byKey(operations).values()];
  // Forgetting a key in a stripe that cannot be locked clears the whole stripe.
  const mayLose = setting.forgets || setting.entriesMax < setting.keys * 2;
  return {
    sound: reports.every(({ torn }) => torn === 0) && histories.every((history) => isLinearizable(history, { mayLose })),
    overlaps: histories.reduce((sum, history) => sum + overlapping(history), 0),
    hits: operations.filter(({ kind, value }) => kind === 'get' && value !== 0).length,
    misses: operations.filter(({ kind, value }) => kind === 'get' && value === 0).length,
  };
}

describe('histories of threads over one shared cache', () => {
  it('[C48] are linearizable, and lose nothing while there is room for all keys', async () => {
    const seen = { overlaps: 0, hits: 0, misses: 0 };
    const hasMet = () => Object.values(seen).every((count) => count > 500);
    for (let seed = 1; seed <= effort(3) || (!hasMet() && seed <= SEEDS_MAX); seed++) {
      for (const setting of [
        { entriesMax: 16, forgets: false },
        { entriesMax: 16, forgets: true },
        { entriesMax: 4, forgets: true },
      ]) {
        const { sound, ...counts } = await judge({ threads: 3, keys: 4, operations: 8_000, ...setting }, seed);
        expect(sound, `seed ${seed}, ${JSON.stringify(setting)}`).toBe(true);
        for (const what of ['overlaps', 'hits', 'misses'] as const) seen[what] += counts[what];
      }
    }
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(500);
  });

  it('[C48] fail this test if reads do not wait for writes', async () => {
    const verdicts: boolean[] = [];
    for (let seed = 1; seed <= SEEDS_MAX && !verdicts.includes(false); seed++) {
      verdicts.push(
        (await judge({ threads: 3, keys: 2, entriesMax: 16, operations: 8_000, forgets: false, unlockedReads: true }, seed)).sound,
      );
    }
    expect(verdicts).toContain(false);
  });
});

describe('the checker of histories', () => {
  const operation = (kind: RegisterOperation['kind'], value: number, invoked: number, returned: number): RegisterOperation => ({
    kind,
    value,
    invoked,
    returned,
  });

  it.each<[string, boolean, boolean, RegisterOperation[]]>([
    ['a read of the written value', true, false, [operation('set', 1, 0, 1), operation('get', 1, 2, 3)]],
    ['a read of a replaced value', false, true, [operation('set', 1, 0, 1), operation('set', 2, 2, 3), operation('get', 1, 4, 5)]],
    ['a read concurrent with a write', true, false, [operation('set', 1, 0, 1), operation('set', 2, 2, 5), operation('get', 1, 3, 4)]],
    [
      'two reads concurrent with a write, the later returning the older value',
      false,
      false,
      [operation('set', 1, 0, 1), operation('set', 2, 2, 9), operation('get', 2, 3, 4), operation('get', 1, 5, 6)],
    ],
    ['a lost value', false, false, [operation('set', 1, 0, 1), operation('get', 0, 2, 3)]],
    ['a lost value, if losses are allowed', true, true, [operation('set', 1, 0, 1), operation('get', 0, 2, 3)]],
    ['a lost value that reappears', false, true, [operation('set', 1, 0, 1), operation('get', 0, 2, 3), operation('get', 1, 4, 5)]],
    ['a forgotten value', false, true, [operation('set', 1, 0, 1), operation('forget', 0, 2, 3), operation('get', 1, 4, 5)]],
    ['a value that was not stored', false, true, [operation('set', 0, 0, 1), operation('get', 1, 2, 3)]],
  ])('[C48] judges %s: %s', (_, sound, mayLose, operations) => {
    expect(isLinearizable(operations, { mayLose })).toBe(sound);
  });
});

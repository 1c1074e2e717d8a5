import { expect, it } from 'vitest';

import { MicroBatcher } from '../../../src/inference/micro-batcher.ts';
import type { MicroBatchRules } from '../../../src/inference/micro-batcher.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { TimedWakeUps } from '../../../src/kernel/wake-ups.ts';
import { VirtualTime } from '../../support/worlds/virtual-time.ts';

const RULES: MicroBatchRules = { itemsMax: 8, sizeMax: 100, waitMs: 3, quietMs: 5, runMaxMs: 40 };
const RUN_MS = 10;

/** A model that answers each word in capitals after `RUN_MS`, fails for `bad`, and never ends for `lost`. */
function world(rules: Partial<MicroBatchRules> = {}, clockOf = (time: VirtualTime): Clock => time, runMs = RUN_MS) {
  const time = new VirtualTime();
  const runs: string[][] = [];
  const wakeUps = new TimedWakeUps(time, { firstMs: 5, lastMs: 50 }, () => {});
  const batcher = new MicroBatcher<string, string>({
    clock: clockOf(time),
    timer: time,
    wakeUps,
    rules: { ...RULES, ...rules },
    sizeOf: ({ length }) => length,
    run: async (items) => {
      runs.push([...items]);
      if (items.includes('lost')) await new Promise(() => {});
      await time.sleep(runMs);
      if (items.includes('bad')) throw new Error('bad input');
      return items.map((item) => item.toUpperCase());
    },
  });
  return { time, runs, batcher };
}

/** Requests while another one, `x`, is being answered, as at any busy time. */
function crowd({ time, batcher }: ReturnType<typeof world>, requests: readonly (readonly string[])[]) {
  const busy = batcher.run(['x']);
  return time.run(Promise.all([busy, ...requests.map((items) => batcher.run(items))]));
}

it('[M24] a request that is alone runs at once', async () => {
  const { time, runs, batcher } = world();
  const startedMs = time.nowMs();
  expect(await time.run(batcher.run(['a', 'b']))).toEqual(['A', 'B']);
  expect(await time.run(batcher.run(['c']))).toEqual(['C']);
  expect([time.nowMs() - startedMs, runs]).toEqual([2 * RUN_MS, [['a', 'b'], ['c']]]);
});

it('[M24] requests that are under way together share a run, and each gets its own rows', async () => {
  const here = world();
  expect(await crowd(here, [['a'], ['b', 'c'], ['d']])).toEqual([['X'], ['A'], ['B', 'C'], ['D']]);
  expect(here.runs).toEqual([['x'], ['a', 'b', 'c', 'd']]);
});

it('[M24] requests that come shortly after one another share a run, though none is under way any more', async () => {
  const { time, runs, batcher } = world({}, undefined, 0);
  await time.run(batcher.run(['x']));
  const requests = [batcher.run(['a']), time.sleep(1).then(() => batcher.run(['b']))];
  expect(await time.run(Promise.all(requests))).toEqual([['A'], ['B']]);
  expect(runs).toEqual([['x'], ['a', 'b']]);
});

it('[M24] a request that was ended midway makes later ones wait no longer than it could have taken', async () => {
  const { time, batcher } = world();
  void batcher.run(['lost']);
  await time.run(time.sleep(RULES.waitMs + RULES.runMaxMs + 1));
  const startedMs = time.nowMs();
  await time.run(batcher.run(['a']));
  expect(time.nowMs() - startedMs).toBe(RUN_MS);
});

it('[M25] a batch is full at its items and at their size; what does not fit opens the next', async () => {
  const byCount = world({ itemsMax: 3 });
  await crowd(byCount, [['a'], ['b', 'c'], ['d'], ['e']]);
  expect(byCount.runs).toEqual([['x'], ['a', 'b', 'c'], ['d', 'e']]);
  const bySize = world({ sizeMax: 10 });
  await crowd(bySize, [['aaaa'], ['bbbbbb'], ['c']]);
  expect(bySize.runs).toEqual([['x'], ['aaaa', 'bbbbbb'], ['c']]);
});

it('[M25] a request as large as a batch, or without the time to wait, runs alone and at once', async () => {
  const { time, runs, batcher } = world({ itemsMax: 3 });
  const requests = [batcher.run(['x']), batcher.run(['a', 'b', 'c']), batcher.run(['late'], time.nowMs() + RULES.runMaxMs)];
  const inTime = batcher.run(['early'], time.nowMs() + RULES.runMaxMs + RULES.waitMs);
  await time.run(Promise.all([...requests, inTime]));
  expect(runs).toEqual([['x'], ['a', 'b', 'c'], ['late'], ['early']]);
});

it('[M26] a run that fails is repeated for each request alone: only the one at fault fails', async () => {
  const { time, runs, batcher } = world();
  const busy = batcher.run(['x']);
  const settled = await time.run(Promise.allSettled([busy, batcher.run(['a']), batcher.run(['bad']), batcher.run(['b'])]));
  expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))).toEqual([
    ['X'],
    ['A'],
    'Error: bad input',
    ['B'],
  ]);
  expect(runs.map((run) => run.join(' ')).toSorted()).toEqual(['a', 'a bad b', 'b', 'bad', 'x']);
});

it('[M26] a request that fails alone fails once', async () => {
  const { time, runs, batcher } = world();
  const busy = batcher.run(['x']);
  const settled = await time.run(Promise.allSettled([busy, batcher.run(['bad'])]));
  expect(settled[1]?.status).toBe('rejected');
  expect(runs).toEqual([['x'], ['bad']]);
});

it('[M26] when a leader dies, those who joined it are answered, and a later request does not join it', async () => {
  const { time, runs, batcher } = world();
  const busy = batcher.run(['x']);
  void batcher.run(['lost']);
  const joined = batcher.run(['a']);
  expect(await time.run(Promise.all([busy, joined]))).toEqual([['X'], ['A']]);
  expect(await time.run(batcher.run(['b']))).toEqual(['B']);
  expect(runs).toEqual([['x'], ['lost', 'a'], ['a'], ['b']]);
});

it('[M26] nobody joins a batch that is past its time, because its leader died while it waited', async () => {
  const { time, runs, batcher } = world();
  const busy = batcher.run(['x']);
  const after = time.after.bind(time);
  time.after = () => () => {};
  void batcher.run(['lost']);
  time.after = after;
  await time.run(time.sleep(RULES.waitMs));
  const startedMs = time.nowMs();
  await time.run(Promise.all([busy, batcher.run(['a'])]));
  expect(runs).toEqual([['x'], ['a']]);
  expect(time.nowMs() - startedMs).toBe(RULES.waitMs + RUN_MS);
});

it('[M25] a batch that runs takes no more items, even if the clock says that it is open', async () => {
  const { time, runs, batcher } = world({}, (real) => ({ nowMs: () => real.nowMs() - (real.nowMs() % 2) }));
  const first = [batcher.run(['x']), batcher.run(['a'])];
  await time.run(time.sleep(RULES.waitMs));
  await time.run(Promise.all([...first, batcher.run(['b'])]));
  expect(runs).toEqual([['x'], ['a'], ['b']]);
});

it('[M24] [M25] whatever comes when, all are answered with their own rows, in batches within the bounds', async () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const rng = new Seeded(seed);
    const { time, runs, batcher } = world();
    const requests = Array.from({ length: 60 }, async (_, request) => {
      await time.sleep(rng.next() * 200);
      const items = Array.from({ length: 1 + Math.floor(rng.next() * 5) }, (_item, at) => `r${request}i${at}`);
      const rows = await batcher.run(items);
      expect(rows).toEqual(items.map((item) => item.toUpperCase()));
    });
    await time.run(Promise.all(requests));
    expect(Math.max(...runs.map((run) => run.length)), `seed ${seed}`).toBeLessThanOrEqual(RULES.itemsMax);
    expect(runs.length, `seed ${seed}`).toBeLessThan(60);
    expect(new Set(runs.flat()).size, `seed ${seed}`).toBe(runs.flat().length);
  }
});

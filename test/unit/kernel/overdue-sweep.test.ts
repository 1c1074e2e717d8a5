import { describe, expect, it } from 'vitest';

import { OverdueSweep } from '../../../src/kernel/overdue-sweep.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { VirtualTime } from '../../support/worlds/virtual-time.ts';

const LIMIT_MS = 1_000;
const PASS_MS = 100;

function world() {
  const time = new VirtualTime();
  const counts = { timers: 0, sweeps: 0 };
  let isCut = false;
  const timer = {
    after: (delayMs: number, run: () => void) => {
      counts.timers += 1;
      return time.after(delayMs, () => {
        // What a call that the platform ended was waiting for never comes.
        if (!isCut) run();
      });
    },
  };
  const sweep = new OverdueSweep({ clock: time, timer, keepAlive: () => (counts.sweeps += 1), limitMs: LIMIT_MS, passMs: PASS_MS });
  /** Waits for work that takes so long; how it ends, and after how long. */
  const wait = async (tookMs: number, fails = false) => {
    const startMs = time.nowMs();
    const work = time.sleep(tookMs).then(() => {
      if (fails) throw new Error('broken');
      return 'done';
    });
    const how = await sweep.within(work, () => 'late').catch((error: unknown) => (error as Error).message);
    return { how, afterMs: time.nowMs() - startMs };
  };
  return { time, sweep, counts, wait, cut: () => (isCut = true), uncut: () => (isCut = false) };
}

describe('OverdueSweep', () => {
  it('[SW9] a wait ends with its work, or late: a pass after its limit at most', async () => {
    const { time, wait, sweep } = world();
    const random = new Seeded(9);
    const waits = Array.from({ length: 300 }, async () => {
      await time.sleep(random.next() * 5_000);
      const [tookMs, fails] = [random.next() * 2 * LIMIT_MS, random.next() < 0.2];
      const { how, afterMs } = await wait(tookMs, fails);
      if (how === 'late') {
        expect(tookMs).toBeGreaterThan(LIMIT_MS - 1);
        expect(afterMs).toBeGreaterThanOrEqual(LIMIT_MS - 1);
        expect(afterMs).toBeLessThanOrEqual(LIMIT_MS + PASS_MS + 1);
      } else {
        expect(how).toBe(fails ? 'broken' : 'done');
        expect(Math.abs(afterMs - tookMs)).toBeLessThanOrEqual(1);
        expect(tookMs).toBeLessThanOrEqual(LIMIT_MS + PASS_MS + 1);
      }
      return how;
    });
    const hows = await time.run(Promise.all(waits));
    expect(new Set(hows)).toEqual(new Set(['late', 'done', 'broken']));
    expect(sweep.waiting).toBe(0);
  });

  it('[SW9] many waits share one timer at a time, and none is set once there is none', async () => {
    const { time, counts, wait } = world();
    await time.run(Promise.all(Array.from({ length: 100 }, () => wait(PASS_MS / 2))));
    await time.run(time.sleep(10 * PASS_MS));
    expect(counts).toEqual({ timers: 1, sweeps: 1 });
    // Work of a second that is never late: a pass for each tenth of it.
    await time.run(Promise.all(Array.from({ length: 100 }, async (_, i) => time.sleep(i * 9).then(() => wait(100)))));
    await time.run(time.sleep(10 * PASS_MS));
    expect(counts.timers).toBeLessThanOrEqual(13);
  });

  it('[SW10] no call makes passes for longer than twice the limit: another that waits takes over', async () => {
    const { time, counts, wait } = world();
    // There is always a wait, for forty times the limit.
    await time.run(Promise.all(Array.from({ length: 400 }, async (_, i) => time.sleep(i * 100).then(() => wait(150)))));
    expect(counts.sweeps).toBeGreaterThanOrEqual(20);
    expect(counts.sweeps).toBeLessThanOrEqual(40);
  });

  it('[SW10] after the call that makes passes was cut off, the next wait has them made again', async () => {
    const { time, counts, wait, cut, uncut } = world();
    const first = wait(1e9);
    await time.run(time.sleep(PASS_MS / 2));
    cut();
    await time.run(time.sleep(4 * PASS_MS));
    uncut();
    const second = wait(1e9);
    expect(await time.run(Promise.all([first, second]))).toMatchObject([{ how: 'late' }, { how: 'late' }]);
    expect(counts.sweeps).toBe(2);
  });
});

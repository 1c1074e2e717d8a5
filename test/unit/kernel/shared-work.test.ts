import { describe, expect, it } from 'vitest';

import { SharedWork } from '../../../src/kernel/shared-work.ts';
import type { SharedWorkBounds } from '../../../src/kernel/shared-work.ts';
import { DirectWakeUps, TimedWakeUps } from '../../../src/kernel/wake-ups.ts';
import { deferred } from '../../support/fakes/deferred.ts';
import { VirtualTime } from '../../support/worlds/virtual-time.ts';

const BOUNDS: SharedWorkBounds = { leaderMaxMs: 1_000, waitMaxMs: 3_000, waitersMaxCount: 100, keysMaxCount: 100 };

function world(bounds: Partial<SharedWorkBounds> = {}) {
  const time = new VirtualTime();
  const delaysMs: number[] = [];
  const kept: Promise<unknown>[] = [];
  const timer = {
    after: (delayMs: number, run: () => void) => {
      delaysMs.push(delayMs);
      return time.after(delayMs, run);
    },
  };
  const wakeUps = new TimedWakeUps(timer, { firstMs: 5, lastMs: 50 }, (work) => void kept.push(work));
  const shared = new SharedWork<string>({ clock: time, wakeUps, bounds: { ...BOUNDS, ...bounds } });
  const counts = { begun: 0 };
  /** Work that takes `ms`. `dies` below is work that never ends. */
  const work = (ms: number, answer = 'done') => {
    return async (): Promise<string> => {
      counts.begun += 1;
      await time.sleep(ms);
      return answer;
    };
  };
  const dies = (): Promise<string> => {
    counts.begun += 1;
    return new Promise(() => {});
  };
  return { time, shared, counts, delaysMs, kept, work, dies };
}

const never = () => expect.unreachable('somebody else leads');

describe('shared work', () => {
  it('[SW1] is done once, by the first caller; all others get its result', async () => {
    const { time, shared, counts, work } = world();
    const all = Promise.all(Array.from({ length: 50 }, () => shared.run('a', work(30))));
    const answers = (await time.run(all)).map((answer) => (answer.ok ? `${answer.value.value} ${answer.value.isLeader}` : answer.error));
    expect(answers.toSorted()).toEqual([...Array.from({ length: 49 }, () => 'done false'), 'done true']);
    expect(counts.begun).toBe(1);
  });

  it('[SW1] of different keys is separate, and finished work is done again', async () => {
    const { time, shared, counts, work } = world();
    await time.run(Promise.all([shared.run('a', work(10, 'a')), shared.run('b', work(10, 'b'))]));
    expect(await time.run(shared.run('a', work(10, 'again')))).toMatchObject({ value: { value: 'again', isLeader: true } });
    expect(counts.begun).toBe(3);
  });

  it('[SW1] can answer several keys at once, and a newer leader replaces an older one', async () => {
    const { time, shared, work } = world();
    const older = shared.lead(['a', 'b'], work(50, 'older'), 1);
    expect([shared.find('b')?.row, shared.find('b')?.flight.mark]).toEqual([1, 1]);
    const newer = shared.lead(['a'], work(100, 'newer'), 2);
    expect(await time.run(older)).toBe('older');
    expect([shared.find('a')?.flight.mark, shared.find('b')]).toEqual([2, undefined]);
    expect(await time.run(newer)).toBe('newer');
    expect(shared.find('a')).toBeUndefined();
  });

  it('[SW1] that was dropped answers only callers that had joined before', async () => {
    const { time, shared, counts, work } = world();
    const early = [shared.run('a', work(30, 'old')), shared.run('a', never)];
    shared.drop('a');
    const late = shared.run('a', work(30, 'new'));
    const answers = await time.run(Promise.all([...early, late]));
    expect(answers.map((answer) => answer.ok && answer.value.value)).toEqual(['old', 'old', 'new']);
    expect(counts.begun).toBe(2);
  });

  it('[SW2] is polled by timers of the waiter: after 5 ms, then longer, up to 50 ms', async () => {
    const { time, shared, delaysMs, work } = world();
    const led = shared.run('a', work(400));
    await time.run(Promise.all([led, shared.run('a', never)]));
    expect(delaysMs[0]).toBe(5);
    expect(Math.min(...delaysMs)).toBe(5);
    expect(Math.max(...delaysMs)).toBe(50);
    expect(delaysMs).toEqual(delaysMs.toSorted((a, b) => a - b));
  });

  it('[SW2] stores no promise where another request can reach it', () => {
    const { shared, dies } = world();
    void shared.run('a', dies);
    const { flight } = shared.find('a')!;
    expect(Object.values(flight).filter((part) => typeof part === 'object' || typeof part === 'function')).toEqual([]);
  });

  it('[SW3] whose leader dies is taken over by one waiter, and all are answered', async () => {
    const { time, shared, counts, work, dies } = world();
    void shared.run('a', dies);
    const begunMs = time.nowMs();
    const answers = await time.run(Promise.all(Array.from({ length: 40 }, () => shared.run('a', work(20, 'second')))));
    expect(answers.filter((answer) => answer.ok && answer.value.value === 'second')).toHaveLength(40);
    expect(answers.filter((answer) => answer.ok && answer.value.isLeader)).toHaveLength(1);
    expect(counts.begun).toBe(2);
    expect(time.nowMs() - begunMs).toBeLessThan(1_200);
  });

  it('[SW3] is taken over even if the clock stands still, also by later callers', async () => {
    const { time, shared, counts, work, dies } = world();
    const frozen = new SharedWork<string>({
      clock: { nowMs: () => 7 },
      wakeUps: new TimedWakeUps(time, { firstMs: 5, lastMs: 50 }, () => {}),
      bounds: BOUNDS,
    });
    void frozen.run('a', dies);
    expect(await time.run(frozen.run('a', work(20)))).toMatchObject({ value: { isLeader: true } });
    void shared.run('a', dies);
    await time.run(time.sleep(1_000));
    expect(await time.run(shared.run('a', work(20)))).toMatchObject({ value: { isLeader: true } });
    expect(counts.begun).toBe(4);
  });

  it('[SW3] with a slow leader is also finished by that leader, and every waiter is answered', async () => {
    const { time, shared, work } = world();
    const slow = shared.run('a', work(2_000, 'slow'));
    const second = shared.run('a', work(5, 'second'));
    expect(await time.run(second)).toMatchObject({ value: { value: 'second' } });
    expect(await time.run(slow)).toMatchObject({ value: { value: 'slow' } });
    expect(shared.find('a')).toBeUndefined();
  });

  it('[SW4] that fails rejects for its waiters, with its message, and not for the next caller', async () => {
    const { time, shared, counts, work } = world();
    const fails = async (): Promise<string> => {
      counts.begun += 1;
      await time.sleep(10);
      throw new TypeError('no such thing');
    };
    const settled = await time.run(Promise.allSettled(Array.from({ length: 5 }, () => shared.run('a', fails))));
    const reasons = settled.map((one) => (one.status === 'rejected' ? (one.reason as Error) : undefined));
    expect(reasons.map((reason) => reason?.message)).toEqual(Array.from({ length: 5 }, () => 'no such thing'));
    // Each request gets its own error object.
    expect(new Set(reasons).size).toBe(5);
    expect(counts.begun).toBe(1);
    expect(await time.run(shared.run('a', work(1)))).toMatchObject({ ok: true });
  });

  it('[SW5] has bounded waiters, waiting time and keys; above that it is not shared', async () => {
    const { time, shared, counts, work, dies } = world({ waitersMaxCount: 2, waitMaxMs: 500, keysMaxCount: 1 });
    void shared.run('a', dies);
    const waiters = [shared.run('a', never), shared.run('a', never)];
    expect(await shared.run('a', never)).toEqual({ ok: false, error: 'crowded' });
    const begunMs = time.nowMs();
    expect(await time.run(Promise.all(waiters))).toEqual([
      { ok: false, error: 'late' },
      { ok: false, error: 'late' },
    ]);
    expect(time.nowMs() - begunMs).toBeLessThanOrEqual(505);
    const unshared = Promise.all([shared.run('b', work(10)), shared.run('b', work(10))]);
    expect((await time.run(unshared)).map((answer) => answer.ok && answer.value.isLeader)).toEqual([true, true]);
    expect(counts.begun).toBe(3);
  });

  it('[SW5] of leaders that died does not occupy memory for ever', async () => {
    const { time, shared, counts, work, dies } = world({ keysMaxCount: 1 });
    void shared.run('a', dies);
    await time.run(time.sleep(1_000));
    await time.run(Promise.all([shared.run('b', work(10)), shared.run('b', never)]));
    expect(counts.begun).toBe(2);
  });

  it('[SW5] on several keys is waited for no longer than on one', async () => {
    const { time, shared, dies } = world({ waitMaxMs: 1_500 });
    void shared.run('a', dies);
    const begunMs = time.nowMs();
    const calls = [shared.run('a', dies), shared.run('a', dies), shared.run('a', dies)];
    const first = await time.run(Promise.race(calls.map((call) => call.then((answer) => answer.ok || answer.error))));
    expect([first, time.nowMs() - begunMs]).toEqual(['late', expect.closeTo(1_500, -2)]);
  });

  it('[SW6] is given to the platform to keep it running, and never rejects there', async () => {
    const { time, shared, kept, work } = world();
    const fails = shared.run('a', () => Promise.reject(new Error('no')));
    await expect(fails).rejects.toThrow('no');
    await time.run(shared.run('b', work(5)));
    expect(kept).toHaveLength(2);
    expect(await Promise.all(kept)).toEqual([undefined, 'done']);
  });

  it('[SW8] in one context is finished without timers: the leader wakes its waiters', async () => {
    const time = new VirtualTime();
    const shared = new SharedWork<string>({ clock: time, wakeUps: new DirectWakeUps(), bounds: BOUNDS });
    const gate = deferred<string>();
    const all = Promise.all([shared.run('a', () => gate.promise), shared.run('a', never), shared.run('a', never)]);
    gate.resolve('done');
    expect((await all).map((answer) => answer.ok && answer.value)).toEqual([
      { value: 'done', isLeader: true },
      { value: 'done', isLeader: false },
      { value: 'done', isLeader: false },
    ]);
  });
});

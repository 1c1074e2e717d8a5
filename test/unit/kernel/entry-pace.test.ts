import { describe, expect, it } from 'vitest';

import type { EntryPaceLimits } from '../../../src/kernel/entry-pace.ts';
import { EntryPace } from '../../../src/kernel/entry-pace.ts';

const LIMITS: EntryPaceLimits = {
  lagMs: 20,
  burstMaxCount: 4,
  perSFirst: 100,
  perSMin: 10,
  underWayMin: 2,
  underWayMaxMs: 1_000,
  waitMaxMs: 1_000,
  ownersMaxCount: 10,
};
const START_MS = 1_000_000;
const LEFT_MS = 10_000;

/** A gate with two calls under way, so that none enters for want of work. */
function busyPace(limits: Partial<EntryPaceLimits> = {}): EntryPace {
  const pace = new EntryPace({ ...LIMITS, ...limits });
  for (let n = 0; n < LIMITS.underWayMin; n += 1) pace.begin(START_MS);
  return pace;
}

const kinds = (pace: EntryPace, owner: string, count: number, nowMs: number) =>
  Array.from({ length: count }, () => pace.come(owner, LEFT_MS, nowMs).kind);

describe('EntryPace', () => {
  it('[OL6] lets a burst enter at once, and others at the rate, each at a time that it is told', () => {
    const pace = busyPace();
    expect(kinds(pace, 'a', 6, START_MS)).toEqual(['enter', 'enter', 'enter', 'enter', 'enter', 'wait']);
    expect(pace.come('a', LEFT_MS, START_MS)).toEqual({ kind: 'wait', untilMs: START_MS + 20 });
  });

  it('[OL6] refuses what would enter too late for its caller, or wait too long', () => {
    const pace = busyPace();
    for (let n = 0; n < 54; n += 1) pace.come('a', LEFT_MS, START_MS);
    expect(pace.come('a', 400, START_MS)).toEqual({ kind: 'refused', waitMs: 500 });
    expect(pace.come('a', LEFT_MS, START_MS)).toEqual({ kind: 'wait', untilMs: START_MS + 500 });
    for (let n = 0; n < 49; n += 1) pace.come('a', LEFT_MS, START_MS);
    expect(pace.come('a', LEFT_MS, START_MS)).toEqual({ kind: 'wait', untilMs: START_MS + 1_000 });
    expect(pace.come('a', LEFT_MS, START_MS).kind).toBe('refused');
  });

  it('[OL6] lets calls enter at once while few are under way, however late timers are', () => {
    const pace = new EntryPace(LIMITS);
    const leave = pace.begin(START_MS);
    pace.lagged(500, START_MS);
    expect(new Set(kinds(pace, 'a', 50, START_MS))).toEqual(new Set(['enter']));
    pace.begin(START_MS);
    expect(pace.come('a', LEFT_MS, START_MS).kind).toBe('wait');
    leave(true);
    expect(pace.come('a', LEFT_MS, START_MS).kind).toBe('enter');
  });

  it('[OL6] does not count calls that were lost with their requests, or wait for something else', () => {
    const pace = busyPace();
    kinds(pace, 'a', 10, START_MS);
    expect(pace.come('a', LEFT_MS, START_MS).kind).toBe('wait');
    expect(pace.come('b', LEFT_MS, START_MS + LIMITS.underWayMaxMs).kind).toBe('enter');
    expect(new Set(kinds(pace, 'b', 50, START_MS + LIMITS.underWayMaxMs))).toEqual(new Set(['enter']));
  });

  it('[OL6] slows down to what is served while timers are late, not below the least, and speeds up again', () => {
    const pace = new EntryPace({ ...LIMITS, perSFirst: 1_000 });
    let nowMs = START_MS;
    /** A quarter of a second each. */
    const pass = (times: number, served: number, lagMs: number): void => {
      for (let at = 0; at < times; at += 1) {
        for (let n = 0; n < served; n += 1) pace.begin(nowMs)(true);
        pace.lagged(lagMs, nowMs);
        nowMs += 250;
      }
    };
    /** How many calls of an owner that comes anew are told to enter within a second. */
    const perS = (owner: string): number => {
      for (let n = 0; n < LIMITS.underWayMin; n += 1) pace.begin(nowMs);
      return kinds(pace, owner, 3_000, nowMs).filter((kind) => kind !== 'refused').length - LIMITS.burstMaxCount - 1;
    };
    pass(40, 100, 50);
    expect(Math.abs(perS('slow') - 0.95 * 400)).toBeLessThanOrEqual(1);
    nowMs += 10_000;
    pass(60, 0, 50);
    expect(perS('slowest')).toBe(LIMITS.perSMin);
    nowMs += 10_000;
    pass(60, 500, 1);
    expect(perS('quick')).toBeGreaterThan(1_500);
  });

  it('[OL7] gives owners whose calls wait equal shares, and one that asks for less what it asks for', () => {
    const pace = busyPace({ waitMaxMs: 10_000 });
    kinds(pace, 'many', 400, START_MS);
    expect(pace.come('few', LEFT_MS, START_MS)).toMatchObject({ kind: 'enter' });
    kinds(pace, 'few', 4, START_MS);
    // Half of a hundred a second each.
    expect(pace.come('few', LEFT_MS, START_MS)).toEqual({ kind: 'wait', untilMs: START_MS + 20 });
  });

  it('[OL6] has some call measure how late timers are now and then, not each', () => {
    const pace = new EntryPace(LIMITS);
    const isMeasured = (atMs: number): boolean => {
      const step = pace.come('a', LEFT_MS, START_MS + atMs);
      return step.kind === 'enter' && step.isMeasured;
    };
    expect([0, 1, 49, 50, 51, 120].map(isMeasured)).toEqual([true, false, false, true, false, true]);
  });
});

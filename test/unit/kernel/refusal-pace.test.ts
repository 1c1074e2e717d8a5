import { expect, it } from 'vitest';

import type { RefusalPaceLimits } from '../../../src/kernel/refusal-pace.ts';
import { RefusalPace } from '../../../src/kernel/refusal-pace.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const LIMITS: RefusalPaceLimits = {
  perServed: 1 / 10,
  perSMin: 20,
  burstMaxCount: 8,
  holdMaxMs: 5_000,
  heldMaxCount: 1_000,
  returnMaxMs: 30_000,
  ownersMaxCount: 100,
};

const START_MS = 1_000_000;

const paceOf = (limits: Partial<RefusalPaceLimits> = {}) => {
  const random = new Seeded(7);
  return new RefusalPace({ ...LIMITS, ...limits }, () => random.next());
};

/** How many refusals are answered in each second, of callers that come again as soon as they are answered. */
function answeredBySecond(pace: RefusalPace, crowds: Readonly<Record<string, number>>, seconds: number, servedPerS: number) {
  const answered = new Map<string, number[]>();
  const due = Object.entries(crowds).flatMap(([owner, callers]) => Array.from({ length: callers }, () => ({ owner, atMs: 0 })));
  for (let atMs = 0; atMs < seconds * 1_000; atMs += 1) {
    if (Math.floor((atMs * servedPerS) / 1_000) > Math.floor(((atMs - 1) * servedPerS) / 1_000)) pace.served();
    for (const caller of due) {
      if (caller.atMs > atMs) continue;
      caller.atMs = atMs + Math.max(1, pace.next(caller.owner, 100, START_MS + atMs).holdMs);
      const bySecond = answered.get(caller.owner) ?? Array.from({ length: seconds }, () => 0);
      answered.set(caller.owner, bySecond);
      const second = Math.floor(caller.atMs / 1_000);
      if (second < seconds) bySecond[second] = (bySecond[second] ?? 0) + 1;
    }
  }
  return answered;
}

it('[OL3] answers a few refusals at once, and those of callers that come again at once at a steady rate', () => {
  const pace = paceOf();
  const holds = Array.from({ length: 12 }, () => pace.next('a', 100, START_MS).holdMs);
  expect(holds).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 50, 100, 150, 200]);
  const bySecond = answeredBySecond(paceOf(), { a: 60 }, 10, 0).get('a') ?? [];
  for (const count of bySecond.slice(1)) expect(count).toBeLessThanOrEqual(LIMITS.perSMin + 1);
  expect(Math.min(...bySecond.slice(1))).toBeGreaterThan(LIMITS.perSMin / 2);
});

it('[OL3] answers more refusals the more is served', () => {
  const bySecond = answeredBySecond(paceOf({ holdMaxMs: 60_000 }), { a: 200 }, 30, 500).get('a') ?? [];
  const perS = bySecond.slice(10).reduce((sum, count) => sum + count, 0) / 20;
  expect(perS).toBeGreaterThan(50);
  expect(perS).toBeLessThan(LIMITS.perSMin + 500 * LIMITS.perServed + 2);
});

it('[OL3] gives owners that are refused together equal shares, however many callers each has', () => {
  const answered = answeredBySecond(paceOf({ holdMaxMs: 60_000 }), { many: 80, few: 20 }, 20, 0);
  const sum = (owner: string) => (answered.get(owner) ?? []).slice(4).reduce((total, count) => total + count, 0);
  expect(sum('few') / (sum('few') + sum('many'))).toBeGreaterThan(0.4);
  // Together they are answered no faster than one would be.
  expect((sum('few') + sum('many')) / 16).toBeLessThan(1.1 * LIMITS.perSMin);
});

it('[OL3] holds refusals no longer than the limit, to different times, and no more of them', () => {
  const pace = paceOf();
  const holds = Array.from({ length: 500 }, () => pace.next('a', 100, START_MS).holdMs);
  expect(Math.max(...holds)).toBeLessThanOrEqual(LIMITS.holdMaxMs);
  expect(new Set(holds.slice(200).map((ms) => Math.round(ms / 100))).size).toBeGreaterThan(20);
  const full = paceOf({ heldMaxCount: 100 });
  const held = Array.from({ length: 500 }, () => full.next('a', 100, START_MS).holdMs).filter((ms) => ms > 0);
  expect(held.length).toBe(100);
  const later = Array.from({ length: 50 }, () => full.next('a', 100, START_MS + 6_000).holdMs);
  expect(later.some((ms) => ms > 0)).toBe(true);
});

it('[OL4] asks callers to come back after the pause named, spread, and later the more are refused', () => {
  const pace = paceOf();
  const first = Array.from({ length: 8 }, () => pace.next('a', 400, START_MS));
  for (const { holdMs, retryAfterMs = 0 } of first) {
    expect(holdMs + retryAfterMs).toBeGreaterThanOrEqual(400);
    expect(holdMs + retryAfterMs).toBeLessThanOrEqual(501);
  }
  expect(new Set(first.map(({ retryAfterMs }) => retryAfterMs)).size).toBeGreaterThan(4);
  for (let n = 0; n < 200; n += 1) pace.next('a', 400, START_MS);
  const last = Array.from({ length: 50 }, () => pace.next('a', 400, START_MS));
  const returns = last.map(({ holdMs, retryAfterMs = 0 }) => holdMs + retryAfterMs);
  expect(Math.max(...returns)).toBeGreaterThan(2_000);
  expect(Math.max(...returns)).toBeLessThanOrEqual(LIMITS.returnMaxMs + LIMITS.holdMaxMs);
  expect(pace.next('a', undefined, START_MS).retryAfterMs).toBeUndefined();
  // A pause that is longer than all that stays what it is.
  expect(paceOf().next('b', 60_000, START_MS).retryAfterMs).toBe(60_000);
});

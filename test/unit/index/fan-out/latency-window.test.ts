import { expect, it } from 'vitest';

import { LatencyWindow } from '../../../../src/index/fan-out/latency-window.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';

it('[F16] a quantile of the recorded calls is at most 13 % above the true one', () => {
  const random = new Seeded(3);
  for (const shape of [
    () => 0.2 + random.next(),
    () => -Math.log(1 - random.next()) * 12,
    () => Math.exp(3 * random.next()),
    () => 1_000 * random.next(),
  ]) {
    const window = new LatencyWindow(10_000, 20);
    const values = Array.from({ length: 5_000 }, shape);
    for (const value of values) window.record(value, 5_000);
    const sorted = values.toSorted((a, b) => a - b);
    for (const share of [0.5, 0.9, 0.95, 0.99]) {
      const truth = sorted[Math.ceil(share * sorted.length) - 1]!;
      const told = window.quantileMs(share, 5_000)!;
      expect(told).toBeGreaterThanOrEqual(truth * 0.999);
      expect(told).toBeLessThanOrEqual(truth * 1.13);
    }
  }
});

it('[F16] there is no quantile of few calls, and calls before the window do not count', () => {
  const window = new LatencyWindow(10_000, 20);
  for (let i = 0; i < 19; i += 1) window.record(50, 0);
  expect(window.quantileMs(0.5, 0)).toBe(undefined);
  window.record(50, 0);
  expect(window.quantileMs(0.5, 0)).toBeGreaterThanOrEqual(50);
  for (let i = 0; i < 40; i += 1) window.record(2, 6_000);
  expect(window.quantileMs(0.5, 6_000)).toBeLessThan(2.3);
  // The older half of the window still counts.
  expect(window.quantileMs(0.95, 6_000)).toBeGreaterThanOrEqual(50);
  expect(window.quantileMs(0.95, 11_000)).toBeLessThan(2.3);
  expect(window.quantileMs(0.95, 30_000)).toBe(undefined);
});

it('[F13] a call is late when another is likely faster: never if all take about as long', () => {
  const random = new Seeded(4);
  const lateOf = (shape: () => number) => {
    const window = new LatencyWindow(10_000, 20);
    for (let i = 0; i < 4_000; i += 1) window.record(shape(), 5_000);
    return window.lateMs(0.95, 5_000)!;
  };
  const alike = () => 5 + 5 * random.next();
  expect(lateOf(alike)).toBeGreaterThan(15);
  // One call in fifty stalls: one that takes longer than the others may be such a call.
  const stalling = () => alike() + (random.next() < 0.02 ? 80 : 0);
  expect(lateOf(stalling)).toBeGreaterThan(9.5);
  expect(lateOf(stalling)).toBeLessThan(13);
  // A tenth of the calls go to a failing shard, whose time is the 95th percentile.
  const sick = () => (random.next() < 0.1 ? 2_000 : alike());
  expect(lateOf(sick)).toBeLessThan(40);
  const heavy = () => Math.exp(4 * random.next() ** 3);
  const late = lateOf(heavy);
  expect(late).toBeGreaterThan(3);
  expect(late).toBeLessThan(60);
});

it('[F13] without measured calls no call is late', () => {
  expect(new LatencyWindow(10_000, 20).lateMs(0.95, 0)).toBe(undefined);
});

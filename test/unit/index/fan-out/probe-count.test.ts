import { expect, it } from 'vitest';

import { probeCount } from '../../../../src/index/fan-out/probe-count.ts';

it('[F17] fewer shards are asked if there is less time for slow ones, but at least one', () => {
  expect(probeCount(16, 50, 8)).toBe(16);
  expect(probeCount(16, 9, 8)).toBe(11);
  expect(probeCount(16, 8, 8)).toBe(1);
  expect(probeCount(16, -5, 8)).toBe(1);
  const counts = Array.from({ length: 60 }, (_, remainingMs) => probeCount(300, remainingMs, 5));
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(counts.at(-1)).toBe(300);
});

it('[F17] all shards are asked while their latency is unknown', () => {
  expect(probeCount(16, 1, undefined)).toBe(16);
});

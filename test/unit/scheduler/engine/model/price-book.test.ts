import { expect, it } from 'vitest';

import { PriceBook } from '../../../../../src/scheduler/engine/model/price-book.ts';

const SPOT = { accelerator: 'H100', region: 'eu', market: 'spot' } as const;

it('[J23] a price holds from its time on until the next, and before the first nothing is sold', () => {
  const prices = new PriceBook([
    { ...SPOT, fromMs: 2_000, nanoDollarsPerHour: 7 },
    { ...SPOT, fromMs: 1_000, nanoDollarsPerHour: 5 },
  ]);
  prices.add({ ...SPOT, fromMs: 3_000, nanoDollarsPerHour: 9 });
  prices.add({ ...SPOT, fromMs: 3_000, nanoDollarsPerHour: 8 });
  expect([999, 1_000, 1_999, 2_000, 5_000].map((atMs) => prices.priceAt(SPOT, atMs))).toEqual([undefined, 5, 5, 7, 8]);
  expect(prices.priceAt({ ...SPOT, market: 'on_demand' }, 5_000)).toBeUndefined();
  expect(() => prices.add({ ...SPOT, fromMs: 0, nanoDollarsPerHour: 0.5 })).toThrow('whole number');
});

it('[J23] a price may end: what held before holds again, and what will never hold is forgotten', () => {
  const prices = new PriceBook([
    { ...SPOT, fromMs: 1_000, nanoDollarsPerHour: 5 },
    { ...SPOT, fromMs: 2_000, untilMs: 3_000, nanoDollarsPerHour: 7 },
    { ...SPOT, fromMs: 2_500, untilMs: 2_700, nanoDollarsPerHour: 6 },
  ]);
  expect([1_999, 2_000, 2_500, 2_699, 2_700, 2_999, 3_000].map((atMs) => prices.priceAt(SPOT, atMs))).toEqual([5, 7, 6, 6, 7, 7, 5]);
  const changes = [];
  for (let atMs = 0; atMs < Infinity; atMs = prices.nextChangeMs(atMs)) changes.push(atMs);
  expect(changes).toEqual([0, 1_000, 2_000, 2_500, 2_700, 3_000]);
  // What holds again later is kept, although another one has begun since.
  const newest = { ...SPOT, fromMs: 2_500, nanoDollarsPerHour: 0 };
  expect(prices.takePast(newest, 2_600)).toEqual([]);
  expect(prices.takePast(newest, 2_800).map(({ nanoDollarsPerHour }) => nanoDollarsPerHour)).toEqual([6]);
  prices.add({ ...SPOT, fromMs: 2_900, nanoDollarsPerHour: 9 });
  expect(prices.takePast(newest, 2_900).map(({ nanoDollarsPerHour }) => nanoDollarsPerHour)).toEqual([5, 7]);
  expect(prices.priceAt(SPOT, 2_950)).toBe(9);
});

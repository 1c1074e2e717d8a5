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

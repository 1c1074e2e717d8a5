import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import {
  ACCELERATOR_PRICE_LISTS,
  listedPrice,
  poolPriceId,
  poolPriceOf,
  withMargin,
} from '../../../../src/contract/tenancy/accelerator-prices.ts';
import type { PoolId } from '../../../../src/kernel/ids.ts';
import { editionNamed, PRICE_BOOK, priceNamed, priceOf, usd } from '../../../../src/tenancy/usage/price-book.ts';
import { ROOT } from '../../../../workers/local/paths.ts';

const terms = fc.record({
  poolId: fc.stringMatching(/^pool_[0-9a-z]{10}([0-9a-z]{8})?$/).map((id) => id as PoolId),
  market: fc.constantFrom('reserved' as const, 'on_demand' as const, 'spot' as const),
  accelerator: fc.option(fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?$/)),
  nanoDollarsPerHour: fc.nat(6 * 10 ** 15),
});

it('[J313] the id of a price says it: it is read without the pool, whatever has become of that', () => {
  fc.assert(
    fc.property(terms, (of) => {
      expect(poolPriceOf(poolPriceId(of))).toEqual(of);
      expect(priceNamed(poolPriceId(of), 'accelerator_ms', of.accelerator)).toEqual({ nano: of.nanoDollarsPerHour, units: 3_600_000 });
    }),
    { numRuns: 200 },
  );
  for (const { id } of PRICE_BOOK) expect(poolPriceOf(id)).toBeUndefined();
  expect(() => priceNamed('pool_0123456789/spot/h100@1.5', 'accelerator_ms', 'h100')).toThrow('never taken out');
});

it('[J311] the price list that placement reads is the one that bills are made of, and is published', () => {
  expect(ACCELERATOR_PRICE_LISTS.map(({ id, fromMs }) => [id, fromMs])).toEqual(PRICE_BOOK.map(({ id, fromMs }) => [id, fromMs]));
  const page = readFileSync(join(ROOT, 'docs/api/jobs.md'), 'utf8');
  for (const list of ACCELERATOR_PRICE_LISTS) {
    for (const type of [...Object.keys(list.nanoDollarsPerHour), 'rtx-9999', 'constructor', null]) {
      const { id, nanoDollarsPerHour } = listedPrice(type, list.fromMs);
      expect([id, { nano: nanoDollarsPerHour, units: 3_600_000 }]).toEqual([list.id, priceOf(editionNamed(id), 'accelerator_ms', type)]);
      if (type !== null && Object.hasOwn(list.nanoDollarsPerHour, type))
        expect(page).toMatch(new RegExp(`\\| \`${type}\` +\\| ${usd(nanoDollarsPerHour).slice(0, -7).replace('.', '\\.')} `));
    }
  }
  expect(listedPrice('h100', 0)).toEqual({ id: '2026-01-01', nanoDollarsPerHour: 2_900_000_000 });
});

it('[J310] a margin is thousandths of the cost, rounded once', () => {
  expect([
    withMargin(2_500_000_000, 200),
    withMargin(600_000_001, 125),
    withMargin(3, 500),
    withMargin(0, 5_000),
    withMargin(7, 0),
  ]).toEqual([3_000_000_000, 675_000_001, 5, 0, 7]);
  expect(Number.isSafeInteger(withMargin(999_999_999_999_999, 5_000))).toBe(true);
});

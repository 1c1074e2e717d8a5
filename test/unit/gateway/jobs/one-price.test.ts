import { describe, expect, it } from 'vitest';

import { poolPriceId } from '../../../../src/contract/tenancy/accelerator-prices.ts';
import type { PoolId } from '../../../../src/kernel/ids.ts';
import { invoiceCsv } from '../../../../src/tenancy/billing/invoice-csv.ts';
import { priced } from '../../../../src/tenancy/usage/usage-query.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { parseCsv } from '../../../support/oracles/parse-csv.ts';
import { onOne, PricedPools, statedPrice } from '../../../support/worlds/priced-pools.ts';

const A10 = { accelerator: 'a10' };
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const { id, tenantId } = jobRequest(1);

/** Nano-dollars of time at an hourly price, half up: each line of an invoice is rounded once. */
const nanoFor = (ms: number, hourlyNano: number): bigint => (BigInt(ms) * BigInt(hourlyNano) * 2n + BigInt(HOUR_MS)) / BigInt(2 * HOUR_MS);

/** What the file of an invoice says of accelerator time. */
function billedIn(csv: string): { readonly nano: bigint; readonly prices: readonly string[]; readonly categories: readonly string[] } {
  const [header = [], ...lines] = parseCsv(csv);
  const cells = (column: string): readonly string[] => lines.map((line) => line[header.indexOf(column)] ?? '');
  const nano = cells('BilledCost').reduce((sum, usd) => sum + BigInt(usd.replace('.', '')), 0n);
  return { nano, prices: cells('SkuPriceId'), categories: cells('PricingCategory') };
}

interface Case {
  /** Sets up a pool: what its time costs when the job starts. */
  readonly stated: (
    world: PricedPools,
    market: 'reserved' | 'on_demand' | 'spot',
  ) => { readonly pool: PoolId; readonly hourlyNano: number };
  /** What changes while the job runs: the price of its second stretch, which begins after ten minutes. */
  readonly later?: (world: PricedPools, pool: PoolId) => number;
}

const CASES: Readonly<Record<string, Case>> = {
  'stated at creation, with a margin': {
    stated: (world, market) => {
      const price = statedPrice(600_000_001, { ...A10, marginPerMille: 125 });
      return { pool: world.addPool('a10', { market }, [price]), hourlyNano: 675_000_001 };
    },
  },
  'changed while it runs': {
    stated: (world, market) => {
      const pool = world.addPool('a10', { market });
      world.setPrice(pool, statedPrice(611_111_111, A10));
      return { pool, hourlyNano: 611_111_111 };
    },
    later: (world, pool) => {
      world.setPrice(pool, statedPrice(499_999_999, A10));
      return 499_999_999;
    },
  },
  'of the price list': {
    stated: (world, market) => ({ pool: world.addPool('a10', { market }), hourlyNano: 2_500_000_000 }),
  },
  'dated, from and until': {
    stated: (world, market) => {
      const pool = world.addPool('a10', { market }, [statedPrice(900_000_007, A10)]);
      const fromMs = world.nowMs + 30 * MINUTE_MS;
      world.setPrice(pool, statedPrice(300_000_001, { ...A10, fromMs, untilMs: fromMs + 5 * MINUTE_MS }));
      world.pass(32 * MINUTE_MS);
      return { pool, hourlyNano: 300_000_001 };
    },
    // It has ended by itself: what held before holds again.
    later: () => 900_000_007,
  },
};

const MARKETS = ['reserved', 'on_demand', 'spot'] as const;
const CATEGORY = { reserved: 'Committed', on_demand: 'Standard', spot: 'Dynamic' } as const;
const cells = MARKETS.flatMap((market) => Object.entries(CASES).map(([name, one]) => [market, name, one] as const));

describe('[J310] one price', () => {
  it.each(cells)('of a pool that is %s, %s: placement, plan, explain, job, budget, usage and invoice agree', (market, _, one) => {
    const world = new PricedPools();
    const { pool, hourlyNano } = one.stated(world, market);
    // Placement: another pool is preferred if it is dearer by nothing at all, as it comes first; and not if it is by a nano-dollar.
    expect(world.shown(pool, 'a10').nanoDollarsPerHour).toBe(hourlyNano);
    const other = world.addPool('a10', { market }, [statedPrice(hourlyNano + 1, A10)]);
    const options = [onOne('a10')];
    expect(world.plan(jobRequest(9, { options })).plan.placement?.poolId).toBe(pool);
    world.setPrice(other, statedPrice(hourlyNano - 1, A10));
    expect(world.plan(jobRequest(9, { options })).plan.placement?.poolId).toBe(other);
    world.setPrice(other, statedPrice(hourlyNano + 1, A10));

    // Explain: what would have to be allowed.
    world.world.submit(8, { options, priceMaxNanoDollarsPerHour: 1 });
    const explained = world.world.cell.explain(tenantId, jobRequest(8).id);
    const remedies = explained.ok ? explained.value.explanation.remedies : [];
    expect(remedies).toMatchObject([{ steps: [{ kind: 'higher_price_limit', nanoDollarsPerHour: hourlyNano }] }]);
    world.world.cell.act(tenantId, jobRequest(8).id, { kind: 'cancel' });

    // Plan: what an attempt of that long is billed.
    const runMs = one.later === undefined ? 123_457 : 600_000 + 123_457;
    const firstMs = Math.min(runMs, 600_000);
    const planned = world.plan(jobRequest(9, { options, runtimeMaxMs: firstMs, tokensMax: 0 }));
    expect(planned.cost?.nanoPerHour).toBe(BigInt(hourlyNano));
    expect(world.start(1, { options })).toBe(pool);
    world.pass(MINUTE_MS);
    const laterNano = one.later?.(world, pool) ?? hourlyNano;
    world.pass(runMs - MINUTE_MS);
    world.end(id);
    const expected = nanoFor(firstMs, hourlyNano) + nanoFor(runMs - firstMs, laterNano);
    if (one.later === undefined) expect(planned.cost?.attemptMaxNano).toBe(expected);

    // The job, its segments, and what was taken of budgets: at most a nano-dollar more for each stretch, as these are rounded up.
    const cost = world.cost(id);
    expect(cost.totalNano).toBe(expected);
    expect(cost.segments.map(({ nanoPerHour }) => nanoPerHour)).toEqual(
      one.later === undefined ? [BigInt(hourlyNano)] : [BigInt(hourlyNano), BigInt(laterNano)],
    );
    expect(world.debitedNano - Number(expected)).toBeGreaterThanOrEqual(0);
    expect(world.debitedNano - Number(expected)).toBeLessThanOrEqual(cost.segments.length);

    // Usage, invoice and its file; also when the pool is gone.
    world.setPrice(pool, statedPrice(77, A10));
    expect(world.world.cell.operations.remove(pool, true).ok).toBe(true);
    const { ledger, invoice } = world.ledger();
    const lines = priced(ledger.sums({ fromMs: 0, toMs: world.nowMs + HOUR_MS, groupBy: ['tenant'] }, 100));
    expect(lines.reduce((sum, line) => sum + line.amountNano, 0n)).toBe(expected);
    expect(invoice.totalNano).toBe(expected);
    const file = billedIn(invoiceCsv(invoice));
    expect(file.nano).toBe(expected);
    const isListed = hourlyNano === 2_500_000_000;
    const named = (nanoDollarsPerHour: number): string => poolPriceId({ poolId: pool, market, accelerator: 'a10', nanoDollarsPerHour });
    const ids = new Set(isListed ? ['2026-01-01'] : [named(hourlyNano), named(laterNano)]);
    expect(new Set(file.prices)).toEqual(new Set([...ids].map((price) => `accelerator_ms/${price}`)));
    expect(new Set(file.categories)).toEqual(new Set([isListed ? 'Standard' : CATEGORY[market]]));
  });
});

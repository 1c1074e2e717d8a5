import type { StatedPrice } from '../../../../src/contract/pools/pool-record.ts';
import { expect, it } from 'vitest';

import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { onOne, PricedPools, statedPrice } from '../../../support/worlds/priced-pools.ts';

const A10 = { accelerator: 'a10' };
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const { id } = jobRequest(1);

it('[J311] a pool shows a price of all that it has: stated, else that of the published list by name', () => {
  const world = new PricedPools();
  const pool = world.addPool('a10', { market: 'spot' });
  const shown = () => {
    const prices = world.world.cell.operations.prices(pool);
    return prices.ok ? prices.value.map((one) => [one.accelerator, one.nanoDollarsPerHour, one.listId, one.isInForce]) : [];
  };
  expect(shown()).toEqual([
    [null, 2_500_000_000, '2026-01-01', true],
    ['a10', 2_500_000_000, '2026-01-01', true],
  ]);
  world.setPrice(pool, statedPrice(600_000_000, { ...A10, fromMs: world.nowMs + MINUTE_MS, untilMs: world.nowMs + 2 * MINUTE_MS }));
  // The stated one is to come, and the list holds until then; afterwards it holds again.
  expect(shown()).toContainEqual(['a10', 600_000_000, null, false]);
  expect(shown()).toContainEqual(['a10', 2_500_000_000, '2026-01-01', true]);
  world.pass(MINUTE_MS);
  expect(shown().slice(1)).toEqual([['a10', 600_000_000, null, true]]);
  world.pass(MINUTE_MS);
  expect(shown().slice(1)).toEqual([['a10', 2_500_000_000, '2026-01-01', true]]);
  expect(world.world.cell.operations.setPrice(pool, statedPrice(1, { untilMs: world.nowMs }))).toMatchObject({
    ok: false,
    error: { code: 'invalid_value', path: ['until'] },
  });
});

it('[J314] a pool is made with its prices, once: the request repeated makes none anew', () => {
  const world = new PricedPools();
  const prices = [statedPrice(600_000_000, A10), statedPrice(9, { fromMs: 0, untilMs: world.nowMs })];
  const pool = world.addPool('a10', {}, prices);
  const made = world.world.cell.pools.find(pool)!;
  const again = (given: readonly StatedPrice[]) => world.world.cell.addPool(made, given);
  expect(world.shown(pool, 'a10').nanoDollarsPerHour).toBe(600_000_000);
  expect(world.shown(pool, null).listId, 'what has ended never holds').toBe('2026-01-01');
  world.setPrice(pool, statedPrice(700_000_000, A10));
  expect(again(prices)).toMatchObject({ ok: true });
  expect(world.shown(pool, 'a10').nanoDollarsPerHour).toBe(700_000_000);
  expect(again([])).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch' } });
});

it('[PL19] a price that begins or ends by itself moves jobs that wait, whatever woke them before', () => {
  const world = new PricedPools();
  const [cheap, other] = [world.addPool('a10', {}, [statedPrice(900, A10)]), world.addPool('a10', {}, [statedPrice(901, A10)])];
  const fromMs = world.nowMs + 30 * MINUTE_MS;
  world.setPrice(other, statedPrice(400, { ...A10, fromMs, untilMs: fromMs + 30 * MINUTE_MS }));
  // A later statement that begins sooner.
  world.setPrice(cheap, statedPrice(890, { ...A10, fromMs: world.nowMs + MINUTE_MS }));
  const options = [onOne('a10')];
  world.world.submit(1, { options, priceMaxNanoDollarsPerHour: 500 });
  world.pass(29 * MINUTE_MS);
  expect(world.world.job(id).state).toBe('pending');
  world.world.loseMemory();
  world.pass(2 * MINUTE_MS);
  expect(world.world.job(id)).toMatchObject({ attempt: { poolId: other } });
  world.world.report(id, 1, { kind: 'progress', progress: { completed: 0, failed: 0, total: 1 } }, other);
  world.end(id);
  world.pass(30 * MINUTE_MS);
  expect(world.start(2, { options })).toBe(cheap);
});

it('[J312] time that was granted before prices were recorded is billed as it was reserved: by the book', () => {
  const world = new PricedPools();
  const pool = world.addPool('a10', {}, [statedPrice(600_000_000, A10)]);
  world.start(1, { options: [onOne('a10')] });
  // As stored by 0.6.0: neither grants nor segments had a price.
  const { sql } = world.world.storage;
  sql.exec(`UPDATE cell_records SET body = json_remove(body, '$.attempt.funds.current.price', '$.attempt.funds.askedPrice',
    '$.attempt.segment.priceId') WHERE kind = 'jobs'`);
  sql.exec("UPDATE grants SET body = json_remove(body, '$.priceId', '$.hadTime')");
  world.world.loseMemory();
  world.pass(600_000 + 120_000);
  world.end(id);
  const cost = world.cost(id);
  expect(cost.segments.map(({ nanoPerHour, segment }) => [nanoPerHour, segment.priceId ?? null, segment.acceleratorMs])).toEqual([
    [2_500_000_000n, null, 600_000],
    [600_000_000n, `${pool}/reserved/a10@0.600000000`, 120_000],
  ]);
  expect(world.ledger().invoice.totalNano).toBe(cost.totalNano);
});

it('[T131] what a job may cost counts its time at the price of each stretch', () => {
  const world = new PricedPools();
  const pool = world.addPool('a10', {}, [statedPrice(3_600_000_000, A10)]);
  // Ten minutes at 3.60 are 0.60; what is left pays for 20 minutes at 0.30, and not for less than two at 3.60.
  world.start(1, { options: [onOne('a10')], costMaxNanoDollars: 700_000_000 });
  world.pass(MINUTE_MS);
  world.setPrice(pool, statedPrice(300_000_000, A10));
  world.pass(HOUR_MS);
  expect(world.world.job(id).acceleratorMs).toBe(600_000 + 1_200_000);
  expect(world.cost(id).totalNano).toBe(700_000_000n);
});

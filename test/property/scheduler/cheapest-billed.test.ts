import { expect, it } from 'vitest';

import type { PoolId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { interruptionsPerHour, lostHours, NONE_SEEN } from '../../../src/scheduler/engine/placement/work-cost.ts';
import { seeds } from '../../support/fixtures/effort.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';
import { onOne, PricedPools, statedPrice } from '../../support/worlds/priced-pools.ts';

const TYPES = ['a10', 'h100', 'l4', null] as const;
const MARKETS = ['reserved', 'on_demand', 'spot'] as const;
const MINUTE_MS = 60_000;
/** What a job loses that says nothing of how long it takes, as each of these does. */
const LOST_HOURS = lostHours({ checkpoint: { intervalMs: null, graceMs: 0, restartMs: 0 }, limits: { durationMaxMs: null } as never });
const seen = { listed: 0, margins: 0, dated: 0, busy: 0, dearerByHour: 0 };

interface Pool {
  readonly id: PoolId;
  readonly accelerator: (typeof TYPES)[number];
  readonly market: (typeof MARKETS)[number];
}

/** Pools whose prices are stated, dated, or those of the list; some are busy. Then one job that may run in several ways. */
function place(seed: number): void {
  const rng = new Seeded(seed);
  const below = (count: number): number => Math.floor(rng.next() * count);
  const oneOf = <T>(of: readonly T[]): T => of[below(of.length)]!;
  const world = new PricedPools();
  const randomPrice = () => 100_000_000 + below(3_000_000_000);
  const pools = Array.from({ length: 3 + below(4) }, (): Pool => {
    const [accelerator, market] = [oneOf(TYPES), oneOf(MARKETS)];
    const marginPerMille = below(2) * below(800);
    const prices = below(3) === 0 ? [] : [statedPrice(randomPrice(), { accelerator, marginPerMille })];
    return { id: world.addPool(accelerator, { market }, prices), accelerator, market };
  });
  const isDated = below(4) === 0;
  if (isDated) {
    const { id, accelerator } = oneOf(pools);
    const fromMs = world.nowMs + 4 * MINUTE_MS;
    const untilMs = oneOf([null, fromMs + MINUTE_MS, fromMs + 60 * MINUTE_MS]);
    world.setPrice(id, statedPrice(Math.floor(randomPrice() / 4), { accelerator, fromMs, untilMs }));
    world.pass(6 * MINUTE_MS);
  }
  const busy = new Set<PoolId>();
  for (let n = below(pools.length - 1); n > 0; n--) {
    const taken = world.tryToStart(100 + n, { options: [onOne(oneOf(pools).accelerator)] });
    if (taken !== undefined) busy.add(taken);
  }
  const types = [...new Set(pools.map(({ accelerator }) => accelerator))];
  const options = types.filter((_, at) => at === 0 || below(3) > 0).map((accelerator) => onOne(accelerator, 200 + below(2_000)));

  const costIn = ({ id, market }: Pool, { accelerator, throughputHintMilli }: (typeof options)[number]): number => {
    const { nanoDollarsPerHour } = world.shown(id, accelerator);
    return (nanoDollarsPerHour * (1 + interruptionsPerHour(market, NONE_SEEN) * LOST_HOURS)) / throughputHintMilli;
  };
  const feasible = options.flatMap((option, at) =>
    pools
      // What needs no accelerator has room on any node.
      .filter(({ id, accelerator }) => (option.accelerator === null || accelerator === option.accelerator) && !busy.has(id))
      .map((pool) => ({ pool, at, option, cost: costIn(pool, option) })),
  );
  if (feasible.length === 0) return;
  const chosen = world.start(1, { options });
  const by = world.world.job(jobRequest(1).id).attempt!.option;
  const { cost, option } = feasible.find(({ pool, at }) => pool.id === chosen && at === by)!;
  const least = Math.min(...feasible.map((one) => one.cost));
  // How long nodes were watched changes what spot is supposed to lose by less than a thousandth in these minutes.
  expect(cost, `seed ${seed}: ${JSON.stringify(feasible)}`).toBeLessThanOrEqual(least * 1.001);

  // And it is what is billed.
  world.pass(MINUTE_MS);
  world.end(jobRequest(1).id);
  const { nanoPerHour } = world.cost(jobRequest(1).id).segments[0]!;
  const price = world.shown(chosen, option.accelerator);
  expect(nanoPerHour).toBe(BigInt(price.nanoDollarsPerHour));
  seen.listed += Number(price.listId !== null);
  seen.margins += Number(price.marginPerMille > 0);
  seen.dated += Number(isDated);
  seen.busy += Number(busy.size > 0);
  seen.dearerByHour += Number(
    feasible.some(({ pool }) => world.shown(pool.id, pool.accelerator).nanoDollarsPerHour < price.nanoDollarsPerHour),
  );
}

it('[PL18] a job is placed where, of what has room, the least is billed for its work', () => {
  for (const seed of seeds(24)) place(seed);
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(3);
});

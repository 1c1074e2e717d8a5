import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import type { UsageEvent } from '../../../src/contract/api/meter.ts';
import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import type { SlicedBudget } from '../../../src/gateway/tenancy/quotas/sliced-budget.ts';
import { windowStartMs } from '../../../src/tenancy/quota/window.ts';
import { amountNano, editionAt } from '../../../src/tenancy/usage/price-book.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { rule } from '../../support/fakes/memory-quota.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { CALM, randomRules, SlicedWorld } from '../../support/worlds/sliced-world.ts';
import type { Faults } from '../../support/worlds/sliced-world.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const principalOf = (tenant: number, project: number, key: number): TenantPrincipal => ({
  kind: 'tenant',
  organisationId: idsOf(1).organisationId,
  tenantId: idsOf(tenant).tenantId,
  projectId: idsOf(project).projectId,
  keyId: idsOf(key).id,
  owner: 'team',
  scopes: [],
});
/** Four keys in three projects of two tenants, so that every level is shared. */
const CALLERS = [principalOf(1, 1, 1), principalOf(1, 1, 2), principalOf(1, 2, 3), principalOf(2, 3, 4)];
const [CALLER] = CALLERS as [TenantPrincipal];
const FAULTY: Faults = { lost: 0.1, repeated: 0.2, crashed: 0.01, skewMs: 400_000, steps: false };

/** Calls, then delivers all messages, so that nothing is under way and the draws can be settled. */
async function call(world: SlicedWorld, isolate = world.isolates[0]!, tokens = 10): Promise<string> {
  const code = world.call(isolate, CALLER, tokens);
  await world.settle();
  return code;
}

describe('budgets over several isolates', () => {
  it.each([
    { limit: 100, isolates: 4, messagesMax: 150 },
    { limit: 1000, isolates: 3, messagesMax: 1000 },
    // Slices keep most requests away from the object.
    { limit: 20_000, isolates: 8, messagesMax: 2000 },
  ])('[T23] can use 97 % of $limit requests from $isolates isolates', async ({ limit, isolates, messagesMax }) => {
    for (let seed = 1; seed <= 5; seed++) {
      const world = new SlicedWorld(new Seeded(seed), isolates, CALM);
      world.quota.setRules(CALLER.organisationId, [rule('requests', 'minute', limit)]);
      world.quota.setRules(CALLER.tenantId, []);
      let served = 0;
      // All within one minute, in bursts: every isolate asks for more than its share.
      for (let burst = 0; burst < 50; burst++) {
        world.clock.ms += 1000;
        const codes = Array.from({ length: Math.ceil((limit * 1.5) / 50) }, async () => {
          const reserved = await world.pick(world.isolates).budget.reserve(world.pick(CALLERS.slice(0, 3)), { requests: 1 });
          if (reserved.ok) reserved.value.settle({ requests: 1 }, { route: '/v1/models' });
          return reserved.ok ? 'served' : reserved.error.code;
        });
        await world.settle();
        const answered = await Promise.all(codes);
        served += answered.filter((code) => code === 'served').length;
        expect(answered.filter((code) => code !== 'served' && code !== 'rate_limit_exceeded')).toEqual([]);
      }
      expect(served).toBeLessThanOrEqual(limit);
      expect(served).toBeGreaterThanOrEqual(0.97 * limit);
      expect(world.messages).toBeLessThanOrEqual(messagesMax);
    }
  });

  it('[T20] [T22] [T24] [T36] [T38] [T110] never exceeds a limit under losses, crashes and clock skew', async () => {
    const total: Record<string, number> = {};
    let steps = 0;
    for (let seed = 1; seed <= effort(6, 200); seed++) {
      const random = new Seeded(seed);
      // With a clock that steps, the object's windows differ from those of true time: its own counts are checked, in every message.
      const world = new SlicedWorld(random, 4, { ...FAULTY, steps: seed % 3 === 0 });
      for (const id of new Set(CALLERS.flatMap((caller) => [caller.organisationId, caller.tenantId, caller.projectId, caller.keyId]))) {
        world.quota.setRules(id, randomRules(random));
      }
      for (let step = 0; step < 5_000; step++) {
        steps += 1;
        await oneStep(world);
      }
      await world.settle();
      world.bill();
      if (!world.faults.steps) {
        expect(world.overshoots()).toEqual([]);
        total['lost'] = (total['lost'] ?? 0) + expectLostShown(world);
      }
      // Some random rules allow almost nothing: the billed quantities are checked over all seeds together.
      total['billed'] = (total['billed'] ?? 0) + expectBilledWithinGranted(world);
      for (const [what, count] of Object.entries(world.seen)) total[what] = (total[what] ?? 0) + count;
    }
    expect(steps).toBeGreaterThanOrEqual(effort(30_000, 1_000_000));
    expect(Object.entries(total).filter(([what, count]) => count < (what === 'lost' ? 3 : 20))).toEqual([]);
  });

  it('[T26] serves from its slice while the object is unreachable, then fails closed', async () => {
    const world = new SlicedWorld(new Seeded(1), 1, CALM);
    world.quota.setRules(CALLER.tenantId, [rule('requests', 'minute', 10_000), rule('tokens', 'minute', 100_000)]);
    for (let time = 0; time < 50; time++) await call(world);
    world.isReachable = false;
    const codes: string[] = [];
    for (let time = 0; time < 2000; time++) codes.push(await call(world));
    const last = codes.lastIndexOf('served');
    expect(last).toBeGreaterThan(0);
    expect(codes.slice(last + 1).every((code) => code === 'unavailable')).toBe(true);
    expect(codes.at(-1)).toBe('unavailable');
    world.isReachable = true;
    world.clock.ms += 1000;
    expect(await call(world)).toBe('served');
  });

  it('[T24] does not use a slice after its minute, nor after its second where a rule counts seconds', async () => {
    for (const window of ['minute', 'second'] as const) {
      const world = new SlicedWorld(new Seeded(1), 1, CALM);
      world.clock.ms += 100;
      world.quota.setRules(CALLER.tenantId, [rule('requests', window, 1000), rule('tokens', 'minute', 100_000)]);
      for (let time = 0; time < 20; time++) expect(await call(world)).toBe('served');
      world.isReachable = false;
      world.clock.ms = windowStartMs(window, world.clock.ms) + (window === 'minute' ? 59_999 : 999);
      expect(await call(world)).toBe('served');
      world.clock.ms += 1;
      expect(await call(world)).toBe('unavailable');
    }
  });

  it('[T25] [T27] returns unused quota and budget, and reports a call that can never fit', async () => {
    const world = new SlicedWorld(new Seeded(1), 1, CALM);
    world.quota.setRules(CALLER.tenantId, [
      rule('requests', 'minute', 100),
      rule('tokens', 'minute', 500),
      rule('spend_nano', 'day', 12_400),
    ]);
    const [{ budget }] = world.isolates as [SlicedWorld['isolates'][number]];
    const reserve = async (quantities: Parameters<typeof budget.reserve>[1]) => {
      const reserved = budget.reserve(CALLER, quantities);
      await world.settle();
      const outcome = await reserved;
      if (!outcome.ok) throw new Error(outcome.error.code);
      const extend = async (more: typeof quantities) => {
        const extended = outcome.value.extend(more);
        await world.settle();
        return extended;
      };
      return { ...outcome.value, extend, settle: outcome.value.settle.bind(outcome.value) };
    };
    for (let time = 0; time < 30; time++) {
      const reserved = await reserve({ requests: 1 });
      expect(await reserved.extend({ embedding_tokens: 300 })).toEqual({ ok: true, value: undefined });
      expect(reserved.settle({ requests: 1, embedding_tokens: 3, embedding_cached_tokens: 2 }, { route: '/x' })).toBe(150 + 60 + 4);
      expect(budget.rates(CALLER)).toMatchObject([
        { name: 'requests', limit: 100, remaining: 99 - time },
        { name: 'tokens', limit: 500, remaining: 500 - 5 * (time + 1) },
      ]);
    }
    const last = await reserve({ requests: 1 });
    expect(await last.extend({ embedding_tokens: 501 })).toMatchObject({ error: { code: 'limit_exceeded' } });
    // 30 calls cost 6,420 and this one 150 so far; 292 more tokens would cost 5,840.
    expect(await last.extend({ embedding_tokens: 292 })).toMatchObject({
      error: { code: 'insufficient_quota', message: expect.stringContaining('0.000012400 US dollars a day of the tenant') },
    });
    world.clock.ms += 1000;
    expect(await last.extend({ embedding_tokens: 291 })).toMatchObject({ ok: true });
  });

  it('[T94] near a limit has what a settled call did not use for any isolate, before the slice ends', async () => {
    const world = new SlicedWorld(new Seeded(1), 2, CALM);
    world.quota.setRules(CALLER.tenantId, [rule('tokens', 'minute', 500), rule('spend_nano', 'month', 1_000)]);
    const [first, second] = world.isolates.map(({ budget }) => budget) as [SlicedBudget, SlicedBudget];
    const reserve = async (budget: SlicedBudget, upstream_output_tokens: number) => {
      const reserved = budget.reserve(CALLER, { upstream_output_tokens, upstream_nano: 2 * upstream_output_tokens });
      await world.settle();
      return reserved;
    };
    const whole = await reserve(first, 400);
    expect(await reserve(second, 400)).toMatchObject({ ok: false, error: { code: 'insufficient_quota' } });
    if (whole.ok) whole.value.settle({ upstream_output_tokens: 30, upstream_nano: 60 }, { route: '/x' });
    expect(first.rates(CALLER)).toMatchObject([{ name: 'tokens', limit: 500, remaining: 470 }]);
    await world.settle();
    // Beyond the time for which an isolate remembers a refusal.
    world.clock.ms += 100;
    expect(await reserve(second, 470)).toMatchObject({ ok: true });
    expect(await reserve(first, 1)).toMatchObject({ ok: false });
  });

  it('[T95] knows what is left of a budget: its own calls at once, those of others within a minute', async () => {
    const world = new SlicedWorld(new Seeded(1), 2, CALM);
    world.quota.setRules(CALLER.tenantId, [rule('spend_nano', 'month', 100_000), rule('spend_nano', 'day', 1_000_000)]);
    const [first, second] = world.isolates.map(({ budget }) => budget) as [SlicedBudget, SlicedBudget];
    const spend = async (budget: SlicedBudget, upstream_nano: number, used = upstream_nano) => {
      const reserved = budget.reserve(CALLER, { upstream_nano });
      await world.settle();
      const reservation = await reserved;
      if (reservation.ok) reservation.value.settle({ upstream_nano: used }, { route: '/x' });
      await world.settle();
    };
    expect(first.spendLeft(CALLER)).toBeUndefined();
    await spend(first, 60_000, 10_000);
    expect(first.spendLeft(CALLER)).toEqual({ leftNano: 90_000, leftShare: 0.9 });
    for (let times = 0; times < 4; times += 1) await spend(second, 10_000);
    expect(second.spendLeft(CALLER)).toEqual({ leftNano: 50_000, leftShare: 0.5 });
    world.clock.ms += 60_000;
    await spend(first, 1_000);
    expect(first.spendLeft(CALLER)).toEqual({ leftNano: 49_000, leftShare: 0.49 });
    expect(first.rates(CALLER)).toEqual([]);
  });

  it('[U173] bills each model of one call under its name, and gives back what none of them used', async () => {
    const world = new SlicedWorld(new Seeded(1), 1, CALM);
    world.quota.setRules(CALLER.tenantId, [rule('spend_nano', 'month', 1_000)]);
    const [{ budget, usage }] = world.isolates as [SlicedWorld['isolates'][number]];
    const asked = budget.reserve(CALLER, { upstream_nano: 300 });
    await world.settle();
    const reservation = await asked;
    if (!reservation.ok) throw new Error('not reserved');
    const extended = reservation.value.extend({ upstream_nano: 500, upstream_output_tokens: 9 });
    await world.settle();
    expect(await extended).toMatchObject({ ok: true });
    const teacher = { used: { upstream_nano: 400, upstream_output_tokens: 7 }, model: 'large/m' };
    expect(reservation.value.settle({ upstream_nano: 100, upstream_output_tokens: 2 }, { route: '/x', model: 'small/m' }, [teacher])).toBe(
      500,
    );
    await world.settle();
    expect(budget.spendLeft(CALLER)).toEqual({ leftNano: 500, leftShare: 0.5 });
    const lines = usage
      .batches()
      .flatMap(({ events }) => events.map(({ model, meter, quantity, route }) => `${model} ${meter} ${quantity} ${route}`));
    expect(new Set(lines)).toEqual(
      new Set([
        'small/m upstream_nano 100 /x',
        'small/m upstream_output_tokens 2 /x',
        'large/m upstream_nano 400 /x',
        'large/m upstream_output_tokens 7 /x',
      ]),
    );
  });

  it('[T94] forgets a refusal when a call gives back what may now suffice', async () => {
    const world = new SlicedWorld(new Seeded(1), 1, CALM);
    world.quota.setRules(CALLER.tenantId, [rule('tokens', 'minute', 500)]);
    const [{ budget }] = world.isolates as [SlicedWorld['isolates'][number]];
    const reserve = async () => {
      const reserved = budget.reserve(CALLER, { upstream_output_tokens: 300 });
      await world.settle();
      return reserved;
    };
    const whole = await reserve();
    expect(await reserve()).toMatchObject({ ok: false });
    if (whole.ok) whole.value.settle({ upstream_output_tokens: 1 }, { route: '/x' });
    expect(await reserve()).toMatchObject({ ok: true });
  });

  it('[T38] books what an upstream charges in the month in which it was granted', async () => {
    const world = new SlicedWorld(new Seeded(1), 1, CALM);
    world.clock.ms = Date.UTC(2026, 10, 30, 23, 59, 59, 900);
    const [{ budget, usage }] = world.isolates as [SlicedWorld['isolates'][number]];
    const asked = budget.reserve(CALLER, { requests: 1 });
    await world.settle();
    const reserved = await asked;
    if (!reserved.ok) throw new Error(reserved.error.code);
    world.clock.ms += 200;
    const extended = reserved.value.extend({ upstream_output_tokens: 40, upstream_nano: 1_000 });
    await world.settle();
    expect(await extended).toMatchObject({ ok: true });
    reserved.value.settle({ requests: 1, upstream_output_tokens: 9, upstream_nano: 225 }, { route: '/x', model: 'openai/gpt-5' });
    const [november, december] = [Date.UTC(2026, 10, 30, 23, 59), Date.UTC(2026, 11)];
    expect(usage.batches().flatMap(({ events }) => events.map(({ meter, quantity, atMs }) => [meter, quantity, atMs]))).toEqual([
      ['requests', 1, november],
      ['upstream_output_tokens', 9, december],
      ['upstream_nano', 225, december],
    ]);
  });
});

async function oneStep(world: SlicedWorld): Promise<void> {
  world.clock.ms += Math.floor(world.random.next() * 90);
  if (world.chance(0.001)) world.clock.ms += 3_600_000;
  if (world.faults.steps && world.chance(0.01)) world.stepObjectClock(Math.floor((world.random.next() - 0.5) * 200_000));
  const position = Math.floor(world.random.next() * world.isolates.length);
  if (world.chance(world.faults.crashed)) world.crash(position);
  const isolate = world.isolates[position]!;
  if (world.chance(0.6)) void world.call(isolate, world.pick(CALLERS));
  if (world.chance(0.05)) void isolate.budget.returnIdle();
  if (world.chance(0.02)) world.bill();
  if (world.chance(0.8)) await world.deliver();
  else await setImmediate();
}

/**
 * What callers were told that their calls of this month cost, and the ledger lacks, is part of what is granted and not billed. Answers how often
 * it lacks something: where isolates died with usage that they had not delivered.
 */
function expectLostShown({ quota, used, billed }: SlicedWorld): number {
  let lost = 0;
  for (const tenantId of new Set(CALLERS.map((caller) => caller.tenantId))) {
    const { granted, startsMs } = quota.level(tenantId);
    const told = used.get(`${tenantId} spend_nano month ${startsMs.month}`) ?? 0;
    const own = billed.filter((event) => event.tenantId === tenantId && event.atMs >= startsMs.month);
    const sumOf = (meter: UsageEvent['meter']): number => own.reduce((sum, event) => sum + (event.meter === meter ? event.quantity : 0), 0);
    const { requests, embedding_tokens: tokens } = editionAt(startsMs.month).prices;
    const billedNano = Number(amountNano(sumOf('requests'), requests) + amountNano(sumOf('embedding_tokens'), tokens));
    expect(told - billedNano).toBeLessThanOrEqual(Math.max(0, (granted.spend_nano?.at(-1) ?? 0) - billedNano));
    if (told > billedNano) lost += 1;
  }
  return lost;
}

/** No minute is billed for more requests or tokens than were granted in it: crashes can only make the ledger fall short. */
function expectBilledWithinGranted(world: SlicedWorld): number {
  const billed = new Map<string, number>();
  for (const { atMs, meter, quantity, tenantId } of world.billed) {
    const key = `${tenantId} ${meter === 'requests' ? 'requests' : 'tokens'} ${atMs}`;
    billed.set(key, (billed.get(key) ?? 0) + quantity);
  }
  for (const [key, quantity] of billed) expect(quantity, key).toBeLessThanOrEqual(world.granted.get(key) ?? 0);
  return billed.size;
}

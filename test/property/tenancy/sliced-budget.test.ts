import { describe, expect, it } from 'vitest';

import type { TenantPrincipal } from '../../../src/contract/principal.ts';
import { SlicedBudget } from '../../../src/gateway/tenancy/sliced-budget.ts';
import type { QuotaLedger } from '../../../src/gateway/tenancy/tenant-slices.ts';
import { openAccount, take } from '../../../src/tenancy/quota/account.ts';
import type { Account, Ask } from '../../../src/tenancy/quota/account.ts';
import type { WindowKind } from '../../../src/tenancy/quota/window.ts';
import { WINDOWS, windowStartMs } from '../../../src/tenancy/quota/window.ts';
import { UsageBuffer } from '../../../src/tenancy/usage/usage-buffer.ts';
import { Seeded } from '../../support/seeded.ts';
import { idsOf, ManualClock } from '../../support/tenancy.ts';
import { effort } from '../../support/effort.ts';

const { id: keyId, ...ids } = idsOf(1);
const principal: TenantPrincipal = { kind: 'tenant', ...ids, keyId, owner: 'team', scopes: [] };
const TOKENS = 5;

interface Faults {
  readonly lost: number;
  readonly repeated: number;
  readonly crashed: number;
  readonly skewMs: number;
}

/** Several isolates over one quota object, with messages that get lost or come twice, crashes, and clocks that disagree. */
class World {
  readonly clock = new ManualClock(Date.UTC(2026, 10, 25, 12, 0, 1));
  readonly random: Seeded;
  readonly faults: Faults;
  readonly #sequences = new Map<string, number>();
  account: Account;
  used = { requests: 0, tokens: 0 };
  grants = 0;
  isReachable = true;
  seen = { lost: 0, repeated: 0, crashed: 0, ignored: 0, credited: 0 };
  isolates: { budget: SlicedBudget; clock: { nowMs(): number } }[];
  #made = 0;

  constructor(seed: number, isolateCount: number, limit: number, faults: Faults, window: WindowKind = 'minute') {
    this.random = new Seeded(seed);
    this.faults = faults;
    const open = { minute: null, day: null, month: null };
    this.account = openAccount({ requests: { ...open, [window]: limit }, tokens: { ...open, [window]: limit * TOKENS } });
    this.isolates = Array.from({ length: isolateCount }, () => this.isolate());
  }

  isolate() {
    const isolateId = `isolate-${(this.#made += 1)}`;
    const skewMs = Math.floor(this.random.next() * this.faults.skewMs);
    const clock = { nowMs: () => this.clock.ms + skewMs };
    const usage = new UsageBuffer(isolateId, () => undefined);
    return {
      budget: new SlicedBudget({ ledger: this.#ledger, usage, clock, isolateId, background: () => undefined, onUsage: () => undefined }),
      clock,
    };
  }

  readonly #ledger: QuotaLedger = {
    take: async (_organisation, _tenant, holder, sequence, ask) => {
      await Promise.resolve();
      if (!this.isReachable) throw new Error('unreachable');
      if (this.random.next() < this.faults.lost / 2) return this.#lose();
      const decision = this.#deliver(holder, sequence, ask);
      if (this.random.next() < this.faults.repeated) {
        this.seen.repeated += 1;
        this.#deliver(holder, sequence, ask);
      }
      return this.random.next() < this.faults.lost / 2 ? this.#lose() : decision;
    },
  };

  #lose(): never {
    this.seen.lost += 1;
    throw new Error('lost on the way');
  }

  /** What `QuotaObject.take` does, and the invariant after it. */
  #deliver(holder: string, sequence: number, ask: Ask) {
    const last = this.#sequences.get(holder);
    const isNew = last !== undefined && sequence > last;
    if (last === undefined || sequence > last) this.#sequences.set(holder, sequence);
    if (ask.returned.length > 0) this.seen[isNew ? 'credited' : 'ignored'] += 1;
    const taken = take(this.account, isNew ? ask : { ...ask, returned: [] }, this.clock.ms);
    this.account = taken.account;
    if (taken.decision.kind === 'granted') this.grants += 1;
    for (const resource of ['requests', 'tokens'] as const) {
      for (const window of WINDOWS) {
        const { granted } = taken.account.counters[resource][window];
        expect(granted).toBeLessThanOrEqual(taken.account.limits[resource][window] ?? Infinity);
      }
    }
    return taken.decision;
  }

  async call(isolate: { budget: SlicedBudget }): Promise<string> {
    const reserved = await isolate.budget.reserve(principal, { requests: 1 });
    if (!reserved.ok) return reserved.error.code;
    const wanted = 2 * TOKENS;
    const extended = await reserved.value.extend({ embedding_tokens: wanted });
    const used = extended.ok ? Math.ceil(this.random.next() * wanted) : 0;
    this.used = { requests: this.used.requests + 1, tokens: this.used.tokens + used };
    reserved.value.settle({ requests: 1, embedding_tokens: used }, { route: '/v1/embeddings' });
    return extended.ok ? 'served' : extended.error.code;
  }
}

const CALM: Faults = { lost: 0, repeated: 0, crashed: 0, skewMs: 0 };

describe('budgets over several isolates', () => {
  it.each([
    { limit: 100, isolates: 4, callsMax: 100 },
    { limit: 1000, isolates: 3, callsMax: 1000 },
    // Slices are what keeps the object out of the way.
    { limit: 20_000, isolates: 8, callsMax: 2000 },
  ])('[T23] can use 97 % of $limit requests from $isolates isolates', async ({ limit, isolates, callsMax }) => {
    for (let seed = 1; seed <= 5; seed++) {
      const world = new World(seed, isolates, limit, CALM);
      let served = 0;
      // All within one minute, in bursts: every isolate asks for more than its part.
      for (let burst = 0; burst < 50; burst++) {
        world.clock.ms += 1000;
        const size = Math.ceil((limit * 1.5) / 50);
        const codes = await Promise.all(
          Array.from({ length: size }, async () => {
            const isolate = world.isolates[Math.floor(world.random.next() * isolates)];
            if (isolate === undefined) return 'none';
            const reserved = await isolate.budget.reserve(principal, { requests: 1 });
            if (reserved.ok) reserved.value.settle({ requests: 1 }, { route: '/v1/models' });
            return reserved.ok ? 'served' : reserved.error.code;
          }),
        );
        served += codes.filter((code) => code === 'served').length;
        expect(codes.filter((code) => code !== 'served' && code !== 'rate_limit_exceeded')).toEqual([]);
      }
      expect(served).toBeLessThanOrEqual(limit);
      expect(served).toBeGreaterThanOrEqual(0.97 * limit);
      expect(world.grants).toBeLessThanOrEqual(callsMax);
    }
  });

  it('[T20] [T22] never overshoot, whatever is lost, repeated or crashes and however clocks disagree', async () => {
    const total = { lost: 0, repeated: 0, crashed: 0, ignored: 0, credited: 0, served: 0, refused: 0 };
    for (let seed = 1; seed <= effort(25); seed++) {
      const world = new World(seed, 4, 40 + 15 * seed, { lost: 0.1, repeated: 0.2, crashed: 0.02, skewMs: 400_000 });
      for (let step = 0; step < 300; step++) {
        world.clock.ms += Math.floor(world.random.next() * 900) - (world.random.next() < 0.05 ? 20_000 : 0);
        const chosen = Math.floor(world.random.next() * world.isolates.length);
        if (world.random.next() < world.faults.crashed) {
          world.isolates[chosen] = world.isolate();
          world.seen.crashed += 1;
        }
        const isolate = world.isolates[chosen];
        if (isolate === undefined) continue;
        const codes = await Promise.all(Array.from({ length: 1 + Math.floor(world.random.next() * 4) }, () => world.call(isolate)));
        total.served += codes.filter((code) => code === 'served').length;
        total.refused += codes.filter((code) => code === 'rate_limit_exceeded').length;
        if (world.random.next() < 0.1) {
          await isolate.budget.returnIdle();
          await isolate.budget.returnIdle();
        }
      }
      for (const key of ['lost', 'repeated', 'crashed', 'ignored', 'credited'] as const) total[key] += world.seen[key];
    }
    expect(Object.entries(total).filter(([, count]) => count < 20)).toEqual([]);
  });

  it('[T20] [T22] let nobody use more than the limit, though remainders come back from slices of many minutes', async () => {
    const total = { credited: 0, ignored: 0, repeated: 0, spent: 0 };
    for (let seed = 1; seed <= effort(25); seed++) {
      const limit = 200 + 40 * seed;
      const world = new World(seed, 4, limit, { lost: 0.05, repeated: 0.2, crashed: 0, skewMs: 400_000 }, 'day');
      for (let step = 0; step < 600; step++) {
        world.clock.ms += Math.floor(world.random.next() * 5000);
        const isolate = world.isolates[Math.floor(world.random.next() * 4)];
        if (isolate === undefined) continue;
        const codes = await Promise.all(Array.from({ length: 1 + Math.floor(world.random.next() * 5) }, () => world.call(isolate)));
        if (codes.includes('insufficient_quota')) total.spent += 1;
        if (world.random.next() < 0.1) await isolate.budget.returnIdle();
      }
      expect(world.used.requests).toBeLessThanOrEqual(limit);
      expect(world.used.tokens).toBeLessThanOrEqual(limit * TOKENS);
      for (const key of ['credited', 'ignored', 'repeated'] as const) total[key] += world.seen[key];
    }
    expect(Object.entries(total).filter(([, count]) => count < 20)).toEqual([]);
  });

  it('[T24] does not use a slice after its minute', async () => {
    const world = new World(1, 1, 1000, CALM);
    const [isolate] = world.isolates;
    if (isolate === undefined) return;
    for (let call = 0; call < 20; call++) expect(await world.call(isolate)).toBe('served');
    world.isReachable = false;
    world.clock.ms = windowStartMs('minute', world.clock.ms) + 59_999;
    expect(await world.call(isolate)).toBe('served');
    world.clock.ms += 1;
    expect(await world.call(isolate)).toBe('unavailable');
  });

  it('[T26] serves from the slice at hand while the object is away, then fails closed', async () => {
    const world = new World(1, 1, 10_000, CALM);
    const [isolate] = world.isolates;
    if (isolate === undefined) return;
    for (let call = 0; call < 50; call++) await world.call(isolate);
    world.isReachable = false;
    const codes: string[] = [];
    for (let call = 0; call < 1000; call++) codes.push(await world.call(isolate));
    const last = codes.lastIndexOf('served');
    expect(last).toBeGreaterThan(0);
    expect(codes.slice(last + 1).every((code) => code === 'unavailable')).toBe(true);
    expect(codes.at(-1)).toBe('unavailable');
    world.isReachable = true;
    world.clock.ms += 1000;
    expect(await world.call(isolate)).toBe('served');
  });

  it('[T25] [T27] gives back what was not used, and names a call that can never fit', async () => {
    const world = new World(1, 1, 100, CALM);
    const [isolate] = world.isolates;
    if (isolate === undefined) return;
    for (let call = 0; call < 30; call++) {
      const reserved = await isolate.budget.reserve(principal, { requests: 1 });
      if (!reserved.ok) throw new Error(reserved.error.code);
      expect(await reserved.value.extend({ embedding_tokens: 300 })).toEqual({ ok: true, value: undefined });
      expect(reserved.value.settle({ requests: 1, embedding_tokens: 3, embedding_cached_tokens: 2 }, { route: '/x' })).toBe(150 + 60 + 4);
      expect(isolate.budget.rates(principal)).toMatchObject([
        { name: 'requests', limit: 100, remaining: 99 - call },
        { name: 'tokens', limit: 500, remaining: 500 - 5 * (call + 1) },
      ]);
    }
    const reserved = await isolate.budget.reserve(principal, { requests: 1 });
    if (!reserved.ok) throw new Error(reserved.error.code);
    expect(await reserved.value.extend({ embedding_tokens: 501 })).toMatchObject({ error: { code: 'limit_exceeded' } });
    expect(await reserved.value.extend({ embedding_tokens: 351 })).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
    expect(await reserved.value.extend({ embedding_tokens: 350 })).toMatchObject({ ok: true });
  });
});

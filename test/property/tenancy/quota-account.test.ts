import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Account, Ask, Decision } from '../../../src/tenancy/quota/account.ts';
import { openAccount, take } from '../../../src/tenancy/quota/account.ts';
import type { Amounts } from '../../../src/tenancy/quota/amounts.ts';
import { combine, covers, plus, RESOURCES } from '../../../src/tenancy/quota/amounts.ts';
import type { QuotaLimits } from '../../../src/tenancy/quota/quota-limits.ts';
import type { Slice } from '../../../src/tenancy/quota/slice.ts';
import { windowEndMs, WINDOWS, windowStartMs } from '../../../src/tenancy/quota/window.ts';
import { effort } from '../../support/effort.ts';

const START_MS = Date.UTC(2026, 10, 30, 23, 58, 0); // two minutes before a day and a month end
const SEED = { seed: 6, numRuns: effort(400) };

const limit = (max: number) => fc.option(fc.integer({ min: 0, max }), { nil: null });
const limits: fc.Arbitrary<QuotaLimits> = fc.record({
  requests: fc.record({ minute: limit(40), day: limit(80), month: limit(120) }),
  tokens: fc.record({ minute: limit(4000), day: limit(8000), month: limit(12_000) }),
});
const amounts = fc.record({ requests: fc.integer({ min: 0, max: 12 }), tokens: fc.integer({ min: 0, max: 900 }) });

/** Take, then later hand in a share of some grant; the clock may step either way. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take' as const), need: amounts, more: amounts }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('return' as const), which: fc.nat(20), percent: fc.integer({ min: 0, max: 100 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.integer({ min: -50_000, max: 70_000 }) }) },
);

/** Counts every grant and every credit by hand: a list of what is out, and the latest window of each kind. */
class Oracle {
  readonly #out: { slice: Slice; left: Record<'requests' | 'tokens', number> }[] = [];
  readonly #open = { minute: 0, day: 0, month: 0 };

  tick(nowMs: number): void {
    for (const window of WINDOWS) this.#open[window] = Math.max(this.#open[window], windowStartMs(window, nowMs));
  }

  granted(slice: Slice): void {
    this.#out.push({ slice, left: { ...slice.units } });
  }

  returned(slice: Slice, units: Amounts): void {
    const entry = this.#out.find((other) => other.slice === slice);
    for (const resource of RESOURCES) if (entry !== undefined) entry.left[resource] -= units[resource];
  }

  spent(resource: 'requests' | 'tokens', window: 'minute' | 'day' | 'month'): number {
    return this.#out
      .filter(({ slice }) => slice.startsMs[window] === this.#open[window])
      .reduce((sum, { left }) => sum + left[resource], 0);
  }

  fits(quota: QuotaLimits, need: Amounts): boolean {
    return RESOURCES.every((resource) =>
      WINDOWS.every((window) => {
        const max = quota[resource][window];
        return need[resource] === 0 || max === null || this.spent(resource, window) + need[resource] <= max;
      }),
    );
  }
}

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
const NOTHING = { requests: 0, tokens: 0 };

/** One account, its hand count, and what the steps did to both. */
class Replay {
  readonly seen = { granted: 0, refused: 0, credited: 0, backwards: 0, turned: 0 };
  readonly #oracle = new Oracle();
  readonly #quota: QuotaLimits;
  readonly #slices: Slice[] = [];
  #account: Account;
  #nowMs = START_MS;

  constructor(quota: QuotaLimits) {
    this.#quota = quota;
    this.#account = openAccount(quota);
  }

  run(event: Step): void {
    if (event.kind === 'tick') {
      if (event.ms < 0) this.seen.backwards += 1;
      this.#nowMs += event.ms;
      return;
    }
    if (event.kind === 'return') this.#giveBack(event.which, event.percent);
    else this.#take(event.need, plus(event.need, event.more));
    this.#check();
  }

  #take(need: Amounts, want: Amounts): void {
    this.#oracle.tick(this.#nowMs);
    const fits = this.#oracle.fits(this.#quota, need);
    const decision = this.#ask({ need, draw: need, want, returned: [] });
    expect(decision.kind).toBe(fits ? 'granted' : 'refused');
    this.seen[decision.kind] += 1;
    if (decision.kind === 'refused') return;
    expect(covers(decision.slice.units, need)).toBe(true);
    this.#oracle.granted(decision.slice);
    this.#slices.push(decision.slice);
  }

  #giveBack(which: number, percent: number): void {
    const [slice] = this.#slices.splice(which % Math.max(1, this.#slices.length), 1);
    if (slice === undefined) return;
    const units = combine(slice.units, NOTHING, (granted) => Math.floor((granted * percent) / 100));
    this.#oracle.tick(this.#nowMs);
    this.#ask({ need: NOTHING, draw: NOTHING, want: NOTHING, returned: [{ ...slice, units }] });
    this.#oracle.returned(slice, units);
    this.seen.credited += units.requests;
  }

  #ask(ask: Ask): Decision {
    const taken = take(this.#account, ask, this.#nowMs);
    this.#account = taken.account;
    return taken.decision;
  }

  #check(): void {
    for (const resource of RESOURCES) {
      for (const window of WINDOWS) {
        const { granted } = this.#account.counters[resource][window];
        expect(granted).toBe(this.#oracle.spent(resource, window));
        expect(granted).toBeLessThanOrEqual(this.#quota[resource][window] ?? Infinity);
      }
    }
    if (this.#account.counters.requests.minute.startMs > START_MS) this.seen.turned += 1;
  }
}

const takeOnce = (account: Account, requests: number, tokens: number, nowMs: number) =>
  take(account, { need: { requests, tokens }, draw: { requests, tokens }, want: { requests, tokens }, returned: [] }, nowMs);

describe('the quota account', () => {
  it('[T20] [T21] [T22] grants what a hand count allows, never more, whichever way the clock steps', () => {
    const seen = { granted: 0, refused: 0, credited: 0, backwards: 0, turned: 0 };
    fc.assert(
      fc.property(limits, fc.array(step, { minLength: 30, maxLength: 120 }), (quota, steps) => {
        const replay = new Replay(quota);
        for (const event of steps) replay.run(event);
        for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += replay.seen[key];
      }),
      SEED,
    );
    expect(Object.entries(seen).filter(([, count]) => count < 100)).toEqual([]);
  });

  it('[T25] says how long to wait, and when waiting cannot help', () => {
    const quota: QuotaLimits = {
      requests: { minute: 10, day: 15, month: null },
      tokens: { minute: null, day: null, month: 100 },
    };
    const first = takeOnce(openAccount(quota), 10, 60, START_MS + 1000).account;
    expect(takeOnce(first, 1, 0, START_MS + 1000).decision).toMatchObject({ resource: 'requests', window: 'minute', retryAfterMs: 59_000 });
    expect(takeOnce(first, 11, 0, START_MS + 1000).decision).toMatchObject({ window: 'day', needed: 11, limit: 15, retryAfterMs: 119_000 });
    expect(takeOnce(first, 16, 0, START_MS + 1000).decision).toMatchObject({ window: 'day', retryAfterMs: null });
    expect(takeOnce(first, 0, 41, START_MS + 1000).decision).toMatchObject({ resource: 'tokens', window: 'month', retryAfterMs: 119_000 });
    expect(takeOnce(first, 0, 101, START_MS + 1000).decision).toMatchObject({ resource: 'tokens', retryAfterMs: null });
  });

  it('keeps windows in UTC, and months by the calendar', () => {
    const leapDay = Date.UTC(2028, 1, 29, 13, 5, 7, 8);
    expect(windowStartMs('minute', leapDay)).toBe(Date.UTC(2028, 1, 29, 13, 5));
    expect(windowStartMs('day', leapDay)).toBe(Date.UTC(2028, 1, 29));
    expect(windowStartMs('month', leapDay)).toBe(Date.UTC(2028, 1));
    expect(windowEndMs('month', Date.UTC(2028, 11))).toBe(Date.UTC(2029, 0));
    expect(windowEndMs('month', Date.UTC(2028, 1)) - Date.UTC(2028, 1)).toBe(29 * 86_400_000);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Account, Decision } from '../../../src/tenancy/quota/account.ts';
import { openAccount, take } from '../../../src/tenancy/quota/account.ts';
import type { Amounts } from '../../../src/tenancy/quota/amounts.ts';
import { RESOURCES } from '../../../src/tenancy/quota/amounts.ts';
import type { QuotaLimits } from '../../../src/tenancy/quota/quota-limits.ts';
import type { Slice } from '../../../src/tenancy/quota/slice.ts';
import { windowEndMs, WINDOWS, windowStartMs } from '../../../src/tenancy/quota/window.ts';

const START_MS = Date.UTC(2026, 10, 30, 23, 58, 0); // two minutes before a day and a month end
const SEED = { seed: 6, numRuns: 400 };

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

describe('the quota account', () => {
  it('[T20] [T21] [T22] grants what a hand count allows, never more, whichever way the clock steps', () => {
    const seen = { granted: 0, refused: 0, credited: 0, backwards: 0, turned: 0 };
    fc.assert(
      fc.property(limits, fc.array(step, { minLength: 30, maxLength: 120 }), (quota, steps) => {
        const oracle = new Oracle();
        let account: Account = openAccount(quota);
        let nowMs = START_MS;
        const slices: Slice[] = [];
        const ask = (need: Amounts, want: Amounts, returned: Slice[]): Decision => {
          const taken = take(account, { need, draw: need, want, returned }, nowMs);
          account = taken.account;
          return taken.decision;
        };
        for (const event of steps) {
          if (event.kind === 'tick') {
            if (event.ms < 0) seen.backwards += 1;
            nowMs += event.ms;
            continue;
          }
          if (event.kind === 'return') {
            const [slice] = slices.splice(event.which % Math.max(1, slices.length), 1);
            if (slice === undefined) continue;
            oracle.tick(nowMs);
            const part = (units: number) => Math.floor((units * event.percent) / 100);
            const units = { requests: part(slice.units.requests), tokens: part(slice.units.tokens) };
            ask({ requests: 0, tokens: 0 }, { requests: 0, tokens: 0 }, [{ ...slice, units }]);
            oracle.returned(slice, units);
            seen.credited += units.requests;
          } else {
            oracle.tick(nowMs);
            const { need, more } = event;
            const fits = oracle.fits(quota, need);
            const decision = ask(need, { requests: need.requests + more.requests, tokens: need.tokens + more.tokens }, []);
            expect(decision.kind).toBe(fits ? 'granted' : 'refused');
            if (decision.kind === 'granted') {
              seen.granted += 1;
              for (const resource of RESOURCES) expect(decision.slice.units[resource]).toBeGreaterThanOrEqual(need[resource]);
              oracle.granted(decision.slice);
              slices.push(decision.slice);
            } else seen.refused += 1;
          }
          for (const resource of RESOURCES) {
            for (const window of WINDOWS) {
              const { granted } = account.counters[resource][window];
              expect(granted).toBe(oracle.spent(resource, window));
              expect(granted).toBeLessThanOrEqual(quota[resource][window] ?? Infinity);
            }
          }
          if (account.counters.requests.minute.startMs > START_MS) seen.turned += 1;
        }
      }),
      SEED,
    );
    expect(Object.values(seen).every((count) => count > 100)).toBe(true);
  });

  it('[T25] says how long to wait, and when waiting cannot help', () => {
    const quota: QuotaLimits = {
      requests: { minute: 10, day: 15, month: null },
      tokens: { minute: null, day: null, month: 100 },
    };
    const ask = (account: Account, requests: number, tokens: number, nowMs: number) =>
      take(account, { need: { requests, tokens }, draw: { requests, tokens }, want: { requests, tokens }, returned: [] }, nowMs);
    const first = ask(openAccount(quota), 10, 60, START_MS + 1000).account;
    expect(ask(first, 1, 0, START_MS + 1000).decision).toMatchObject({ resource: 'requests', window: 'minute', retryAfterMs: 59_000 });
    expect(ask(first, 11, 0, START_MS + 1000).decision).toMatchObject({ window: 'day', needed: 11, limit: 15, retryAfterMs: 119_000 });
    expect(ask(first, 16, 0, START_MS + 1000).decision).toMatchObject({ window: 'day', retryAfterMs: null });
    expect(ask(first, 0, 41, START_MS + 1000).decision).toMatchObject({ resource: 'tokens', window: 'month', retryAfterMs: 119_000 });
    expect(ask(first, 0, 101, START_MS + 1000).decision).toMatchObject({ resource: 'tokens', retryAfterMs: null });
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

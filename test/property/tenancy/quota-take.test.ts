import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { QUOTA_WINDOWS } from '../../../src/contract/tenancy/quota-terms.ts';
import type { QuotaRule } from '../../../src/contract/tenancy/quota-rule.ts';
import type { WindowKind } from '../../../src/contract/tenancy/quota-terms.ts';
import type { Amounts, CounterKey } from '../../../src/tenancy/quota/amounts.ts';
import { combine, covers, keysOf, NOTHING, plus } from '../../../src/tenancy/quota/amounts.ts';
import type { Decision } from '../../../src/tenancy/quota/decision.ts';
import type { LevelId } from '../../../src/tenancy/quota/quota-level.ts';
import { counterOf, grantedIn, placeOf } from '../../../src/tenancy/quota/quota-level.ts';
import type { Slice } from '../../../src/tenancy/quota/window.ts';
import { windowEndMs, windowMsMax, windowStartMs } from '../../../src/tenancy/quota/window.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { MemoryQuota, rule } from '../../support/fakes/memory-quota.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const START_MS = Date.UTC(2026, 10, 30, 23, 58, 0); // two minutes before an hour, a day and a month end
const SEED = { seed: 6, numRuns: effort(60, 2_400) };

const { organisationId, tenantId, projectId, id: keyId } = idsOf(1);
/** Two keys of two tenants, which share some of the levels above them. */
const PATHS: readonly (readonly LevelId[])[] = [
  [organisationId, tenantId, projectId, keyId],
  [organisationId, tenantId, projectId, idsOf(3).id],
  [organisationId, idsOf(2).tenantId],
];
const LEVEL_IDS = [...new Set(PATHS.flat())];

const anyRule: fc.Arbitrary<QuotaRule> = fc
  .record({
    resource: fc.constantFrom('requests' as const, 'tokens' as const, 'spend_nano' as const),
    window: fc.constantFrom(...QUOTA_WINDOWS),
    limit: fc.integer({ min: 0, max: 40 }),
    burst: fc.option(fc.integer({ min: 1, max: 20 }), { nil: null, freq: 3 }),
    kind: fc.constantFrom('hard' as const, 'hard' as const, 'hard' as const, 'soft' as const),
  })
  .map(({ resource, window, limit, burst, kind }) =>
    rule(resource, window, limit * (resource === 'requests' ? 1 : 50), {
      kind,
      burst: kind === 'hard' && (window === 'second' || window === 'minute') ? burst : null,
    }),
  );
const rulesOfLevels = fc.array(
  fc.uniqueArray(anyRule, { maxLength: 3, selector: ({ resource, window, kind }) => `${resource}${window}${kind}` }),
  {
    minLength: LEVEL_IDS.length,
    maxLength: LEVEL_IDS.length,
  },
);
const amounts = fc.record({ requests: fc.integer({ min: 0, max: 12 }), tokens: fc.integer({ min: 0, max: 900 }), spend_nano: fc.nat(700) });

/** Takes quota, returns a share of some grant, reserves and settles; the clock may step in either direction. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('take' as const), path: fc.nat(2), need: amounts, more: amounts }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('return' as const), which: fc.nat(20), percent: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reserve' as const), path: fc.nat(2), need: amounts }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const), which: fc.nat(20), percent: fc.nat(100) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.integer({ min: -20_000, max: 50_000 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Grant {
  readonly path: readonly LevelId[];
  readonly slice: Slice;
  readonly left: Record<string, number>;
  /** Units credited so far, each with the windows that were open then, by their start. */
  readonly credits: { readonly units: Amounts; readonly open: Readonly<Record<WindowKind, number>> }[];
}

/** Remembers every grant and credit, and sums them up for each question. */
class Oracle {
  readonly grants: Grant[] = [];
  readonly open: Record<WindowKind, number> = { second: 0, minute: 0, hour: 0, day: 0, month: 0 };

  tick(nowMs: number): void {
    for (const window of QUOTA_WINDOWS) this.open[window] = Math.max(this.open[window], windowStartMs(window, nowMs));
  }

  granted(path: readonly LevelId[], slice: Slice): void {
    this.grants.push({ path, slice, left: { ...slice.units } as Record<string, number>, credits: [] });
  }

  spent(level: LevelId, key: CounterKey, window: WindowKind): number {
    let sum = 0;
    for (const { path, slice, credits } of this.grants) {
      if (!path.includes(level) || slice.startsMs[window] !== this.open[window]) continue;
      sum += slice.units[key] ?? 0;
      for (const { units, open } of credits) if (open[window] === slice.startsMs[window]) sum -= units[key] ?? 0;
    }
    return sum;
  }

  fits(rulesOf: (id: LevelId) => readonly QuotaRule[], path: readonly LevelId[], need: Amounts): boolean {
    return path.every((id) =>
      rulesOf(id).every((one) => {
        const wanted = need[counterOf(one)] ?? 0;
        if (wanted === 0 || one.kind === 'soft' || one.window === 'held') return true;
        return one.burst === null && this.spent(id, counterOf(one), one.window) + wanted <= one.limit;
      }),
    );
  }
}

/** One organisation, the oracle, and counts of what the steps did. */
class Replay {
  readonly seen = { granted: 0, refused: 0, credited: 0, backwards: 0, turned: 0, reserved: 0, settled: 0 };
  readonly #oracle = new Oracle();
  readonly #quota = new MemoryQuota(() => this.#nowMs);
  #nowMs = START_MS;
  #sequence = 0;
  readonly #reserved: { id: string; grant: Grant }[] = [];

  constructor(rules: readonly (readonly QuotaRule[])[]) {
    LEVEL_IDS.forEach((id, position) => this.#quota.setRules(id, rules[position]!));
    const nothing = { need: {}, draw: {}, want: {}, returned: [] };
    this.#quota.take(
      'isolate',
      this.#sequence++,
      PATHS.map((path) => ({ path, ask: nothing })),
    );
    this.#oracle.tick(START_MS);
  }

  run(event: Step): void {
    if (event.kind === 'tick') {
      if (event.ms < 0) this.seen.backwards += 1;
      this.#nowMs += event.ms;
      return;
    }
    this.#oracle.tick(this.#nowMs);
    if (event.kind === 'take') this.#take(PATHS[event.path]!, event.need, plus(event.need, event.more));
    if (event.kind === 'return') this.#giveBack(event.which, event.percent);
    if (event.kind === 'reserve') this.#reserve(PATHS[event.path]!, event.need);
    if (event.kind === 'settle') this.#settle(event.which, event.percent);
    this.#check();
  }

  #take(path: readonly LevelId[], need: Amounts, want: Amounts): void {
    const fits = this.#fits(path, need);
    const { decisions } = this.#quota.take('isolate', this.#sequence++, [{ path, ask: { need, draw: need, want, returned: [] } }]);
    this.#decided(path, need, fits, decisions[0]!);
  }

  #reserve(path: readonly LevelId[], need: Amounts): void {
    const fits = this.#fits(path, need);
    const id = `r${this.#sequence++}`;
    this.#decided(path, need, fits, this.#quota.reserve(id, path, need));
    const grant = this.#oracle.grants.at(-1);
    if (!this.#quota.reservations.has(id) || grant === undefined) return;
    // Repeated under the same id, it is the same single grant.
    expect(this.#quota.reserve(id, path, need)).toMatchObject({ kind: 'granted', slice: grant.slice });
    this.seen.reserved += 1;
    this.#reserved.push({ id, grant });
  }

  #decided(path: readonly LevelId[], need: Amounts, fits: boolean | undefined, decision: Decision): void {
    if (fits !== undefined) expect(decision.kind).toBe(fits ? 'granted' : 'refused');
    this.seen[decision.kind] += 1;
    if (decision.kind === 'refused') return;
    expect(covers(decision.slice.units, need)).toBe(true);
    this.#oracle.granted(path, decision.slice);
  }

  /** Undefined where a rule has a burst: the next test covers those. */
  #fits(path: readonly LevelId[], need: Amounts): boolean | undefined {
    if (path.some((id) => this.#quota.level(id).rules.some(({ burst }) => burst !== null))) return undefined;
    return this.#oracle.fits((id) => this.#quota.level(id).rules, path, need);
  }

  #giveBack(which: number, percent: number): void {
    const out = this.#oracle.grants.filter((grant) => !this.#reserved.some((other) => other.grant === grant));
    const grant = out[which % Math.max(1, out.length)];
    if (grant === undefined) return;
    const units = combine(grant.left, NOTHING, (left) => Math.floor((left * percent) / 100));
    for (const key of keysOf(units)) grant.left[key]! -= units[key] ?? 0;
    const returned = [{ ...grant.slice, units }];
    this.#quota.take('isolate', this.#sequence++, [{ path: grant.path, ask: { need: {}, draw: {}, want: {}, returned } }]);
    grant.credits.push({ units, open: { ...this.#oracle.open } });
    this.seen.credited += units.requests ?? 0;
  }

  #settle(which: number, percent: number): void {
    const [chosen] = this.#reserved.splice(which % Math.max(1, this.#reserved.length), 1);
    if (chosen === undefined) return;
    const used = combine(chosen.grant.slice.units, NOTHING, (units) => Math.floor((units * percent) / 100));
    for (let time = 0; time < 2; time++) this.#quota.settle(chosen.id, used);
    const rest = combine(chosen.grant.slice.units, used, (units, taken) => units - taken);
    for (const key of keysOf(chosen.grant.left)) chosen.grant.left[key] = 0;
    chosen.grant.credits.push({ units: rest, open: { ...this.#oracle.open } });
    this.seen.settled += 1;
  }

  #check(): void {
    for (const id of LEVEL_IDS) {
      const level = this.#quota.level(id);
      if (level.startsMs.second !== this.#oracle.open.second) continue;
      for (const window of QUOTA_WINDOWS) {
        for (const key of ['requests', 'tokens', 'spend_nano'] as const) {
          expect(grantedIn(level, key, window)).toBe(this.#oracle.spent(id, key, window));
        }
      }
      for (const one of level.rules) {
        if (one.kind === 'soft' || one.window === 'held') continue;
        if (one.burst === null) expect(grantedIn(level, counterOf(one), one.window)).toBeLessThanOrEqual(one.limit);
        else this.#checkBucket(id, one);
      }
    }
    if (this.#oracle.open.minute > START_MS) this.seen.turned += 1;
  }

  #checkBucket(id: LevelId, one: QuotaRule): void {
    const bucket = this.#quota.level(id).buckets[placeOf(one)];
    if (bucket === undefined) return;
    expect(bucket.level).toBeGreaterThanOrEqual(0);
    expect(bucket.level).toBeLessThanOrEqual(one.burst! * windowMsMax(one.window as WindowKind));
  }
}

describe('the quota algebra', () => {
  it('[T20] [T21] [T22] [T36] grants at all levels what an independent count allows, at any clock steps', () => {
    const seen = { granted: 0, refused: 0, credited: 0, backwards: 0, turned: 0, reserved: 0, settled: 0 };
    fc.assert(
      fc.property(rulesOfLevels, fc.array(step, { minLength: 30, maxLength: 100 }), (rules, steps) => {
        const replay = new Replay(rules);
        for (const event of steps) replay.run(event);
        for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += replay.seen[key];
      }),
      SEED,
    );
    expect(Object.entries(seen).filter(([, count]) => count < 50)).toEqual([]);
  });

  it('[T37] grants in no interval more than the burst and the refill of that interval', () => {
    let throttled = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 20 }),
        fc.array(fc.record({ afterMs: fc.integer({ min: -300, max: 900 }), need: fc.integer({ min: 1, max: 8 }), back: fc.nat(100) }), {
          minLength: 20,
          maxLength: 60,
        }),
        (burst, limit, calls) => {
          let nowMs = START_MS;
          let clockMs = START_MS;
          const quota = new MemoryQuota(() => nowMs);
          quota.setRules(organisationId, [rule('requests', 'second', limit, { burst })]);
          quota.take('isolate', 0, [{ path: [organisationId], ask: { need: {}, draw: {}, want: {}, returned: [] } }]);
          const taken: { atMs: number; units: number }[] = [];
          calls.forEach(({ afterMs, need, back }, position) => {
            nowMs += afterMs;
            clockMs = Math.max(clockMs, nowMs);
            const ask = { need: { requests: need }, draw: { requests: need }, want: { requests: need }, returned: [] as Slice[] };
            const [decision] = quota.take('isolate', 2 * position + 1, [{ path: [organisationId], ask }]).decisions;
            if (decision?.kind !== 'granted') {
              throttled += 1;
              return;
            }
            const returned = [{ ...decision.slice, units: { requests: Math.floor((need * back) / 100) } }];
            taken.push({ atMs: clockMs, units: need - Math.floor((need * back) / 100) });
            quota.take('isolate', 2 * position + 2, [{ path: [organisationId], ask: { need: {}, draw: {}, want: {}, returned } }]);
          });
          taken.forEach((first, from) => {
            let units = 0;
            for (const { atMs, units: more } of taken.slice(from)) {
              units += more;
              expect(units).toBeLessThanOrEqual(burst + ((atMs - first.atMs) * limit) / 1000);
            }
          });
        },
      ),
      SEED,
    );
    expect(throttled).toBeGreaterThan(100);
  });

  it('[T25] reports how long to wait, and when waiting cannot help', () => {
    const quota = new MemoryQuota(() => START_MS + 1000);
    const ask = (need: Amounts) =>
      quota.take('isolate', 0, [{ path: PATHS[0]!, ask: { need, draw: need, want: need, returned: [] } }]).decisions[0];
    quota.setRules(tenantId, [rule('requests', 'minute', 10), rule('requests', 'day', 15), rule('tokens', 'month', 100)]);
    quota.setRules(keyId, [rule('queries', 'second', 4, { burst: 8 })]);
    expect(ask({ requests: 9, tokens: 60, queries: 8 })).toMatchObject({ kind: 'granted', window: 'minute', lifeMs: 59_000 });
    expect(ask({ requests: 2 })).toMatchObject({ level: 'tenant', rule: { window: 'minute' }, retryAfterMs: 59_000 });
    expect(ask({ requests: 11 })).toMatchObject({ rule: { window: 'minute' }, needed: 11, retryAfterMs: null });
    expect(ask({ tokens: 41 })).toMatchObject({ rule: { resource: 'tokens', window: 'month' }, retryAfterMs: 119_000 });
    expect(ask({ tokens: 101 })).toMatchObject({ rule: { resource: 'tokens' }, retryAfterMs: null });
    expect(ask({ queries: 2 })).toMatchObject({ level: 'key', rule: { resource: 'queries', burst: 8 }, retryAfterMs: 500 });
    expect(ask({ queries: 9 })).toMatchObject({ rule: { resource: 'queries' }, retryAfterMs: null });
  });

  it('keeps windows in UTC, and months by the calendar', () => {
    const leapDay = Date.UTC(2028, 1, 29, 13, 5, 7, 8);
    expect(QUOTA_WINDOWS.map((window) => windowStartMs(window, leapDay))).toEqual([
      Date.UTC(2028, 1, 29, 13, 5, 7),
      Date.UTC(2028, 1, 29, 13, 5),
      Date.UTC(2028, 1, 29, 13),
      Date.UTC(2028, 1, 29),
      Date.UTC(2028, 1),
    ]);
    expect(windowEndMs('month', Date.UTC(2028, 11))).toBe(Date.UTC(2029, 0));
    expect(windowEndMs('month', Date.UTC(2028, 1)) - Date.UTC(2028, 1)).toBe(29 * 86_400_000);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';

import { PLANNING_LIMITS } from '../../../src/contract/planning/planning-limits.ts';
import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import { burnsOf, MINUTES_KEPT_MS, errorBudget } from '../../../src/slo/error-budget.ts';
import type { EventCounts, Objective } from '../../../src/slo/objective.ts';
import { countersFromMs, decidedWaits, grownBy } from '../../../src/slo/observation.ts';
import type { DatedNews } from '../../../src/slo/slo-register.ts';
import { SloRegister } from '../../../src/slo/slo-register.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 10, 10, 12);

const OBJECTIVE: Omit<Objective, 'createdAtMs'> = {
  name: 'answers',
  indicator: { kind: 'availability', by: 'route', name: 'support' },
  target: 0.999,
  windowDays: 30,
  owner: 'search-team',
};

/** The same counts in whatever span. */
const always = (good: number, total: number) => (): EventCounts => ({ good, total });

describe('burn policies', () => {
  const objective = { ...OBJECTIVE, createdAtMs: 0 };
  const firingAt = (long: EventCounts, short: EventCounts, before: Parameters<typeof burnsOf>[1] = new Set()) =>
    burnsOf(objective, before, (spanMs) => (spanMs >= HOUR_MS ? long : short), 20)[0]?.isFiring;

  it('[SL1] fire at 14.4, 6 and 1 of a window of 30 days, and at the same shares of the budget of another', () => {
    const thresholds = (windowDays: number) =>
      burnsOf({ ...objective, windowDays }, new Set(), always(1, 1), 20).map(({ threshold }) => threshold);
    expect(thresholds(30).map((rate) => Number(rate.toFixed(6)))).toEqual([14.4, 6, 1]);
    expect(thresholds(7)[0]).toBeCloseTo((0.02 * 7 * 24) / 1, 9);
    // A rate below 1 spends no budget, however short the window.
    expect(thresholds(7)[2]).toBe(1);
    const spans = burnsOf(objective, new Set(), always(1, 1), 20).map(({ longMs, shortMs }) => [longMs / HOUR_MS, shortMs / MINUTE_MS]);
    expect(spans).toEqual([
      [1, 5],
      [6, 30],
      [72, 360],
    ]);
  });

  it('[SL2] fire only while both spans burn, with enough events, and clear when the short one does not', () => {
    const [bad, good] = [
      { good: 980, total: 1_000 },
      { good: 1_000, total: 1_000 },
    ];
    expect(firingAt(bad, bad)).toBe(true);
    expect(firingAt(bad, good)).toBe(false);
    expect(firingAt(good, bad)).toBe(false);
    expect(firingAt({ good: 0, total: 19 }, bad)).toBe(false);
    expect(firingAt({ good: 0, total: 20 }, bad)).toBe(true);
    expect(firingAt(good, bad, new Set(['page_fast']))).toBe(true);
    expect(firingAt(bad, good, new Set(['page_fast']))).toBe(false);
  });

  it('exactly at the threshold they fire', () => {
    const half: Objective = { ...objective, target: 0.5, windowDays: 1 };
    expect(burnsOf(half, new Set(), always(50, 100), 20)[0]).toMatchObject({ isFiring: true, threshold: 1, longRate: 1 });
    expect(burnsOf(half, new Set(), always(51, 100), 20)[0]).toMatchObject({ isFiring: false });
  });

  it('[SL8] without events an objective is neither met nor missed', () => {
    expect(errorBudget(objective, { good: 0, total: 0 })).toMatchObject({ attained: undefined, spent: 0 });
    expect(errorBudget(objective, { good: 998, total: 1_000 })).toMatchObject({ attained: 0.998, spent: expect.closeTo(2, 6) });
  });
});

describe('an observation', () => {
  const hour = Math.floor(START_MS / HOUR_MS);

  it('[SL4] takes whole hours the first time, and then what counters have grown by, however late', () => {
    const first = grownBy(
      {},
      [
        { hour: hour - 5, good: 9, total: 10 },
        { hour, good: 3, total: 3 },
      ],
      START_MS + MINUTE_MS,
    );
    expect(first.samples).toEqual([
      { atMs: (hour - 5) * HOUR_MS, good: 9, total: 10 },
      { atMs: START_MS + MINUTE_MS, good: 3, total: 3 },
    ]);
    const again = grownBy(first.cursor, [{ hour, good: 3, total: 3 }], START_MS + 2 * MINUTE_MS);
    expect(again.samples).toEqual([]);
    // An hour that was over, and one that nothing was seen of.
    const late = grownBy(
      again.cursor,
      [
        { hour: hour - 1, good: 1, total: 2 },
        { hour, good: 4, total: 5 },
      ],
      START_MS + 3 * MINUTE_MS,
    );
    expect(late.samples).toEqual([{ atMs: START_MS + 3 * MINUTE_MS, good: 2, total: 4 }]);
    // After an outage of five hours, those in between are no events of now.
    const afterMs = START_MS + 5 * HOUR_MS;
    const after = grownBy(
      late.cursor,
      [
        { hour, good: 5, total: 6 },
        { hour: hour + 2, good: 7, total: 9 },
        { hour: hour + 5, good: 1, total: 1 },
      ],
      afterMs,
    );
    expect(after.samples).toEqual([
      { atMs: (hour + 2) * HOUR_MS, good: 7, total: 9 },
      { atMs: afterMs, good: 2, total: 2 },
    ]);
  });

  it('[SL4] reads all of the window at first, and then the hours that may still grow', () => {
    expect(countersFromMs({}, 30 * DAY_MS, START_MS)).toBe(START_MS - 30 * DAY_MS);
    expect(countersFromMs({ seen: {}, untilMs: START_MS + 5 }, 30 * DAY_MS, START_MS + 4 * HOUR_MS)).toBe(START_MS - 2 * HOUR_MS);
  });

  it('[SL7] of waits counts jobs once they are decided, and none that was cancelled before', () => {
    const job = (createdAtMs: number, startedAtMs: number | null, finishedAtMs: number | null = null) => ({
      createdAtMs,
      startedAtMs,
      finishedAtMs,
    });
    const { samples, cursor } = decidedWaits([job(0, 10), job(1, 12), job(2, null), job(3, null, 5), job(4, null, 15)], 10, 4);
    // The last one was cancelled after its time to start had passed.
    expect(samples.map(({ good }) => good)).toEqual([1, 0, 0, 0]);
    expect(cursor).toEqual({ untilMs: 4 });
  });
});

describe('a register of objectives', () => {
  let storage: SqlStorage;
  let nowMs: number;
  let register: SloRegister;
  let kept: DatedNews[];

  beforeEach(() => {
    storage = new NodeSql();
    nowMs = START_MS;
    register = new SloRegister(storage, { nowMs: () => nowMs });
    kept = [];
    register.put(OBJECTIVE, undefined);
  });

  const observe = (good: number, total: number): void =>
    register.observe(
      { ...OBJECTIVE, createdAtMs: START_MS },
      { samples: [{ atMs: nowMs, good, total }], cursor: { untilMs: nowMs } },
      (news) => kept.push(...news),
    );
  const view = () => {
    const found = register.view('answers');
    if (!found.ok) throw new Error(found.error.message);
    return found.value;
  };

  it('[SL3] has one alert of a firing and one of its clearing, however often it is started anew', () => {
    for (let minute = 0; minute < 10; minute++) {
      observe(90, 100);
      nowMs += MINUTE_MS;
      register = new SloRegister(storage, { nowMs: () => nowMs });
    }
    const kinds = () => kept.map(({ kind, policy }) => `${kind} ${policy}`);
    expect(kinds()).toEqual(['slo.burning page_fast', 'slo.burning page_slow', 'slo.burning ticket']);
    for (let minute = 0; minute < 7; minute++) {
      observe(100, 100);
      nowMs += MINUTE_MS;
    }
    expect(kinds().slice(3)).toEqual(['slo.recovered page_fast']);
    expect(new Set(kept.map(({ id }) => id)).size).toBe(kept.length);
  });

  it('[SL6] keeps hours of what is old, with the same sums, and nothing from before the window', () => {
    for (let minute = 0; minute < 12 * 60; minute++) {
      observe(1, 2);
      nowMs += MINUTE_MS;
    }
    expect(view().budget.events).toEqual({ good: 720, total: 1_440 });
    const rows = storage.sql.exec<{ at: number }>('SELECT at_ms AS at FROM samples ORDER BY at_ms').toArray();
    expect(rows.length).toBe(12 * 60 - 4 * 59);
    const oldMinutes = rows.filter(({ at }) => at % HOUR_MS !== 0 && at < nowMs - MINUTES_KEPT_MS - HOUR_MS);
    expect(oldMinutes).toEqual([]);
    nowMs += 31 * DAY_MS;
    observe(5, 5);
    expect(view().budget.events).toEqual({ good: 5, total: 5 });
  });

  it('[SL10] counts nothing that was observed of another objective of the name', () => {
    const events = () => view().budget.events.total;
    const other = { ...OBJECTIVE, indicator: { kind: 'recall', index: 'a' } } as const;
    const observed = { samples: [{ atMs: nowMs, good: 1, total: 1 }], cursor: {} };
    register.observe({ ...other, createdAtMs: START_MS }, observed, () => {});
    register.observe({ ...OBJECTIVE, createdAtMs: START_MS - 1 }, observed, () => {});
    expect(events()).toBe(0);
    register.observe({ ...OBJECTIVE, target: 0.5, createdAtMs: START_MS }, observed, () => {});
    expect(events()).toBe(1);
  });

  it('[SL12] counts calls anew over a longer window, and drops what was read for the shorter one', () => {
    observe(90, 100);
    const cursorIn = () => register.all().map(({ cursor }) => cursor);
    register.put({ ...OBJECTIVE, windowDays: 20 }, undefined);
    expect([view().budget.events.total, cursorIn()]).toEqual([100, [{ untilMs: nowMs }]]);
    register.put(OBJECTIVE, undefined);
    expect([view().budget.events.total, cursorIn()]).toEqual([0, [{}]]);
    const shorter = { ...OBJECTIVE, windowDays: 20, createdAtMs: START_MS };
    register.observe(shorter, { samples: [{ atMs: nowMs, good: 1, total: 1 }], cursor: { untilMs: nowMs } }, () => {});
    expect([view().budget.events.total, cursorIn()]).toEqual([0, [{}]]);
    observe(90, 100);
    // What fires goes on firing: it is alerted of once.
    expect(kept.map(({ kind }) => kind)).toEqual(['slo.burning', 'slo.burning', 'slo.burning']);
  });

  it('[SL12] keeps what it has seen of an endpoint in a longer window: the ledger may have less', () => {
    const ofEndpoint = { ...OBJECTIVE, indicator: { kind: 'availability', by: 'endpoint', name: 'POST /v1/embeddings' } as const };
    const shorter = { ...ofEndpoint, windowDays: 20 };
    register.put(shorter, undefined);
    const seen = { samples: [{ atMs: nowMs, good: 90, total: 100 }], cursor: { untilMs: nowMs } };
    register.observe({ ...shorter, createdAtMs: START_MS }, seen, () => {});
    register.put(ofEndpoint, undefined);
    expect(view().budget.events.total).toBe(100);
  });

  it('begins anew with another indicator, and goes on with another target', () => {
    observe(1, 2);
    register.put({ ...OBJECTIVE, target: 0.9 }, undefined);
    expect(view().budget).toMatchObject({ events: { total: 2 }, spent: expect.closeTo(5, 6) });
    register.put({ ...OBJECTIVE, indicator: { kind: 'recall', index: 'a' } }, undefined);
    expect(view().budget.events.total).toBe(0);
  });

  it('refuses more than it may have, what comes after its lease, and what is not there', () => {
    for (let count = 1; count < PLANNING_LIMITS.slosMaxCount; count++) register.put({ ...OBJECTIVE, name: `o-${count}` }, undefined);
    expect(register.put({ ...OBJECTIVE, name: 'more' }, undefined)).toMatchObject({ ok: false, error: { code: 'limit_exceeded' } });
    expect(register.put(OBJECTIVE, undefined)).toMatchObject({ ok: true });
    expect(register.put(OBJECTIVE, { endsAtMs: nowMs })).toMatchObject({ ok: false, error: { code: 'lease_expired' } });
    expect(register.remove('answers', { endsAtMs: nowMs })).toMatchObject({ ok: false, error: { code: 'lease_expired' } });
    expect(register.remove('answers', undefined)).toEqual({ ok: true, value: null });
    expect(register.remove('answers', undefined)).toMatchObject({ ok: false, error: { code: 'record_not_found' } });
    // One that was deleted while it was observed takes nothing.
    observe(1, 1);
    expect(kept).toEqual([]);
  });

  it('writes nothing as long as it is only read', () => {
    const untouched = new NodeSql();
    const unread = new SloRegister(untouched, { nowMs: () => nowMs });
    expect([unread.views(), unread.view('x').ok, unread.remove('x', undefined).ok]).toEqual([[], false, false]);
    expect(untouched.sql.exec("SELECT name FROM sqlite_master WHERE type = 'table'").toArray()).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';

import { PLANNING_LIMITS } from '../../../../src/contract/planning/planning-limits.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { SloObserver } from '../../../../src/gateway/planning/slo-observer.ts';
import type { Indicator, Objective } from '../../../../src/slo/objective.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 10, 12, 30);
const TENANT = 'tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j' as TenantId;

const of = (indicator: Indicator): Objective => ({
  name: 'o',
  indicator,
  target: 0.9,
  windowDays: 30,
  owner: 'team',
  createdAtMs: NOW_MS - HOUR_MS,
});

interface Job {
  readonly id: string;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: null;
}

/** A cell that answers jobs newest first, a page at a time. */
const cellOf = (all: readonly Job[]) => ({
  jobs: async (_: TenantId, filter: { createdFromMs: number; createdUntilMs: number }, limit: number, after?: string) => {
    const found = all
      .filter(({ createdAtMs }) => createdAtMs >= filter.createdFromMs && createdAtMs < filter.createdUntilMs)
      .toSorted((a, b) => b.createdAtMs - a.createdAtMs);
    const from = after === undefined ? 0 : found.findIndex(({ id }) => id === after) + 1;
    const jobs = found.slice(from, from + limit);
    return ok({ jobs, next: from + limit < found.length ? (jobs.at(-1)?.id ?? null) : null });
  },
});

const hours = [{ hour: Math.floor(NOW_MS / HOUR_MS), valid: 100, answered: 90, within: 80 }];

const callsAsked: unknown[] = [];

const observerOf = (jobs: readonly Job[] = [], measured: { mean: number } | undefined = { mean: 0.95 }, nowMs = NOW_MS) =>
  new SloObserver({
    logOf: () => ({ hours: async () => hours }),
    callHours: async (...asked) => [callsAsked.push(asked), ...hours].slice(1) as typeof hours,
    jobs: cellOf(jobs) as never,
    recallOf: async () => ok(measured as never),
    waitingOf: async () => ok(7),
    clock: { nowMs: () => nowMs },
  });

async function seen(indicator: Indicator, observer = observerOf(), cursor = {}) {
  const observed = await observer.observe(TENANT, of(indicator), cursor);
  if (!observed.ok) throw new Error(observed.error.message);
  return observed.value;
}

describe('an objective is observed', () => {
  it('[SL5] in calls: answered of those that count, and in time of those answered', async () => {
    expect((await seen({ kind: 'availability', by: 'route', name: 'r' }))?.samples).toEqual([{ atMs: NOW_MS, good: 90, total: 100 }]);
    expect((await seen({ kind: 'latency', by: 'route', name: 'r', belowMs: 5 }))?.samples).toEqual([{ atMs: NOW_MS, good: 80, total: 90 }]);
  });

  it('[SL13] in calls of an endpoint, by the pattern of its path', async () => {
    callsAsked.length = 0;
    const name = 'POST /v1/indexes/{index}/query/batch';
    expect((await seen({ kind: 'availability', by: 'endpoint', name }))?.samples).toEqual([{ atMs: NOW_MS, good: 90, total: 100 }]);
    const latency = await seen({ kind: 'latency', by: 'endpoint', name: 'POST /v2/models/{model}/versions/{version}/infer', belowMs: 250 });
    expect(latency?.samples).toEqual([{ atMs: NOW_MS, good: 80, total: 90 }]);
    const windowFromMs = NOW_MS - 30 * 24 * HOUR_MS;
    expect(callsAsked).toEqual([
      [TENANT, 'POST /v1/indexes/:index/query/batch', windowFromMs, 0],
      [TENANT, 'POST /v2/models/:model/versions/:version/infer', windowFromMs, 250],
    ]);
  });

  it('[SL7] in jobs, each once and also where there are more than one look takes', async () => {
    const count = 2 * PLANNING_LIMITS.sloJobsMaxCount + 300;
    const jobs = Array.from({ length: count }, (_, at) => {
      const createdAtMs = NOW_MS - HOUR_MS + at * 1_000;
      return { id: `job_${at}`, createdAtMs, startedAtMs: createdAtMs + (at % 2 === 0 ? 1_000 : 90_000), finishedAtMs: null };
    });
    let [cursor, total, good]: [object, number, number] = [{}, 0, 0];
    for (let looks = 0; looks < 10; looks++) {
      const observed = await seen({ kind: 'queue_wait', queue: null, belowMs: 60_000 }, observerOf(jobs), cursor);
      if (observed === undefined) break;
      expect(observed.samples.length).toBeLessThanOrEqual(PLANNING_LIMITS.sloJobsMaxCount);
      total += observed.samples.length;
      good += observed.samples.filter((sample) => sample.good === 1).length;
      ({ cursor } = observed);
    }
    expect([total, good]).toEqual([count, count / 2]);
  });

  it('in recall, every six hours, and not where there is nothing to measure', async () => {
    const measured = await seen({ kind: 'recall', index: 'a' });
    expect(measured).toEqual({ samples: [{ atMs: NOW_MS, good: 190, total: 200 }], cursor: { untilMs: NOW_MS + 6 * HOUR_MS } });
    expect(await seen({ kind: 'recall', index: 'a' }, observerOf(), { untilMs: NOW_MS + 1 })).toBeUndefined();
    expect((await seen({ kind: 'recall', index: 'a' }, new SloObserver({ ...partsOfEmpty }), {}))?.samples).toEqual([]);
  });

  it('[SL11] in vectors that wait, one event a minute', async () => {
    const good = async (waitingMax: number) => (await seen({ kind: 'freshness', index: 'a', waitingMax }))?.samples;
    expect(await good(7)).toEqual([{ atMs: NOW_MS, good: 1, total: 1 }]);
    expect(await good(6)).toEqual([{ atMs: NOW_MS, good: 0, total: 1 }]);
    const first = await seen({ kind: 'freshness', index: 'a', waitingMax: 7 });
    expect(await seen({ kind: 'freshness', index: 'a', waitingMax: 7 }, observerOf(), first?.cursor)).toBeUndefined();
    const later = observerOf([], undefined, NOW_MS + 60_000);
    expect((await seen({ kind: 'freshness', index: 'a', waitingMax: 7 }, later, first?.cursor))?.samples).toHaveLength(1);
  });
});

it('has no events of an index that is not there', async () => {
  const gone = async () => refuse('index_not_found', 'no index');
  const observer = new SloObserver({ ...partsOfEmpty, recallOf: gone, waitingOf: gone });
  expect(await seen({ kind: 'recall', index: 'a' }, observer)).toBeUndefined();
  expect(await seen({ kind: 'freshness', index: 'a', waitingMax: 1 }, observer)).toBeUndefined();
  const unreachable = async () => refuse('unavailable', 'later');
  const failing = new SloObserver({ ...partsOfEmpty, waitingOf: unreachable });
  expect(await failing.observe(TENANT, of({ kind: 'freshness', index: 'a', waitingMax: 1 }), {})).toMatchObject({ ok: false });
});

const partsOfEmpty = {
  logOf: () => ({ hours: async () => [] }),
  callHours: async () => [],
  jobs: cellOf([]) as never,
  recallOf: async () => ok(undefined),
  waitingOf: async () => ok(0),
  clock: { nowMs: () => NOW_MS },
};

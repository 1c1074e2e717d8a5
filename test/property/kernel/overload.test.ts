import { describe, expect, it } from 'vitest';

import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import { must } from '../../../src/kernel/assert.ts';
import { effort } from '../../support/fixtures/effort.ts';
import type { Costs, Crowd, CrowdResult } from '../../support/worlds/overload-world.ts';
import { OverloadWorld, SEARCH } from '../../support/worlds/overload-world.ts';

const scaled = (times: number): Costs => ({
  frontMs: SEARCH.frontMs * times,
  lookMs: SEARCH.lookMs * times,
  bodyMs: SEARCH.bodyMs * times,
  readMs: SEARCH.readMs * times,
  replyMs: SEARCH.replyMs * times,
});

interface Work {
  readonly costs: Costs;
  readonly areApart?: boolean;
  /** Seconds until the crowd that comes at the same moment is served, and the rate is known. */
  readonly warmS: number;
}

/** A search on one thread, on threads of their own; one that is slow; and an embedding, which asks no shard. */
const WORKS: Readonly<Record<string, Work>> = {
  search: { costs: SEARCH, warmS: 3 },
  'search, shard apart': { costs: SEARCH, areApart: true, warmS: 3 },
  'slow search': { costs: scaled(3), warmS: 6 },
  embedding: { costs: { ...SEARCH, bodyMs: 0.05, readMs: 0 }, warmS: 3 },
};
const NAMES = Object.keys(WORKS);

const MEASURED_S = effort(2, 20);
const CASES = [
  { times: 1.5, isPolite: false },
  { times: 10, isPolite: false },
  { times: 10, isPolite: true },
  ...(effort(0, 1) === 0 ? [] : [1, 1.5, 3].map((times) => ({ times, isPolite: true }))),
];

const workOf = (name: string): Work => must(WORKS[name], 'a work by its name');
const untilOf = (work: Work): number => (work.warmS + MEASURED_S) * 1_000;

/** Calls that were served in a second, once all is warm. */
const perS = ({ perSecond }: CrowdResult, { warmS }: Work): number =>
  perSecond.slice(warmS, warmS + MEASURED_S).reduce((sum, count) => sum + count, 0) / MEASURED_S;

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(share * values.length)] ?? 0;

const run = (work: Work, crowds: readonly Omit<Crowd, 'untilMs'>[]): Promise<CrowdResult[]> =>
  new OverloadWorld(work).run(crowds.map((crowd) => ({ untilMs: untilOf(work), ...crowd })));

const peaks = new Map<string, number>();

async function peakOf(name: string): Promise<number> {
  const work = workOf(name);
  const known = peaks.get(name);
  if (known !== undefined) return known;
  const [result] = await run(work, [{ owner: 'a', connections: 32, isPolite: true }]);
  const peak = perS(must(result, 'of the one crowd'), work);
  peaks.set(name, peak);
  return peak;
}

describe.each(NAMES)('%s', (name) => {
  const work = workOf(name);

  it.each(CASES)('[OL6] serves nine tenths of the peak at $times times capacity (polite: $isPolite)', async ({ times, isPolite }) => {
    const peak = await peakOf(name);
    const [result] = await run(work, [{ owner: 'a', connections: 1_000, perS: peak * times, isPolite }]);
    const { latenciesMs } = must(result, 'of the one crowd');
    expect(perS(must(result, 'of the one crowd'), work)).toBeGreaterThan(0.9 * peak);
    expect(quantile(latenciesMs, 0.99)).toBeLessThan(API_LIMITS.queryDeadlineMaxMs);
  });

  it('[OL7] keeps the share of another owner, however many calls one has', async () => {
    const few = { owner: 'few', connections: 32, perS: 60, isPolite: true };
    const [, kept] = await run(work, [{ owner: 'many', connections: 1_000, isPolite: false }, few]);
    const { latenciesMs, refused } = must(kept, 'of the second crowd');
    expect(perS(must(kept, 'of the second crowd'), work)).toBeGreaterThan(0.9 * 60);
    expect(quantile(latenciesMs, 0.5)).toBeLessThan(250);
    expect(refused).toBe(0);
  });

  it('[OL8] is as before five seconds after an overload has ended', async () => {
    const crowd = { owner: 'a', connections: 1_000, isPolite: false, budgetMs: 1_000, untilMs: 2_000 };
    const later = { owner: 'a', connections: 16, perS: 100, isPolite: true, fromMs: 7_000, untilMs: 9_000 };
    const [, calm] = await run(work, [crowd, later]);
    const { latenciesMs, refused } = must(calm, 'of the second crowd');
    expect(refused).toBe(0);
    expect(latenciesMs.length).toBeGreaterThan(190);
    expect(quantile(latenciesMs, 0.99)).toBeLessThan(50);
  });
});

it('[OL6] serves callers that wait for half a second in that time, and nine tenths of the peak', async () => {
  const work = workOf('search');
  const [result] = await run(work, [{ owner: 'a', connections: 1_500, isPolite: false, budgetMs: 500 }]);
  const { late, latenciesMs } = must(result, 'of the one crowd');
  expect(perS(must(result, 'of the one crowd'), work)).toBeGreaterThan(0.9 * (await peakOf('search')));
  // Those of a crowd that comes at the same moment are a third of a second late.
  expect(late).toBeLessThan(0.02 * latenciesMs.length + 300);
});

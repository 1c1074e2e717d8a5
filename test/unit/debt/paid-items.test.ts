import { describe, expect, it } from 'vitest';
import { openItem } from '../../../src/debt/item.ts';
import { minutesOf, withPaid } from '../../../src/debt/paid-items.ts';
import { multiplierOf } from '../../../src/debt/price.ts';
import { evenSpread } from '../../../src/debt/spread.ts';
import { NOW_S } from '../../support/fixtures/debt-facts.ts';
import { finding } from '../../support/fixtures/debt-findings.ts';

/** Noon of a Monday, so that some hours later it is the same day. */
const NOON_S = Date.UTC(2026, 8, 21, 12) / 1000;
const commit = (id: string, author: string, minute: number) => ({ id, author, atS: NOON_S + minute * 60, zoneMinutes: 0 });

describe('[D19] what paying took', () => {
  const commits = [commit('a', 'ada', 0), commit('b', 'bo', 10), commit('c', 'ada', 30), commit('d', 'ada', 200), commit('e', 'ada', 210)];

  it('is the share of the day of their author, between what is seen of it and all of it', () => {
    // From half an hour before the first to the last: 240 minutes, of eight hours, for four commits.
    const share = Math.sqrt(240 * 480) / 4;
    expect(minutesOf(commits, new Set(['c']))).toBeCloseTo(share, 9);
    expect(minutesOf(commits, new Set(['c', 'e']))).toBeCloseTo(2 * share, 9);
    expect(minutesOf(commits, new Set(['b']))).toBeCloseTo(Math.sqrt(30 * 480), 9);
    expect(minutesOf(commits, new Set(['unknown']))).toBe(0);
    expect(minutesOf([...commits, commit('f', 'ada', 24 * 60)], new Set(['c']))).toBeCloseTo(share, 9);
  });

  it('over the estimate before it was multiplied, calibrates the rule', () => {
    const ratios = { 'old-todo': Array<number>(10).fill(4) };
    const item = openItem(finding('a', { principal_minutes: evenSpread(30 * multiplierOf(ratios['old-todo']).p50) }), NOW_S);
    const next = withPaid(ratios, [
      { item, actualMinutes: 90 },
      { item, actualMinutes: 0 },
    ]);
    expect(next['old-todo']).toHaveLength(11);
    expect(next['old-todo']?.at(-1)).toBeCloseTo(3, 9);
    expect(withPaid({}, [{ item: openItem(finding('a'), NOW_S), actualMinutes: 15 }])['old-todo']).toEqual([0.5]);
  });

  it('keeps the newest 200 of a rule', () => {
    const kept = withPaid({ 'old-todo': Array<number>(200).fill(1) }, [{ item: openItem(finding('a'), NOW_S), actualMinutes: 60 }]);
    expect(kept['old-todo']).toHaveLength(200);
  });
});

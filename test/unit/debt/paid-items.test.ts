import { describe, expect, it } from 'vitest';
import { openItem } from '../../../src/debt/item.ts';
import { minutesOf, withPaid } from '../../../src/debt/paid-items.ts';
import { multiplierOf } from '../../../src/debt/price.ts';
import { evenSpread } from '../../../src/debt/spread.ts';
import { NOW_S } from '../../support/fixtures/debt-facts.ts';
import { finding } from '../../support/fixtures/debt-findings.ts';

const commit = (id: string, author: string, minute: number) => ({ id, author, atS: NOW_S + minute * 60 });

describe('[D19] what paying took', () => {
  const commits = [commit('a', 'ada', 0), commit('b', 'bo', 10), commit('c', 'ada', 30), commit('d', 'ada', 200), commit('e', 'ada', 210)];

  it('is the time since the commit of the same author before, within a session', () => {
    expect(minutesOf(commits, new Set(['c']), 7)).toBe(30);
    expect(minutesOf(commits, new Set(['c', 'e']), 7)).toBe(40);
  });

  it('is the usual time for the first commit of a session', () => {
    expect(minutesOf(commits, new Set(['a', 'b', 'd']), 7)).toBe(21);
    expect(minutesOf(commits, new Set(), 7)).toBe(0);
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

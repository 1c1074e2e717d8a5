import { describe, expect, it } from 'vitest';
import { DEBT_SIGNALS, debtFact, debtFactFile, FACT_KINDS } from '../../../src/contract/debt/debt-facts.ts';
import { FactSet, signalOf } from '../../../src/debt/fact.ts';
import { itemIdOf } from '../../../src/debt/item.ts';
import { census, fact, factFile, NOW_S } from '../../support/fixtures/debt-facts.ts';

describe('facts', () => {
  it('[D1] is refused without the hash of its evidence, or in another unit', () => {
    const whole = fact('todo', 'src/a.ts', 100);
    expect(debtFact.safeParse(whole).success).toBe(true);
    const { sha256: _, ...unhashed } = whole.evidence;
    expect(debtFact.safeParse({ ...whole, evidence: unhashed }).success).toBe(false);
    expect(debtFact.safeParse({ ...whole, evidence: { ...whole.evidence, sha256: 'abc' } }).success).toBe(false);
    const inAnotherUnit = debtFact.safeParse({ ...whole, unit: 'weeks' });
    expect(inAnotherUnit.error?.issues.map(({ path }) => path)).toEqual([['unit']]);
    expect(debtFact.safeParse({ ...whole, ttl_s: 0 }).success).toBe(false);
    expect(debtFactFile.safeParse(factFile([whole, census('todos')])).success).toBe(true);
    expect(debtFactFile.safeParse(factFile([{ ...whole, unit: 'weeks' }])).success).toBe(false);
  });

  it('[D1] is refused beyond what its numbers may be', () => {
    const whole = fact('todo', 'src/a.ts', 100);
    for (const beyond of [1.1e12, -1.1e12, Infinity, NaN]) {
      expect(debtFact.safeParse({ ...whole, value: beyond }).success).toBe(false);
      expect(debtFact.safeParse({ ...whole, detail: { line: beyond } }).success).toBe(false);
    }
  });

  it('[D2] is unknown from the second its time to live ends', () => {
    const facts = [census('todos', { ttl_s: 1_000 }), fact('todo', 'src/a.ts', 100, { ttl_s: 10 })];
    expect(new FactSet(facts, NOW_S + 9).of('todo')).toHaveLength(1);
    expect(new FactSet(facts, NOW_S + 10).of('todo')).toHaveLength(0);
    expect(new FactSet(facts, NOW_S + 10).isKnown('todos')).toBe(true);
  });

  it('[D2] is unknown without a fresh census of its signal', () => {
    const todo = fact('todo', 'src/a.ts', 100);
    expect(new FactSet([todo], NOW_S).of('todo')).toHaveLength(0);
    const expired = new FactSet([todo, census('todos', { ttl_s: 10 })], NOW_S + 10);
    expect(expired.isKnown('todos')).toBe(false);
    expect(expired.of('todo')).toHaveLength(0);
  });

  it('counts the newest of several facts about the same', () => {
    const facts = [census('todos'), fact('todo', 'a', 2, { collected_at: NOW_S - 5 }), fact('todo', 'a', 1, { collected_at: NOW_S - 9 })];
    expect(new FactSet(facts, NOW_S).of('todo').map(({ value }) => value)).toEqual([2]);
  });

  it('assigns every kind but the census to a signal, and every signal has a kind', () => {
    const signals = Object.values(FACT_KINDS).map(({ signal }) => signal);
    expect(new Set(signals)).toEqual(new Set([null, ...DEBT_SIGNALS]));
    expect(signalOf(census('pools'))).toBe('pools');
  });
});

it('[D3] an id differs by rule, subject and symbol, however they are cut', () => {
  const ids = [
    itemIdOf('old-todo', 'a', 'b'),
    itemIdOf('flaky-test', 'a', 'b'),
    itemIdOf('old-todo', 'a","b', ''),
    itemIdOf('old-todo', 'ab', ''),
    itemIdOf('old-todo', '', 'ab'),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  expect(itemIdOf('old-todo', 'a', 'b')).toBe('9057fc48aaa98f140aa66dadec5120f282d2427949bfa05a149248b4079d59ba');
});

import { describe, expect, it } from 'vitest';
import { Components } from '../../../src/debt/components.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { debtOfFiles, isWorseThan, ratchet, sumOfFiles } from '../../../src/debt/rules/ratchet.ts';
import { census, fact, NOW_S } from '../../support/fixtures/debt-facts.ts';

const complexity = (file: string, value: number) => fact('code-complexity', file, value, { symbol: 'f', detail: { line: 3 } });
const debtOf = (...facts: ReturnType<typeof fact>[]) =>
  debtOfFiles(new FactSet([...(['hotspots', 'duplication', 'structure', 'types'] as const).map((one) => census(one)), ...facts], NOW_S));
const lines = (file: string, count: number) => fact('code-lines', file, count);

describe('[D15] the ratchet', () => {
  it('counts complexity whether or not a file is hot, and what a file shares with others', () => {
    const debt = debtOf(
      lines('a', 100),
      lines('b', 100),
      complexity('a', 20),
      complexity('b', 15),
      fact('clone', 'a', 20, { symbol: 'b' }),
      fact('import-cycle', 'a', 2, { detail: { through: 'a b' } }),
      fact('layer-break', 'b', 1, { symbol: 'a' }),
      fact('type-hole', 'b', 3, { symbol: 'any' }),
    );
    expect(debt.get('a')?.minutes).toBe(15 + 10 + 30);
    expect(debt.get('b')?.minutes).toBe(10 + 30 + 20 + 6);
    expect(debt.get('a')?.why[0]).toBe('f (line 3) has a complexity of 20');
    expect(sumOfFiles(debt)).toEqual({ minutes: 121, lines: 200 });
  });

  it('fails where changed files carry more for each line, and names what is new', () => {
    const base = debtOf(lines('a', 100), lines('b', 100), complexity('b', 60));
    const head = debtOf(lines('a', 100), lines('b', 100), complexity('b', 60), complexity('a', 16));
    const result = ratchet(base, head, ['a']);
    expect(result.isWorse).toBe(true);
    expect(result.worse).toEqual([{ file: 'a', before: 0, after: 11, why: ['f (line 3) has a complexity of 16'] }]);
    expect(ratchet(base, head, ['b']).isWorse).toBe(false);
    expect(ratchet(head, base, ['a', 'b']).isWorse).toBe(false);
  });

  it('takes growth that carries no more for each line', () => {
    const base = debtOf(lines('a', 100), complexity('a', 20));
    expect(ratchet(base, debtOf(lines('a', 101), complexity('a', 20)), ['a']).isWorse).toBe(false);
    expect(ratchet(base, debtOf(lines('a', 99), complexity('a', 20)), ['a']).isWorse).toBe(true);
  });

  it('compares new files with what all files carried, and finds nothing where nothing changed', () => {
    const base = debtOf(lines('a', 100), complexity('a', 20));
    const added = (value: number) => debtOf(lines('a', 100), complexity('a', 20), lines('n', 100), complexity('n', value));
    expect(ratchet(base, added(20), ['n']).isWorse).toBe(false);
    expect(ratchet(base, added(21), ['n']).isWorse).toBe(true);
    expect(ratchet(base, added(60), []).isWorse).toBe(false);
  });

  it('of a whole repository compares by line', () => {
    expect(isWorseThan({ minutes: 11, lines: 100 }, { minutes: 10, lines: 100 })).toBe(true);
    expect(isWorseThan({ minutes: 20, lines: 200 }, { minutes: 10, lines: 100 })).toBe(false);
  });
});

it('[D9] a subject belongs to its component, that of its longest path, or the folder at its top', () => {
  const components = new Components(
    debtPolicy.parse({
      components: [{ name: 'src', paths: ['src'] }, { name: 'cache', paths: ['src/cache/', 'src/lru.ts'], tier: 1 }, { name: 'ranker' }],
    }),
  );
  const of = ['src/a.ts', 'src/cache/a.ts', 'src/cached/a.ts', 'src/lru.ts', 'ranker', 'docs/a.md', 'README.md', 'tests', 'npm:@a/b', '.'];
  expect(of.map((subject) => components.of(subject))).toEqual([
    'src',
    'cache',
    'src',
    'cache',
    'ranker',
    'docs',
    'repository',
    'tests',
    'repository',
    'repository',
  ]);
  expect([components.tierOf('cache'), components.tierOf('docs')]).toEqual([1, 3]);
  const running = ['endpoint:POST /v1/embeddings', 'target:openai/small', 'index:notes'];
  expect(running.map((subject) => components.of(subject))).toEqual(running);
});

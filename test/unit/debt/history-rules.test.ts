import { describe, expect, it } from 'vitest';
import type { DebtFact } from '../../../src/contract/debt/debt-facts.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { chanceOfSharing, commitsOf, coupledFiles, workOnFiles, yearsOf } from '../../../src/debt/evidence/file-work.ts';
import type { FileCommit } from '../../../src/debt/evidence/file-work.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { assess } from '../../../src/debt/rules/assess.ts';
import { census, fact, NOW_S } from '../../support/fixtures/debt-facts.ts';

const DAY_S = 86_400;
const commit = (files: readonly string[], daysAgo = 10, over: Partial<FileCommit> = {}): FileCommit => ({
  author: 'ada',
  atS: NOW_S - daysAgo * DAY_S,
  isFix: false,
  files,
  ...over,
});
const times = <One>(count: number, make: (i: number) => One): One[] => Array.from({ length: count }, (_, i) => make(i));

describe('[D121] files that change together', () => {
  const files = new Set(['a', 'b', ...times(30, (i) => `f${i}`)]);
  const others = times(60, (i) => commit([`f${i % 30}`]));

  it('are pairs beyond chance, and none that two busy files make by chance', () => {
    const [pair, ...rest] = coupledFiles([...times(8, () => commit(['b', 'a'])), commit(['a']), ...others], files);
    expect(rest).toEqual([]);
    expect(pair).toMatchObject({ file: 'a', other: 'b', both: 8, commits: [9, 8] });
    expect(pair!.expected).toBeCloseTo(72 / 69, 9);
    const busy = times(40, (i) => commit(i % 2 === 0 ? ['a', 'b'] : i % 4 === 1 ? ['a'] : ['b']));
    expect(coupledFiles(busy, files)).toEqual([]);
    // Beyond chance, and not twice as often: 30 of 40 and 40 of 80 commits.
    const often = times(80, (i) => commit(i < 30 ? ['a', 'b'] : i < 40 ? ['a'] : i < 50 ? ['b'] : ['f0']));
    expect(coupledFiles(often, files)).toEqual([]);
  });

  it('are not told by large commits, nor by fewer than five', () => {
    expect(coupledFiles([...times(9, () => commit(['a', 'b', ...times(29, (i) => `g${i}`)])), ...others], files)).toEqual([]);
    expect(coupledFiles([...times(4, () => commit(['a', 'b'])), ...others], files)).toEqual([]);
  });

  it('share commits by chance as the hypergeometric distribution has it', () => {
    expect(chanceOfSharing(0, 3, 4, 10)).toBeCloseTo(1, 9);
    // All three of the first are among the four of the second: 4 x 3 x 2 of 10 x 9 x 8.
    expect(chanceOfSharing(3, 3, 4, 10)).toBeCloseTo(24 / 720, 9);
    expect(chanceOfSharing(8, 8, 8, 10)).toBeCloseTo(1 / 45, 9);
    expect(chanceOfSharing(7, 8, 8, 10)).toBeCloseTo(17 / 45, 9);
  });
});

it('[D120] work on a file is its commits, authors, repairs two weeks apart, and commits with tests', () => {
  const fixed = [1, 5, 40].map((daysAgo) => commit(['a'], daysAgo, { isFix: true }));
  const work = workOnFiles([commit(['a', 't'], 100, { author: 'bo' }), ...fixed], (path) => path === 't').get('a');
  expect(work).toEqual({ commits: 4, repairs: 2, authors: 2, withTests: 1 });
});

it('[D127] a quiet history is read as far back as 300 commits of the product lie, and ten years at most', () => {
  const isProduct = (path: string): boolean => path !== 'docs';
  const busy = times(400, (i) => commit(['a'], i));
  expect(yearsOf(busy, isProduct, NOW_S)).toBe(3);
  const quiet = times(400, (i) => commit(['a'], 6 * i));
  expect(yearsOf(quiet, isProduct, NOW_S)).toBe(5);
  expect(yearsOf([...quiet.slice(0, 50), ...times(400, (i) => commit(['docs'], i))], isProduct, NOW_S)).toBe(10);
  expect(commitsOf(quiet, 5, NOW_S)).toHaveLength(305);
});

const complex = (file: string, points: number, functions: Readonly<Record<string, number>> = {}): DebtFact[] => [
  fact('code-lines', file, 500),
  fact('code-churn', file, 1),
  fact('code-complexity', file, points),
  ...Object.entries(functions).map(([symbol, value]) =>
    fact('code-complexity', file, value, { symbol, detail: { line: 1, last_line: 50, nested: 0, depth: 2, for_speed: false } }),
  ),
];
const work = (file: string, commits: number, detail: DebtFact['detail'] = {}): DebtFact =>
  fact('file-work', file, commits, {
    detail: { years: 3, repairs: 4, authors: 4, with_tests: commits, tests: 9, tests_importing: 1, has_named_test: false, ...detail },
  });
const found = (...facts: DebtFact[]) => {
  const all = [census('hotspots'), census('coupling'), census('pins'), ...facts];
  const { findings, candidates } = assess(new FactSet(all, NOW_S), debtPolicy.parse({ expects: [] }));
  const of = (rule: string, list: typeof findings) => list.filter((one) => one.rule === rule);
  return { items: (rule: string) => of(rule, findings), candidates: (rule: string) => of(rule, candidates) };
};

describe('[D120] a hot file', () => {
  it('has the heat of its complexity times its commits, less with a worse function', () => {
    const hot = (points: number, commits: number, functions: Readonly<Record<string, number>>) =>
      found(...complex('src/a.ts', points, functions), work('src/a.ts', commits)).items('hot-file').length;
    expect([hot(100, 10, { f: 16 }), hot(99, 10, { f: 16 })]).toEqual([1, 0]);
    expect([hot(40, 10, { f: 20 }), hot(39, 10, { f: 20 }), hot(100, 4, { f: 90 })]).toEqual([1, 0, 0]);
    const whole = (points: number) => found(...complex('src/a.ts', points), work('src/a.ts', 20)).candidates('hot-file').length;
    expect([whole(60), whole(59)]).toEqual([1, 0]);
  });

  it('says what was counted, and a warm one what it lacks', () => {
    const { items, candidates } = found(
      ...complex('src/a.ts', 100, { f: 30, g: 17 }),
      ...complex('src/b.ts', 50, { h: 16 }),
      work('src/a.ts', 12),
      work('src/b.ts', 12),
    );
    expect(items('hot-file').map(({ title }) => title)).toEqual([
      '2 functions are more complex than 15: f 30, g 17; 12 commits of 3 years and at most 30 files changed the file, by 4 authors; 4 messages, two weeks apart, say that they fix something',
    ]);
    expect(candidates('hot-file').map(({ doubt }) => doubt)).toEqual(['its complexity of 50 times 12 commits is 600, less than 1000']);
  });

  it.each([
    { worst: 25, lines: 9, commits: 8, repairs: 1, isHot: true },
    { worst: 25, lines: 9, commits: 25, repairs: 0, isHot: true },
    { worst: 25, lines: 9, commits: 24, repairs: 0, isHot: false },
    { worst: 24, lines: 49, commits: 34, repairs: 4, isHot: false },
    { worst: 24, lines: 50, commits: 34, repairs: 3, isHot: true },
    { worst: 24, lines: 50, commits: 34, repairs: 2, isHot: false },
    { worst: 16, lines: 9, commits: 8, repairs: 5, isHot: true },
    { worst: 16, lines: 9, commits: 35, repairs: 0, isHot: true },
    { worst: 0, lines: 0, commits: 90, repairs: 5, isHot: false },
    { worst: 0, lines: 0, commits: 9, repairs: 6, isHot: true },
  ])('shows a sign of trouble: $worst points in $lines lines, $commits commits, $repairs repairs', ({ isHot, ...one }) => {
    const { worst, lines, commits, repairs } = one;
    const facts = complex('src/a.ts', 200, worst === 0 ? {} : { f: worst });
    const sized = facts.map((of) => (of.detail === undefined ? of : { ...of, detail: { ...of.detail, last_line: lines } }));
    const { items, candidates } = found(...sized, work('src/a.ts', commits, { repairs }));
    expect([items('hot-file').length, candidates('hot-file').length]).toEqual(isHot ? [1, 0] : [0, 1]);
    if (!isHot) expect(candidates('hot-file')[0]?.doubt).toContain('too seldom for functions like these');
  });

  it('is hot from less if it was repaired five times, whatever its functions are', () => {
    const hot = (points: number, repairs: number) =>
      found(...complex('src/a.ts', points), work('src/a.ts', 20, { repairs })).items('hot-file').length;
    expect([hot(20, 6), hot(19, 6), hot(20, 5)]).toEqual([1, 0, 0]);
  });

  it('is one of the fifteen hottest', () => {
    const many = times(17, (i) => [...complex(`src/${i}.ts`, 100 + i, { f: 30 }), work(`src/${i}.ts`, 20)]).flat();
    const { items, candidates } = found(...many);
    expect([
      items('hot-file').length,
      candidates('hot-file')
        .map(({ subject }) => subject)
        .sort(),
    ]).toEqual([15, ['src/0.ts', 'src/1.ts']]);
  });

  it('says how far its worst function grew, and leaves a file to the costly function that is its worst', () => {
    const growth = fact('function-growth', 'src/a.ts', 40, {
      symbol: 'f',
      detail: { line: 1, lines: 90, lines_before: 50, complexity: 30, complexity_before: 12 },
    });
    const base = [...complex('src/a.ts', 100, { f: 30 }), work('src/a.ts', 12)];
    const { items } = found(...base, growth);
    expect(items('hot-file')[0]?.title).toContain('; two years ago the complexity of f was 12, in 50 lines instead of 90');
    expect(items('growing-function')).toEqual([]);
    const detail = { line: 1, last_line: 200, nested: 20, depth: 4, for_speed: false };
    const costly = [
      fact('code-complexity', 'src/a.ts', 60, { symbol: 'f', detail }),
      fact('function-fixes', 'src/a.ts', 4, { symbol: 'f', detail: { line: 1, last_line: 200, commits: 9 } }),
    ];
    const both = found(...complex('src/a.ts', 100), work('src/a.ts', 12), ...costly);
    expect([both.items('hot-file'), both.items('complex-function').length]).toEqual([[], 1]);
  });
});

describe('[D122] a growing function', () => {
  const grown = (before: number, now: number) =>
    found(
      fact('function-growth', 'src/a.ts', 9, {
        symbol: 'f',
        detail: { line: 1, lines: 60, lines_before: 51, complexity: now, complexity_before: before },
      }),
    );
  it.each([
    [12, 20, 1, 0],
    [12, 19, 0, 1],
    [30, 38, 0, 1],
    [30, 42, 1, 0],
    [17, 20, 0, 0],
  ])('from %d to %d', (before, now, items, candidates) => {
    const of = grown(before, now);
    expect([of.items('growing-function').length, of.candidates('growing-function').length]).toEqual([items, candidates]);
  });
});

describe('[D121] change coupling', () => {
  const pair = (subject: string, symbol: string, both: number, of: readonly [number, number], detail: DebtFact['detail'] = {}) =>
    fact('changed-with', subject, both, { symbol, detail: { years: 3, commits: of[0], other_commits: of[1], expected: 0.5, ...detail } });

  it('is a candidate by what readers said, stronger if half of the commits to one file changed the other; pairs that share files are one', () => {
    const { items, candidates } = found(
      pair('a', 'b', 8, [10, 20]),
      pair('b', 'c', 7, [20, 9]),
      pair('x', 'y', 6, [13, 14]),
      pair('p', 'q', 6, [7, 7], { unread: true }),
    );
    expect(items('change-coupling')).toEqual([]);
    const [first] = candidates('change-coupling');
    expect([first?.subject, first?.symbol]).toEqual(['a', 'b']);
    expect(first?.title).toContain('8 commits of 3 years and at most 30 files changed it and b together, of 10 and 20');
    expect(first?.title).toContain('; so are c with one of them');
    expect(
      candidates('change-coupling')
        .map(({ subject, doubt }) => `${subject}: ${doubt}`)
        .sort(),
    ).toEqual([
      'a: readers called 2 of 18 such findings debt',
      'p: this clone lacks their texts: one may import the other',
      'x: 46 % of the commits to one changed the other, less than half',
    ]);
  });
});

it('[D123] a hot file is untested if no test imports it, has its name or changes with it', () => {
  const untested = (detail: DebtFact['detail']) =>
    found(...complex('src/a.ts', 100, { f: 30 }), work('src/a.ts', 20, { tests_importing: 0, with_tests: 4, ...detail })).items(
      'untested-hotspot',
    ).length;
  expect(untested({})).toBe(1);
  expect([{ tests_importing: 1 }, { has_named_test: true }, { with_tests: 5 }, { tests: 0 }].map(untested)).toEqual([0, 0, 0, 0]);
});

it('[D124] copies among examples are never items', () => {
  const { items, candidates } = found(fact('beside', '.', 40, { symbol: 'examples', detail: { copied_files: 30, copied_lines: 900 } }));
  expect([items('example-copies'), candidates('example-copies').map(({ title }) => title)]).toEqual([
    [],
    ['30 of 40 files of examples have runs of code that others of them have, too: 900 lines'],
  ]);
});

describe('what manifests hold', () => {
  const range = (symbol: string, value: string, hold: string, detail: DebtFact['detail'] = {}) =>
    fact('declared-range', 'package.json', value, {
      symbol,
      detail: { line: 3, package: `npm:${symbol}`, hold, for_development: true, is_locked: false, age_days: 800, ...detail },
    });

  it('[D125] is unpinned where any version may come, and no lock file says which', () => {
    const { items } = found(range('a', '*', 'any'), range('b', '^1.0.0', 'bounded'), range('c', 'x/y#main', 'moving'));
    expect(items('unpinned-dependency').map(({ title }) => title)).toEqual([
      '2 of its 3 dependencies may have any version, and no lock file says which: a *, c x/y#main',
    ]);
    expect(found(range('a', '*', 'any', { is_locked: true })).items('unpinned-dependency')).toEqual([]);
    const python = found(range('a', '', 'any', { package: 'pypi:a' })).candidates('unpinned-dependency');
    expect(python.map(({ doubt }) => doubt)).toEqual(['a Python library leaves versions to those that install it']);
  });

  it('[D126] is stale where a bound has not moved for two years; readers doubt a third of such findings', () => {
    const { items, candidates } = found(
      range('a', '1.0.0', 'exact'),
      range('b', '~2.0.0', 'bounded'),
      range('c', '^0.3.0', 'bounded'),
      range('d', '^3.0.0', 'bounded'),
      range('e', '4.0.0', 'exact', { age_days: 700 }),
    );
    expect(items('stale-pin')).toEqual([]);
    const [one] = candidates('stale-pin');
    expect(one?.title).toBe(
      '3 of its 5 dependencies are held at what was chosen over two years ago: a 1.0.0 (2.2 years), b ~2.0.0 (2.2 years), c ^0.3.0 (2.2 years)',
    );
    expect(one?.doubt).toBe('readers called 8 of 12 such findings debt');
  });
});

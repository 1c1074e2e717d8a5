import { describe, expect, it } from 'vitest';
import type { DebtFact } from '../../../src/contract/debt-facts.ts';
import { debtPolicy } from '../../../src/contract/debt-policy.ts';
import { RULES } from '../../../src/debt/assess.ts';
import { Components } from '../../../src/debt/components.ts';
import { isAsyncMirror } from '../../../src/debt/evidence/async-mirror.ts';
import { familiesOf } from '../../../src/debt/evidence/clone-families.ts';
import type { Clone } from '../../../src/debt/evidence/clones.ts';
import { saysFix } from '../../../src/debt/evidence/fix-commits.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { RuleContext } from '../../../src/debt/rules/rule.ts';
import { census, fact, NOW_S } from '../../support/fixtures/debt-facts.ts';

const policy = debtPolicy.parse({ components: [{ name: 'core', paths: ['core'] }] });
const hitsOf = (rule: keyof typeof RULES, facts: readonly DebtFact[]) => [
  ...RULES[rule].find(new RuleContext(new FactSet([census(RULES[rule].signal), ...facts], NOW_S), policy, new Components(policy))),
];
const gradesOf = (...of: Parameters<typeof hitsOf>) => hitsOf(...of).map(({ grade }) => grade);

describe('[D30] a complex function', () => {
  const of = (complexity: number, depth: number, fixes: number, for_speed = false): DebtFact[] => [
    fact('code-complexity', 'a.ts', complexity, { symbol: 'f', detail: { line: 7, depth, for_speed } }),
    fact('function-fixes', 'a.ts', fixes, { symbol: 'f', detail: { commits: fixes + 1 } }),
  ];
  const gradeOf = (...what: Parameters<typeof of>) => gradesOf('complex-function', of(...what))[0];

  it('is shown to cost by its depth and repairs: one from 60, two from 45, else three', () => {
    expect([gradeOf(60, 4, 1), gradeOf(59, 4, 1)]).toEqual(['strong', 'weak']);
    expect([gradeOf(45, 4, 2), gradeOf(44, 4, 2)]).toEqual(['strong', 'weak']);
    expect([gradeOf(30, 4, 3), gradeOf(300, 9, 0)]).toEqual(['strong', 'weak']);
    expect(gradeOf(100, 3, 4)).toBe('weak');
  });

  it('is left as it is for speed, unless five repairs say otherwise, also of one that is flatter', () => {
    expect([gradeOf(100, 9, 4, true), gradeOf(100, 9, 5, true)]).toEqual(['weak', 'strong']);
    expect([gradeOf(30, 3, 5), gradeOf(30, 2, 9)]).toEqual(['strong', 'weak']);
  });

  it('says what it costs, and is weak where its history was not read', () => {
    const [unread, ...rest] = hitsOf('complex-function', of(100, 9, 9).slice(0, 1));
    expect([unread?.grade, unread?.title, rest]).toEqual(['weak', 'f has a complexity of 100 (target 15)', []]);
    expect(hitsOf('complex-function', of(60, 4, 1))[0]?.title).toBe(
      'f has a complexity of 60 (target 15) and is nested 4 deep; 2 commits of two years changed it, 1 of them to fix something',
    );
    expect(hitsOf('complex-function', of(60, 4, 0))[0]?.title).toContain('; 1 commit of two years changed it');
  });

  it('of a hotspot is the one that is shown to cost, not the most complex one', () => {
    const [knot, flat] = [of(50, 5, 4), of(90, 2, 4)].map((facts, i) => facts.map((one) => ({ ...one, symbol: `f${i}` })));
    const changes = ['f0', 'f1'].map((symbol) => fact('function-changes', 'a.ts', 4, { symbol }));
    const file = [fact('code-complexity', 'a.ts', 200), fact('code-churn', 'a.ts', 9)];
    const [hit] = hitsOf('hotspot', [...file, ...changes, ...knot!, ...flat!]);
    expect([hit?.grade, hit?.title.split(' ')[0]]).toEqual(['strong', 'f0']);
  });
});

describe('[D35] a commit that fixes something', () => {
  it('says so in its subject, or as a changelog does', () => {
    for (const subject of ['fix: empty keys', 'fix(url)!: keep ?', 'Fix crash on close', 'Revert "faster reads"', 'handle bug in parser'])
      expect(saysFix(subject, ''), subject).toBe(true);
    expect(saysFix('Reset the session', 'Fixed issue where the session stayed open.')).toBe(true);
  });

  it('is none that repairs words, checks or tests, and none that only closes an issue', () => {
    for (const subject of [
      'docs: fix example',
      'feat: fix the size',
      'fix typos (#13)',
      'Fix tests on Windows',
      'fix: broken links',
      'prefix names',
    ])
      expect(saysFix(subject, ''), subject).toBe(false);
    expect(saysFix('Add hints', 'Fixes: #12\nFixes #13')).toBe(false);
  });
});

describe('[D31] a copy', () => {
  const gradeOf = (lines: number, path: string, other: string, detail: DebtFact['detail'] = {}) =>
    gradesOf('duplicate-code', [
      fact('clone', path, lines, { symbol: other, detail: { line: 1, other_line: 9, copies: 2, ...detail } }),
    ])[0];

  it('is long, within a folder, or was changed in both places', () => {
    expect([gradeOf(18, 'a/x.ts', 'b/y.ts'), gradeOf(17, 'a/x.ts', 'b/y.ts')]).toEqual(['strong', 'weak']);
    expect([gradeOf(10, 'a/x.ts', 'a/y.ts'), gradeOf(10, 'a/x.ts', 'a/b/y.ts')]).toEqual(['strong', 'weak']);
    expect(gradeOf(10, 'a/x.ts', 'b/y.ts', { commits_to_both: 1 })).toBe('strong');
  });

  it('is weak as a counterpart for asynchronous callers, for old ones, or for speed', () => {
    for (const name of ['mirror', 'kept_apart', 'for_speed'])
      expect(gradeOf(90, 'a/x.ts', 'a/y.ts', { commits_to_both: 4, [name]: true }), name).toBe('weak');
  });

  it('is a counterpart by the names of classes, else of files', () => {
    const mirror = (path: string, className: string, other: string, otherName: string) =>
      isAsyncMirror({ path, className }, { path: other, className: otherName });
    expect(mirror('a.py', 'Client', 'a.py', 'AsyncClient')).toBe(true);
    expect(mirror('asyncio/session.py', 'async_sessionmaker', 'orm/session.py', 'sessionmaker')).toBe(true);
    expect(mirror('_async/pool.py', '', '_sync/pool.py', '')).toBe(true);
    expect(mirror('a.py', 'AsyncClient', 'a.py', 'AsyncServer')).toBe(false);
    expect(mirror('a.py', 'AsyncClient', 'a.py', 'Server')).toBe(false);
    expect(mirror('asyncpg.py', 'AsyncpgNumeric', 'pg8000.py', 'PgNumeric')).toBe(false);
  });
});

describe('[D39] missed branches', () => {
  it('are worth planning from ten that a file lacks of its target, not by their share', () => {
    const gradeOf = (missed: number, branches: number) =>
      gradesOf('missed-branches', [fact('missed-branches', 'core/a.ts', missed, { detail: { branches } })])[0];
    // The target of the lowest tier is 60 %.
    expect([gradeOf(50, 100), gradeOf(49, 100)]).toEqual(['strong', 'weak']);
    expect([gradeOf(9, 9), gradeOf(40, 100)]).toEqual(['weak', undefined]);
  });
});

describe('[D34] clones of the same code', () => {
  const clone = (path: string, line: number, other: string, otherLine: number, lines: number): Clone => ({
    path,
    other,
    lines,
    tokens: 100,
    line,
    lastLine: line + lines - 1,
    otherLine,
    otherLastLine: otherLine + lines - 1,
    runs: 1,
  });

  it('are one family, whose longest stands for it', () => {
    const [short, long, apart] = [clone('a', 1, 'b', 1, 12), clone('b', 1, 'c', 50, 20), clone('b', 40, 'd', 1, 12)];
    expect(familiesOf([short, long, apart])).toEqual([
      { longest: long, copies: 3 },
      { longest: apart, copies: 2 },
    ]);
  });

  it('are one item, which says in how many places they stand', () => {
    const facts = [3, 0].map((copies, i) =>
      fact('clone', `a${i}.ts`, 20, { symbol: 'b.ts', detail: { line: 1, other_line: 2, copies, commits_to_both: 2 } }),
    );
    expect(hitsOf('duplicate-code', facts).map(({ subject, title, minutes }) => [subject, title, minutes])).toEqual([
      [
        'a0.ts',
        '20 lines of code from line 1 are those of b.ts from line 2; 3 places have them, or most of them; 2 commits of two years changed both',
        30,
      ],
    ]);
  });
});

it('[D36] a circle of imports costs from three files on, if something in it is needed at load', () => {
  const gradeOf = (files: number, at_load: number) =>
    gradesOf('import-cycle', [fact('import-cycle', 'a.ts', files, { detail: { through: 'a.ts b.ts', at_load } })])[0];
  expect([gradeOf(3, 1), gradeOf(2, 9), gradeOf(9, 0)]).toEqual(['strong', 'weak', 'weak']);
});

it('[D37] announced work counts after a year, where its author calls the code wrong', () => {
  const gradeOf = (days: number, text: string) => gradesOf('old-todo', [fact('todo', 'a.ts', days, { symbol: text, detail: { text } })])[0];
  expect([gradeOf(366, 'FIXME ugly hack'), gradeOf(365, 'FIXME ugly hack'), gradeOf(999, 'TODO support v2')]).toEqual([
    'strong',
    'weak',
    'weak',
  ]);
});

it('[D38] casts to any cost from ten in a file, unless it is kept for old callers', () => {
  const gradeOf = (count: number, symbol: string, kept_apart = false) =>
    gradesOf('type-hole', [fact('type-hole', 'a.ts', count, { symbol, detail: { kept_apart } })])[0];
  expect([gradeOf(10, 'as any'), gradeOf(9, 'as any'), gradeOf(99, 'any'), gradeOf(99, 'as any', true)]).toEqual([
    'strong',
    'weak',
    'weak',
    'weak',
  ]);
});

it('[D25] one author counts against a folder only if the policy calls it a component', () => {
  const by = (subject: string) => fact('author-share', subject, 0.95, { detail: { authors_of_repository: 5 } });
  expect(gradesOf('single-author', [by('core'), by('tools')])).toEqual([undefined, 'weak']);
});

import { describe, expect, it } from 'vitest';
import type { DebtFact } from '../../../src/contract/debt/debt-facts.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { RULES } from '../../../src/debt/rules/assess.ts';
import { Components } from '../../../src/debt/components.ts';
import { isAsyncMirror } from '../../../src/debt/evidence/async-mirror.ts';
import { familiesOf } from '../../../src/debt/evidence/clone-families.ts';
import { PackageFolders } from '../../../src/debt/evidence/package-folders.ts';
import type { Clone } from '../../../src/debt/evidence/clones.ts';
import { revertedBy, saysFix } from '../../../src/debt/evidence/fix-commits.ts';
import type { RangeCommit } from '../../../src/debt/evidence/repairs.ts';
import { changedLinesOf, isWholeNew, workOf, workOnCopies } from '../../../src/debt/evidence/repairs.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { must } from '../../../src/kernel/assert.ts';
import { RuleContext } from '../../../src/debt/rules/rule.ts';
import { census, fact, NOW_S } from '../../support/fixtures/debt-facts.ts';

const policy = debtPolicy.parse({ components: [{ name: 'core', paths: ['core'] }] });
const hitsOf = (rule: keyof typeof RULES, facts: readonly DebtFact[]) => [
  ...RULES[rule].find(new RuleContext(new FactSet([census(RULES[rule].signal), ...facts], NOW_S), policy, new Components(policy))),
];
const gradesOf = (...of: Parameters<typeof hitsOf>) => hitsOf(...of).map(({ grade }) => grade);

describe('[D30] a complex function', () => {
  const of = (complexity: number, depth: number, repairs: number, commits: number, more: DebtFact['detail'] = {}): DebtFact[] => [
    fact('code-complexity', 'a.ts', complexity, { symbol: 'f', detail: { line: 7, last_line: 106, depth, for_speed: false, ...more } }),
    fact('function-fixes', 'a.ts', repairs, { symbol: 'f', detail: { commits } }),
  ];
  const gradeOf = (...what: Parameters<typeof of>) => gradesOf('complex-function', of(...what))[0];

  it('is shown to cost by four repairs, if it is nested 3 deep, whatever it is for', () => {
    expect([gradeOf(30, 3, 4, 4), gradeOf(30, 3, 3, 4), gradeOf(30, 2, 4, 4)]).toEqual(['strong', 'weak', 'weak']);
    expect([gradeOf(30, 3, 4, 4, { for_speed: true }), gradeOf(300, 9, 3, 9, { for_speed: true })]).toEqual(['strong', 'weak']);
  });

  it('is shown to cost by a repair and by what its commits had to understand, if it is nested 4 deep', () => {
    expect([gradeOf(65, 4, 1, 5), gradeOf(64, 4, 1, 5), gradeOf(65, 4, 1, 4)]).toEqual(['strong', 'weak', 'weak']);
    expect([gradeOf(65, 3, 1, 5), gradeOf(65, 4, 0, 5)]).toEqual(['weak', 'weak']);
  });

  it('is read as a whole if it has less than 100 lines', () => {
    expect([gradeOf(65, 4, 1, 5, { last_line: 105 }), gradeOf(30, 3, 4, 4, { last_line: 105 })]).toEqual(['weak', 'weak']);
  });

  it('says what it costs, and is weak where its history was not read', () => {
    const [unread, ...rest] = hitsOf('complex-function', of(100, 9, 9, 9).slice(0, 1));
    expect([unread?.grade, unread?.title, rest]).toEqual(['weak', 'f has a complexity of 100 (target 15)', []]);
    expect(hitsOf('complex-function', of(60, 4, 2, 3))[0]?.title).toBe(
      'f has a complexity of 60 (target 15) and is nested 4 deep; 3 commits of two years changed its code; 2 messages, two weeks apart, say that they fix something',
    );
    expect(hitsOf('complex-function', of(60, 4, 1, 2))[0]?.title).toContain('changed its code; one message says that it fixes something');
    expect(hitsOf('complex-function', of(60, 4, 0, 1))[0]?.title).toMatch(/; 1 commit of two years changed its code$/);
  });

  it('within a strong one is part of it, and within a weak one is its own', () => {
    const within = (repairs: number, line = 20, last_line = 40) => {
      const inner = of(50, 5, 9, 9, { line, last_line }).map((one) => ({ ...one, symbol: 'inner' }));
      const beside = of(50, 5, 9, 9, { line: 180, last_line: 300 }).map((one) => ({ ...one, symbol: 'beside' }));
      return hitsOf('complex-function', [...of(60, 5, repairs, 4), ...inner, ...beside]).map(({ symbol }) => symbol);
    };
    expect([within(4), within(4, 7, 106), within(0)]).toEqual([
      ['f', 'beside'],
      ['f', 'inner', 'beside'],
      ['f', 'inner', 'beside'],
    ]);
  });

  it('of a hotspot is the one that is shown to cost, not the most complex one', () => {
    const [knot, flat] = [of(50, 5, 4, 4), of(90, 2, 4, 4, { line: 110, last_line: 220 })].map((facts, i) =>
      facts.map((one) => ({ ...one, symbol: `f${i}` })),
    );
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
    expect([gradeOf(14, 'a/x.ts', 'a/y.ts'), gradeOf(14, 'a/x.ts', 'a/b/y.ts')]).toEqual(['strong', 'weak']);
    expect(gradeOf(14, 'a/x.ts', 'b/y.ts', { commits_to_both: 1 })).toBe('strong');
    expect(gradeOf(13, 'a/x.ts', 'a/x.ts', { commits_to_both: 9 })).toBe('weak');
  });

  it('is between packages if commits changed both: these are apart on purpose', () => {
    const between = (commits_to_both: number) => gradeOf(90, 'a/x.ts', 'a/y.ts', { two_packages: true, commits_to_both });
    expect([between(0), between(1)]).toEqual(['weak', 'strong']);
    const packages = new PackageFolders(['package.json', 'libs/a/package.json', 'libs/b/pyproject.toml', 'libs/a/src/x.ts']);
    expect(['libs/a/src/x.ts', 'libs/b/y.py', 'libs/z.ts', 'z.ts'].map((path) => packages.of(path))).toEqual([
      'libs/a/',
      'libs/b/',
      '',
      '',
    ]);
  });

  it('is weak as a counterpart for other callers, for speed, as settings, or of a language without a parser', () => {
    for (const name of ['mirror', 'kept_apart', 'for_speed', 'settings', 'by_lines', 'unread'])
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

  it('[D26] say which tests take the others, where not all tests were counted', () => {
    const titleOf = (more: DebtFact['detail']) =>
      hitsOf('missed-branches', [fact('missed-branches', 'core/a.ts', 75, { detail: { branches: 100, ...more } })])[0]?.title;
    expect(titleOf({})).toBe('tests take 25 % of its 100 branches (target 60 %)');
    expect(titleOf({ tests: 'unit tests' })).toBe('unit tests take 25 % of its 100 branches (target 60 %)');
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
    at: line - 1,
    otherAt: otherLine - 1,
    runs: 1,
  });

  it('are one family, whose longest stands for it', () => {
    const [short, long, apart] = [clone('a', 1, 'b', 1, 12), clone('b', 1, 'c', 50, 20), clone('b', 40, 'd', 1, 12)];
    expect(familiesOf([short, long, apart])).toEqual([
      { longest: long, copies: 2 },
      { longest: apart, copies: 2 },
    ]);
  });

  it('count the places that have nine tenths of the longest in a row, however they were found', () => {
    const copiesOf = (...clones: Clone[]) => familiesOf(clones).map(({ copies }) => copies);
    expect(copiesOf(clone('a', 1, 'b', 1, 20), clone('b', 1, 'c', 5, 18), clone('c', 5, 'd', 1, 18))).toEqual([4]);
    expect(copiesOf(clone('a', 1, 'b', 1, 20), clone('b', 1, 'c', 5, 17))).toEqual([2]);
    // As long as the longest, of which it has the second half.
    expect(copiesOf(clone('a', 1, 'b', 1, 20), clone('b', 11, 'c', 1, 20))).toEqual([2]);
    expect(copiesOf(clone('a', 1, 'a', 30, 20), clone('a', 30, 'b', 1, 20), clone('a', 1, 'b', 1, 20))).toEqual([3]);
  });

  it('[D101] are read a few times each, however many are of one family', () => {
    const readsOf = (count: number): number => {
      let reads = 0;
      const chain = Array.from({ length: count }, (_, i): Clone => {
        const one = clone(`f${i}`, 1, `f${i + 1}`, 1, 20);
        return {
          ...one,
          get at() {
            reads += 1;
            return one.at;
          },
        };
      });
      expect(familiesOf(chain)).toMatchObject([{ copies: count + 1 }]);
      return reads;
    };
    expect(readsOf(200)).toBeLessThanOrEqual(2 * readsOf(100));
  });

  it('say from where both places could have it', () => {
    const remedyOf = (other: string, detail: DebtFact['detail'] = {}) =>
      hitsOf('duplicate-code', [fact('clone', 'a.ts', 20, { symbol: other, detail: { line: 1, other_line: 2, copies: 2, ...detail } })])[0]
        ?.remedy;
    expect(remedyOf('b.ts')).toBe('have one function for both, in a file that both import');
    expect(remedyOf('a.ts')).toBe('have one function for both');
    for (const other of ['a.ts', 'b.ts'])
      expect(remedyOf(other, { in_classes: true })).toBe('have it once, in a class that both extend or a function that both call');
  });

  it('are one item, which says in how many places they stand', () => {
    const facts = [3, 0].map((copies, i) =>
      fact('clone', `a${i}.ts`, 20, { symbol: 'b.ts', detail: { line: 1, other_line: 2, copies, commits_to_both: 2 } }),
    );
    expect(hitsOf('duplicate-code', facts).map(({ subject, title, minutes }) => [subject, title, minutes])).toEqual([
      [
        'a0.ts',
        '20 lines of code from line 1 are those of b.ts from line 2; 3 places have nine tenths of them in a row; 2 commits of two years changed both',
        30,
      ],
    ]);
  });
});

describe('[D31] what a copy costs a week', () => {
  const costOf = (detail: DebtFact['detail']) => {
    const churn = ['a.ts', 'b.ts'].map((path) => fact('code-churn', path, 100));
    const copy = fact('clone', 'a.ts', 20, { symbol: 'b.ts', detail: { line: 1, other_line: 1, copies: 2, ...detail } });
    return must(hitsOf('duplicate-code', [census('hotspots'), ...churn, copy])[0], 'it is found').interest.p50;
  };

  it('follows the commits that changed it, and not those of its files', () => {
    expect(costOf({ commits_to_either: 0 })).toBe(0);
    expect(costOf({ commits_to_either: 6 }) / costOf({ commits_to_either: 3 })).toBeCloseTo(2, 9);
    expect(costOf({})).toBeGreaterThan(costOf({ commits_to_either: 9 }));
  });
});

describe('[D31] what was changed in both places', () => {
  const commit = (id: string, changedLines: number, isFirst = false): RangeCommit => ({
    commit: id,
    atS: 0,
    isFix: false,
    reverts: '',
    changedLines,
    isFirst,
  });

  it('is what one commit changed: neither what it wrote nor what it formatted', () => {
    const place = [commit('a', 1), commit('b', 1), commit('c', 0), commit('d', 30, true)];
    expect(workOnCopies(place, [commit('a', 3), commit('c', 2), commit('d', 1), commit('e', 1)])).toEqual({ both: 1, either: 5 });
    expect(workOnCopies([commit('d', 1)], [commit('d', 30, true)])).toEqual({ both: 0, either: 1 });
  });

  it('was written by the commit of which all lines are new', () => {
    const head = 'diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n';
    expect(isWholeNew(`${head}@@ -4,0 +5,2 @@\n+a();\n+\n`)).toBe(true);
    expect(isWholeNew(`${head}@@ -4,1 +5,2 @@\n a();\n+b();\n`)).toBe(false);
    expect(isWholeNew(`${head}@@ -4,1 +5,1 @@\n-a();\n+b();\n`)).toBe(false);
    expect(isWholeNew('')).toBe(false);
  });
});

describe('[D27] work on lines', () => {
  const DAY_S = 86_400;
  const commit = (id: string, day: number, more: Partial<RangeCommit> = {}): RangeCommit => ({
    commit: id.repeat(16),
    atS: day * DAY_S,
    isFix: true,
    reverts: '',
    changedLines: 2,
    isFirst: false,
    ...more,
  });

  it('is of commits that changed two lines, and repairs of two weeks are one', () => {
    expect(workOf([commit('a', 100), commit('b', 86), commit('c', 73), commit('d', 70)])).toEqual({ commits: 4, repairs: 2 });
    expect(workOf([commit('d', 70), commit('a', 100), commit('c', 73)])).toEqual({ commits: 3, repairs: 2 });
    expect(workOf([commit('a', 9, { changedLines: 1 }), commit('b', 50, { isFix: false })])).toEqual({ commits: 1, repairs: 0 });
  });

  it('is not of what was taken back, nor of what took it back', () => {
    const redone = [commit('c', 90), commit('b', 60, { reverts: 'a'.repeat(40) }), commit('a', 30)];
    expect(workOf(redone)).toEqual({ commits: 1, repairs: 1 });
    expect(revertedBy('It broke.\n\nThis reverts commit 0123456789abcdef.')).toBe('0123456789abcdef');
    expect(revertedBy('see commit 0123456789abcdef')).toBe('');
  });

  it('leaves out comments, blanks, brackets and what only moved or was formatted', () => {
    const diff = (...rows: string[]) => ['--- a/x.ts', '+++ b/x.ts', '@@ -1,9 +1,9 @@', ' same', ...rows].join('\n');
    expect(changedLinesOf(diff('-  a(1)', '+    a( 1 );', '-b', '+c', '+b'))).toBe(1);
    expect(changedLinesOf(diff('+// why', '+# why', '+ * why', '+', '+}', '-a // old', '+a // new'))).toBe(0);
    expect(changedLinesOf(diff('-a', '-b', '-c', '+d'))).toBe(3);
    expect(changedLinesOf(diff('+a', '+b', '-c'))).toBe(2);
    expect(changedLinesOf(diff("-f(a, 'b', g(c));", '+f(', '+  a,', '+  "b",', '+  g(c),', '+);'))).toBe(0);
    expect(changedLinesOf(diff('-f(a, b * (c + d));', '+f(', '+  a,', '+  b * c + d,', '+);'))).toBe(3);
  });
});

it('[D36] a circle of imports costs from three to twelve files, if something in it is needed at load', () => {
  const gradeOf = (files: number, at_load: number) =>
    gradesOf('import-cycle', [fact('import-cycle', 'a.ts', files, { detail: { through: 'a.ts b.ts', at_load } })])[0];
  expect([gradeOf(3, 1), gradeOf(12, 1)]).toEqual(['strong', 'strong']);
  expect([gradeOf(2, 9), gradeOf(13, 9), gradeOf(9, 0)]).toEqual(['weak', 'weak', 'weak']);
});

it('[D37] announced work is a candidate, whatever its author called it', () => {
  expect(gradesOf('old-todo', [fact('todo', 'a.ts', 999, { symbol: 't', detail: { text: 'FIXME ugly hack' } })])).toEqual(['weak']);
});

it('[D20] a missing owner counts where the policy calls something a component', () => {
  expect(gradesOf('no-owner', [fact('owner', 'core', ''), fact('owner', 'tools', '')])).toEqual([undefined, 'weak']);
});

it('[D38] type holes are candidates, however many', () => {
  expect(gradesOf('type-hole', [fact('type-hole', 'a.ts', 99, { symbol: 'as any' })])).toEqual(['weak']);
});

it('[D25] one author counts against a folder only if the policy calls it a component', () => {
  const by = (subject: string) => fact('author-share', subject, 0.95, { detail: { authors_of_repository: 5 } });
  expect(gradesOf('single-author', [by('core'), by('tools')])).toEqual([undefined, 'weak']);
});

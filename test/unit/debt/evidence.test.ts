import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { must } from '../../../src/kernel/assert.ts';
import type { Change } from '../../../src/debt/evidence/change-history.ts';
import { ChangeHistory } from '../../../src/debt/evidence/change-history.ts';
import type { CodeLine } from '../../../src/debt/evidence/clones.ts';
import { clonesIn, packLines } from '../../../src/debt/evidence/clones.ts';
import { CodeOwners } from '../../../src/debt/evidence/code-owners.ts';
import { cyclesOf, wayAround } from '../../../src/debt/evidence/import-cycles.ts';
import { populationStability } from '../../../src/debt/evidence/population-stability.ts';
import { wilsonUpper } from '../../../src/kernel/wilson.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { NOW_S } from '../../support/fixtures/debt-facts.ts';

const runs = { numRuns: effort(100), seed: 3 };
const DAY_S = 86_400;

describe('[D12] clones', () => {
  const row = (n: number): string => `const value${n} = compute(value${n}, other.field, ${n}) + 1;`;
  const file = (path: string, ...rows: string[]) => ({
    path,
    packedLines: packLines(rows.map((text, i): CodeLine => ({ line: i + 1, text }))),
  });
  const rows = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => row(from + i));

  it('are runs of ten lines, wherever they stand, and not of nine', () => {
    const ten = clonesIn([file('a', ...rows(0, 3), ...rows(50, 10)), file('b', ...rows(50, 10), ...rows(80, 4))]);
    expect(ten).toEqual([
      {
        path: 'a',
        other: 'b',
        lines: 10,
        tokens: expect.any(Number) as number,
        line: 4,
        lastLine: 13,
        otherLine: 1,
        otherLastLine: 10,
        at: 3,
        otherAt: 0,
        runs: 1,
      },
    ]);
    expect(clonesIn([file('a', ...rows(50, 9)), file('b', ...rows(50, 9), row(99))])).toEqual([]);
  });

  it('have 100 tokens: lists of words are no code', () => {
    const words = Array.from({ length: 20 }, (_, i) => `word${i},`);
    expect(clonesIn([file('a', ...words), file('b', ...words)])).toEqual([]);
  });

  it('are as long as the longest run: lines that differ end one; three copies are two', () => {
    const parted = (between: number): string[] => [...rows(0, 11), row(between), ...rows(20, 14)];
    expect(clonesIn([file('a', ...parted(90)), file('b', ...parted(91))])).toMatchObject([{ runs: 2, lines: 14, line: 13, otherLine: 13 }]);
    const turned = clonesIn([file('a', ...rows(0, 11), row(90), ...rows(20, 14)), file('b', ...rows(20, 14), row(91), ...rows(0, 11))]);
    expect(turned).toMatchObject([{ runs: 2, lines: 14, line: 13, otherLine: 1 }]);
    expect(clonesIn(['a', 'b', 'c'].map((path) => file(path, ...rows(0, 12))))).toHaveLength(2);
  });

  it('are contiguous and equal on both sides, and cannot be longer', () => {
    const texts = fc.array(fc.constantFrom(row(1), row(2), '}'), { minLength: 8, maxLength: 60 });
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        for (const { path, other, lines, line, otherLine } of clonesIn([file('a', ...a), file('b', ...b)])) {
          const [here, there] = [path, other].map((name) => (name === 'a' ? a : b)) as [string[], string[]];
          const [from, otherFrom] = [line - 1, otherLine - 1];
          expect(here.slice(from, from + lines)).toEqual(there.slice(otherFrom, otherFrom + lines));
          expect(lines).toBeGreaterThanOrEqual(10);
          if (here === there) continue;
          expect(from === 0 || otherFrom === 0 || here[from - 1] !== there[otherFrom - 1]).toBe(true);
          expect(here[from + lines] === undefined || here[from + lines] !== there[otherFrom + lines]).toBe(true);
        }
      }),
      runs,
    );
  });

  it('take in declarations, and are not made by them', () => {
    const declared = (count: number): string =>
      packLines([
        ...Array.from({ length: count }, (_, i): CodeLine => ({ line: i + 1, text: row(i), isDeclaration: true })),
        ...Array.from({ length: 10 }, (_, i): CodeLine => ({ line: count + i + 1, text: row(30 + i), isDeclaration: i === 5 })),
        { line: count + 11, text: row(70) },
      ]);
    const found = (packedLines: string) => clonesIn(['a', 'b'].map((path) => ({ path, packedLines })));
    expect(found(declared(30))).toMatchObject([{ lines: 11, line: 31 }]);
    expect(found(packLines(rows(0, 30).map((text, i) => ({ line: i + 1, text, isDeclaration: i > 8 }))))).toEqual([]);
    // Nine lines of code with declarations between them.
    expect(found(packLines(rows(0, 18).map((text, i) => ({ line: i + 1, text, isDeclaration: i % 2 === 1 }))))).toEqual([]);
  });

  it('are found within one file, without overlapping themselves', () => {
    expect(clonesIn([file('a', ...rows(0, 12), row(70), ...rows(0, 12))])).toMatchObject([
      { path: 'a', other: 'a', lines: 12, line: 1, otherLine: 14 },
    ]);
    const [repeated] = clonesIn([file('a', ...Array.from({ length: 28 }, () => row(1)))]);
    expect(repeated === undefined || repeated.lines <= 14).toBe(true);
  });
});

describe('cycles of imports', () => {
  const graph = fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { maxLength: 25 }).map((pairs) => {
    const edges = new Map<string, Set<string>>();
    for (const [a, b] of pairs) edges.set(`n${a}`, (edges.get(`n${a}`) ?? new Set()).add(`n${b}`));
    return edges;
  });
  const reaches = (edges: ReadonlyMap<string, ReadonlySet<string>>, from: string): Set<string> => {
    const seen = new Set<string>();
    for (let queue = [...(edges.get(from) ?? [])]; queue.length > 0; queue = queue.flatMap((node) => [...(edges.get(node) ?? [])])) {
      queue = queue.filter((node) => !seen.has(node));
      for (const node of queue) seen.add(node);
    }
    return seen;
  };

  it('are the groups that reach each other', () => {
    fc.assert(
      fc.property(graph, (edges) => {
        const groupOf = new Map(cyclesOf(edges).flatMap((cycle) => cycle.map((node) => [node, cycle] as const)));
        const nodes = new Set([...edges].flatMap(([from, to]) => [from, ...to]));
        for (const a of nodes) {
          for (const b of nodes) {
            if (a === b) continue;
            const together = reaches(edges, a).has(b) && reaches(edges, b).has(a);
            expect(groupOf.get(a)?.includes(b) === true).toBe(together);
          }
        }
      }),
      runs,
    );
  });

  it('have a way around that is made of imports', () => {
    fc.assert(
      fc.property(graph, (edges) => {
        for (const cycle of cyclesOf(edges)) {
          const way = wayAround(cycle, edges);
          expect(way.length).toBeGreaterThan(1);
          way.forEach((node, i) => expect(edges.get(node)?.has(must(way[(i + 1) % way.length], 'it is not empty'))).toBe(true));
        }
      }),
      runs,
    );
  });

  it('do not overflow the stack in a long chain', () => {
    const chain = new Map(Array.from({ length: 50_000 }, (_, i) => [`n${i}`, new Set([`n${(i + 1) % 50_000}`])]));
    expect(cyclesOf(chain).map(({ length }) => length)).toEqual([50_000]);
  });
});

describe('[D13] the history of changes', () => {
  const change = (daysAgo: number, path: string, over: Partial<Change> = {}): Change => ({
    author: 'Ada',
    atS: NOW_S - daysAgo * DAY_S,
    files: [{ path, lines: 10 }],
    ...over,
  });
  const historyOf = (changes: readonly Change[], nowS = NOW_S) => {
    const history = new ChangeHistory(nowS);
    for (const one of changes) history.add(one);
    return history;
  };

  it('halves a change every 90 days, and follows names', () => {
    const changes = [
      change(0, 'c'),
      change(90, 'c', { files: [{ path: 'c', before: 'b', lines: 1 }] }),
      change(180, 'b', { files: [{ path: 'b', before: 'a', lines: 1 }] }),
      change(270, 'a'),
    ];
    expect(historyOf(changes).after().churn).toEqual({ c: 1 + 0.5 + 0.25 + 0.125 });
  });

  it('says nothing of files that were changed with 200 others', () => {
    const files = Array.from({ length: 201 }, (_, i) => ({ path: `f${i}`, lines: 1 }));
    expect(historyOf([change(0, '', { files })]).after().churn).toEqual({});
    expect(Object.keys(historyOf([change(0, '', { files: files.slice(1) })]).after().churn)).toHaveLength(200);
  });

  it('is the same read at once or in two parts, renames between them included', () => {
    const one = fc.record({
      daysAgo: fc.integer({ min: 0, max: 400 }),
      author: fc.constantFrom('Ada', 'Bo'),
      path: fc.constantFrom('a', 'b', 'c'),
      before: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 2, maxLength: 12 }), fc.nat(), (made, cut) => {
        const changes = made
          .sort((a, b) => a.daysAgo - b.daysAgo)
          .map(({ daysAgo, author, path, before }) =>
            change(daysAgo, path, { author, files: [{ path, lines: 3, ...(before === undefined || before === path ? {} : { before }) }] }),
          );
        const at = cut % changes.length;
        const earlier = historyOf(changes.slice(at), must(changes[at], 'it is within').atS).after();
        const inParts = historyOf(changes.slice(0, at)).after(earlier);
        const atOnce = historyOf(changes).after();
        expect(Object.keys(inParts.churn).sort()).toEqual(Object.keys(atOnce.churn).sort());
        for (const [path, churn] of Object.entries(atOnce.churn)) expect(inParts.churn[path]).toBeCloseTo(churn, 9);
        expect(inParts.lastChange).toEqual(atOnce.lastChange);
        expect(inParts.firstS).toBe(atOnce.firstS);
      }),
      runs,
    );
  });
});

describe('[D14] CODEOWNERS', () => {
  const owners = new CodeOwners(
    [
      '* @all',
      '*.js @js  # scripts',
      '/build/ @builders',
      'docs/* @writers',
      'apps/ @apps',
      '/src/**/gen @gen',
      '/legal/',
      'a?c.txt @one',
    ].join('\n'),
  );

  it.each([
    ['readme.md', '@all'],
    ['src/deep/x.js', '@js'],
    ['build/logs/a.txt', '@builders'],
    ['src/build/a.txt', '@all'],
    ['docs/a.md', '@writers'],
    ['docs/more/a.md', '@all'],
    ['x/apps/y/z.ts', '@apps'],
    ['src/a/b/gen/x.ts', '@gen'],
    ['src/gen/x.ts', '@gen'],
    ['legal/a.md', ''],
    ['abc.txt', '@one'],
    ['abbc.txt', '@all'],
    ['build', '@all'],
  ])('of %s is %s', (path, expected) => {
    expect(owners.ownersOf(path).join(' ')).toBe(expected);
  });

  it('reads a dot as a dot', () => {
    expect(new CodeOwners('a.b @x').ownersOf('axb')).toEqual([]);
  });
});

describe('statistics', () => {
  it('the population stability index is that of its definition, 0 of the same, and undefined without the same bins', () => {
    expect(populationStability([10, 20], [100, 200])).toBeCloseTo(0, 12);
    expect(populationStability([50, 50], [80, 20])).toBeCloseTo(0.3 * Math.log(0.8 / 0.5) - 0.3 * Math.log(0.2 / 0.5), 12);
    expect(populationStability([50, 50], [100, 0])).toBeGreaterThan(1);
    expect(populationStability([1], [1, 2])).toBeUndefined();
    expect(populationStability([0, 0], [1, 2])).toBeUndefined();
  });

  it('the upper end of a Wilson interval is that of tables, and narrows with more runs', () => {
    expect(wilsonUpper(0, 10)).toBeCloseTo(0.2775, 3);
    expect(wilsonUpper(1, 10)).toBeCloseTo(0.4042, 3);
    expect(wilsonUpper(10, 1_000)).toBeLessThan(wilsonUpper(1, 100));
  });
});

import { expect, it } from 'vitest';

import { takenOf } from '../keep-coverage.ts';

/** A file of two lines, the second of which has a branch of two ways. */
const report = (path: string, taken: readonly [number, number]) => {
  const at = (line: number) => ({ start: { line, column: 0 }, end: { line, column: 9 } });
  const branch = { type: 'if', line: 2, loc: at(2), locations: [at(2), { start: { line: 2, column: 4 }, end: { line: 2, column: 9 } }] };
  const statements = { statementMap: { 0: at(1), 1: at(2) }, s: { 0: 1, 1: Math.max(...taken) } };
  return { [path]: { path, ...statements, fnMap: {}, f: {}, branchMap: { 0: branch }, b: { 0: [...taken] } } };
};

it('coverage of several suites is added up branch by branch, for each file by its path in the project', () => {
  const [left, right, none] = [report('/p/src/b.ts', [1, 0]), report('/p/src/b.ts', [0, 3]), report('/p/src/a.ts', [0, 0])];
  const of = (covered: number) => ({ covered, total: 2 });
  expect(Object.entries(takenOf([left, none], '/p'))).toEqual([
    ['src/a.ts', { lines: of(1), branches: of(0) }],
    ['src/b.ts', { lines: of(2), branches: of(1) }],
  ]);
  expect(takenOf([left, right], '/p')).toEqual({ 'src/b.ts': { lines: of(2), branches: of(2) } });
});

import { afterAll, expect, it } from 'vitest';
import { measure } from '../../../../workers/cli/debt/measure.ts';
import { mayCrashTheParser } from '../../../../workers/cli/debt/source/nesting.ts';
import { NOW_S } from '../../../support/fixtures/debt-facts.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';

const repository = new GitRepository(NOW_S);
afterAll(() => repository.remove());

it('[D101] a file that crashes the parser is left out with its reason, and the others are read', async () => {
  const listed = Array.from({ length: 7_000 }, (_, i) => `f(${i} + 1);`).join('\n');
  repository.commit(
    {
      'src/a.ts': 'export const a = 1;\n',
      'src/arrows.ts': `export const f = ${'a =>\n'.repeat(60_000)}a;\n`,
      'src/listed.ts': `declare const f: (of: number) => void;\n${listed}\n`,
      'src/sum.js': `export const sum = 1${' +\n1'.repeat(200_000)};\n`,
    },
    9,
  );
  const { file } = await measure(repository.root, {}, NOW_S);
  const census = file.facts.find(({ kind, symbol }) => kind === 'census' && symbol === 'hotspots');
  expect(census?.detail).toMatchObject({ 'left out: crashes the parser': 2 });
  expect(file.facts.flatMap(({ kind, subject }) => (kind === 'code-lines' ? [subject] : []))).toEqual(['src/a.ts', 'src/listed.ts']);
});

it('[D101] only files with very many operators are parsed apart', () => {
  expect([mayCrashTheParser('a = b;\n'.repeat(6_000)), mayCrashTheParser('a = b;\n'.repeat(6_001))]).toEqual([false, true]);
  expect([mayCrashTheParser('() => a'.repeat(2_000)), mayCrashTheParser('() => a'.repeat(2_001))]).toEqual([false, true]);
  expect(mayCrashTheParser('typeof '.repeat(6_001))).toBe(true);
});

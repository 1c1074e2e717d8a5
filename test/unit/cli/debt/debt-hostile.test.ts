import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { DebtFact } from '../../../../src/contract/debt/debt-facts.ts';
import { readFacts } from '../../../../workers/cli/debt/measure.ts';
import { programFor } from '../../../../workers/cli/program.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';
import { functionOf } from '../../../support/fixtures/debt-repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';

const ADA = 'Ada <ada@example.org>';
/** Names as a file system allows them: with marks of git's log, an escape of terminals, and more than one line. */
const FORGED = 'src/c\u0001123\u0002Eve <eve@example.org>.ts';
const MOVED = '\u0001456\u0002Eve <eve@example.org>';
const TITLED = 'src/\u001B]0;title\u0007\u009B31m.ts';
const LINES = 'a\nb/x\n".ts';

describe('[D101] a repository whose names are chosen to mislead', () => {
  const repository = new GitRepository(Math.floor(Date.now() / 1_000));
  const sluiceDebt = async (...args: string[]) => carriedOut(await programFor(['debt', ...args]), 'debt', ...args, repository.root);
  let collected: string;
  let facts: readonly DebtFact[];

  beforeAll(async () => {
    const deep = `x = ${'(\n'.repeat(100_000)}1${')\n'.repeat(100_000)}`;
    const files = { [FORGED]: functionOf('one'), [TITLED]: functionOf('two'), [LINES]: functionOf('three'), 'src/deep.js': deep };
    repository.commit({ ...files, [MOVED]: functionOf('moved') }, 9, ADA);
    repository.git('mv', '--', MOVED, `src/${MOVED}.ts`);
    repository.commit({ [FORGED]: functionOf('once') }, 8, ADA);
    repository.commit({ CODEOWNERS: `* @${TITLED}\n` }, 7, ADA);
    collected = (await sluiceDebt('collect')).stdout;
    ({ facts } = await readFacts(`${repository.root}/.sluice/debt/facts.json`));
  });
  afterAll(() => repository.remove());

  it('has the commits and authors that it has', () => {
    expect(collected).toContain('read 5 of 5 source files and 3 of 3 commits');
    expect(facts.flatMap(({ kind, subject }) => (kind === 'author-commits' ? [subject] : []))).toEqual([ADA]);
    const churn = facts.find(({ kind, subject }) => kind === 'code-churn' && subject === FORGED);
    expect(churn?.value).toBeGreaterThan(1);
    expect(facts.some(({ kind, subject }) => kind === 'code-lines' && subject === LINES)).toBe(true);
  });

  it('does not steer the terminal that shows it', async () => {
    for (const args of [['score', '--candidates'], ['teams'], ['onboard', 'src']]) {
      const { stdout } = await sluiceDebt(...args);
      expect(stdout).not.toBe('');
      expect(stdout, args.join(' ')).not.toMatch(/[^\P{Cc}\n]/u);
    }
  });
});

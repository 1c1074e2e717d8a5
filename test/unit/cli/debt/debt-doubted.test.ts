import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { programFor } from '../../../../workers/cli/program.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';
import { json } from '../../../support/fixtures/debt-repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';

// Commands read the clock.
const repository = new GitRepository(Math.floor(Date.now() / 1000));
afterAll(() => repository.remove());

it('[D102] sluice debt shows which candidates were items before', async () => {
  const debt = async (...args: string[]) =>
    (await carriedOut(await programFor(['debt', ...args]), 'debt', ...args, repository.root)).stdout;
  repository.commit({ 'src/a.ts': '// TODO: sort\nexport const a = 1;\n' }, 900);
  repository.commit({ 'debt.json': json({ confidence_min: 0, expects: [] }) }, 9);
  await debt('collect');
  const holes = ['b', 'c', 'd'].map((name) => `export let ${name}: any;\n`).join('');
  repository.commit({ 'src/b.ts': holes, 'debt.json': json({ expects: [] }) }, 8);
  await debt('collect');
  expect(await debt('score')).toContain('too unsure to be items: 2, 1 of which were items before;');
  const listed = await debt('score', '--candidates');
  expect(listed).toContain('old-todo (was an item): src/a.ts');
  expect(listed).toContain('type-hole: src/b.ts');
  const html = join(repository.root, 'debt.html');
  await debt('report', '--html', html);
  const [, doubted = ''] = (await readFile(html, 'utf8')).split('<h2>No items any more</h2>');
  expect(doubted.slice(0, doubted.indexOf('</section>'))).toMatch(/src\/a\.ts(?!.*src\/b\.ts)/s);
});

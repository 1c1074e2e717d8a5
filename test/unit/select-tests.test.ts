import { join } from 'node:path';

import { expect, it } from 'vitest';

import { selectTests } from '../select-tests.ts';

const ROOT = join(import.meta.dirname, '../..');

it('selects all tests of files whose path contains a pattern, with their projects', async () => {
  const { files, projects, titles } = await selectTests(['chaos/import', 'shards/overload'], ROOT);
  expect([...files].sort()).toEqual(['test/chaos/import-kill.test.ts', 'test/workerd/shards/overload.test.ts']);
  expect([...projects].sort()).toEqual(['chaos', 'shards']);
  expect(titles).toBeUndefined();
});

it('selects by title if no path contains the pattern, which is matched literally', async () => {
  const { files, titles } = await selectTests(['[RT10]'], ROOT);
  expect(files).toContain('test/chaos/growth-kill.test.ts');
  const pattern = new RegExp(titles!);
  expect([pattern.test('[RT10] kill -9'), pattern.test('[RT1] T')]).toEqual([true, false]);
});

it('selects nothing for a pattern that occurs nowhere', async () => {
  expect((await selectTests([['no', 'such', 'test'].join('~')], ROOT)).files).toEqual([]);
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const OXLINT = join(ROOT, 'node_modules/.bin/oxlint');

/** What lint prints of a folder. */
const lint = (folder: string, ...flags: string[]): Promise<string> =>
  promisify(execFile)(OXLINT, ['-c', join(ROOT, '.oxlintrc.json'), ...flags, folder])
    .then(({ stdout }) => stdout)
    .catch(({ stdout }: { stdout: string }) => stdout);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-layers-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it('a layer imports only what its tsconfig lists, types included', async () => {
  const layers = { lower: ['*.ts'], upper: ['*.ts', '../lower/*.ts'] };
  for (const [layer, include] of Object.entries(layers)) {
    const config = { extends: join(ROOT, 'src/tsconfig.base.json'), include };
    await mkdir(join(folder, layer));
    await writeFile(join(folder, layer, 'tsconfig.json'), JSON.stringify(config));
  }
  await writeFile(join(folder, 'lower/own.ts'), 'export const own = 1;\n');
  await writeFile(join(folder, 'upper/user.ts'), "import { own } from '../lower/own.ts';\n\nexport const user = own;\n");
  expect(await lint(folder, '--type-aware', '--type-check')).toContain('Found 0 warnings and 0 errors');
  await writeFile(join(folder, 'upper/other.ts'), 'export const other = 1;\n');
  await writeFile(join(folder, 'lower/own.ts'), "import type { other } from '../upper/other.ts';\n\nexport const own: typeof other = 1;\n");
  expect(await lint(folder, '--type-aware', '--type-check')).toContain('TS6307');
});

describe('lint rejects files that import each other in a cycle', () => {
  const withSecond = async (second: string): Promise<string> => {
    const cycle = await mkdtemp(join(folder, 'cycle-'));
    await writeFile(join(cycle, 'first.ts'), "import type { Second } from './second.ts';\n\nexport type First = Second | 1;\n");
    await writeFile(join(cycle, 'second.ts'), second);
    return lint(cycle);
  };

  it('also if only types are imported', async () => {
    expect(await withSecond("import type { First } from './first.ts';\n\nexport type Second = First[];\n")).toContain('import(no-cycle)');
    expect(await withSecond('export type Second = 2;\n')).toContain('Found 0 warnings and 0 errors');
  });
});

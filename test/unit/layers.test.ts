import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { strayFiles } from '../layers.ts';

const ROOT = join(import.meta.dirname, '../..');
const OXLINT = join(ROOT, 'node_modules/.bin/oxlint');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-layers-'));
  await mkdir(join(folder, 'lower'));
  await mkdir(join(folder, 'upper'));
  await writeFile(join(folder, 'lower/tsconfig.json'), '{ "compilerOptions": { "types": [] }, "include": ["*.ts"] }');
  await writeFile(join(folder, 'upper/tsconfig.json'), '{ "compilerOptions": { "types": [] }, "include": ["*.ts", "../lower/*.ts"] }');
  await writeFile(join(folder, 'lower/own.ts'), 'export const own = 1;');
  await writeFile(join(folder, 'upper/user.ts'), "import { own } from '../lower/own';\nexport const user = own;");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it('a layer imports only what its tsconfig lists, types included', async () => {
  const projects = ['lower', 'upper'].map((layer) => join(folder, layer, 'tsconfig.json'));
  expect(await Promise.all(projects.map(strayFiles))).toEqual([[], []]);
  await writeFile(join(folder, 'lower/own.ts'), "import type { user } from '../upper/user';\nexport const own: typeof user = 1;");
  expect(await Promise.all(projects.map(strayFiles))).toEqual([[join(folder, 'upper/user.ts')], []]);
});

describe('lint rejects files that import each other in a cycle', () => {
  const lint = async (second: string): Promise<string> => {
    const circle = await mkdtemp(join(folder, 'circle-'));
    await writeFile(join(circle, 'first.ts'), "import type { Second } from './second.ts';\n\nexport type First = Second | 1;\n");
    await writeFile(join(circle, 'second.ts'), second);
    const found = promisify(execFile)(OXLINT, ['-c', join(ROOT, '.oxlintrc.json'), circle]);
    return found.then(({ stdout }) => stdout).catch(({ stdout }: { stdout: string }) => stdout);
  };

  it('also if only types are imported', async () => {
    expect(await lint("import type { First } from './first.ts';\n\nexport type Second = First[];\n")).toContain('import(no-cycle)');
    expect(await lint('export type Second = 2;\n')).toContain('Found 0 warnings and 0 errors');
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { strayFiles } from '../layers.ts';

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

it('a layer may import what its tsconfig lists, and nothing else, not even a type', async () => {
  const projects = ['lower', 'upper'].map((layer) => join(folder, layer, 'tsconfig.json'));
  expect(await Promise.all(projects.map(strayFiles))).toEqual([[], []]);
  await writeFile(join(folder, 'lower/own.ts'), "import type { user } from '../upper/user';\nexport const own: typeof user = 1;");
  expect(await Promise.all(projects.map(strayFiles))).toEqual([[join(folder, 'upper/user.ts')], []]);
});

import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { ROOT } from '../../../workers/local/paths.ts';

it('[V80] [M130] the build for strict SIMD replaces all kernels that Workers import', async () => {
  const files = globSync(['durable-objects/**/*.ts', 'workers/{gateway,inference,objects,shards}/**/*.ts'], { cwd: ROOT });
  const sources = await Promise.all(files.map((file) => readFile(join(ROOT, file), 'utf8')));
  const imported = sources.flatMap((source) => [...source.matchAll(/from '(.*\.relaxed\.wasm)'/g)].map(([, path]) => path));
  expect(imported.length).toBeGreaterThan(1);
  const bundling = await readFile(join(ROOT, 'workers/local/bundle.ts'), 'utf8');
  const replaced = [...bundling.matchAll(/'(.*\.relaxed\.wasm)': '(.*)'/g)];
  expect(new Set(replaced.map(([, path]) => path))).toEqual(new Set(imported));
});

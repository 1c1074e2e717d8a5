import { readFile } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { compileKernels } from '../../../workers/local/compile-kernels.ts';

it('[V31] the committed kernels are the output of compiling their sources', async () => {
  const compiled = await compileKernels();
  expect(compiled.size).toBeGreaterThan(0);
  for (const [path, bytes] of compiled) expect(bytes.equals(await readFile(path)), `${path}: npm run build:wasm`).toBe(true);
});

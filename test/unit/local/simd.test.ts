import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { ROOT } from '../../../workers/local/paths.ts';

it('[V80] the build for strict SIMD replaces the kernels that shards import', async () => {
  const [bundling, object] = await Promise.all(
    ['workers/local/bundle.ts', 'durable-objects/shard-resources.ts'].map((file) => readFile(join(ROOT, file), 'utf8')),
  );
  const imported = /from '(.*probe\.relaxed\.wasm)'/.exec(object!)?.[1];
  expect(imported).toBeDefined();
  expect(/RELAXED_KERNELS = '(.*)'/.exec(bundling!)?.[1]).toBe(imported);
});

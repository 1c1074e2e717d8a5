import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

import { ASSETS, DIST } from '../../workers/local/paths.ts';
import type { WorkerName } from '../../workers/local/paths.ts';

/** The most kilobytes, compressed, of each Worker's upload. A user's request may have to start the gateway, so it stays small. */
const KB_MAX: Record<WorkerName, number> = { gateway: 170, objects: 150, shards: 150, inference: 4000 };

it.each(Object.entries(KB_MAX))('the upload of the %s Worker is at most %i kB, compressed', async (worker, kbMax) => {
  const files = (await readdir(join(DIST, worker))).filter((file) => /\.(js|wasm)$/.test(file));
  expect(files).toContain('index.js');
  const sizes = await Promise.all(files.map(async (file) => gzipSync(await readFile(join(DIST, worker, file))).byteLength));
  const kb = sizes.reduce((sum, size) => sum + size, 0) / 1000;
  console.log(`${worker}: ${kb.toFixed(0)} kB compressed`);
  expect(kb).toBeLessThan(kbMax);
});

/** The texts of an OpenAPI document that are long enough to be unique. */
function textsOf(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    (key === 'description' || key === 'summary') && typeof value === 'string' ? value.split(/[^\w ]+/) : textsOf(value),
  );
}

it('[G50] the OpenAPI document is a file, not code that a gateway parses at a cold start', async () => {
  const document: unknown = JSON.parse(await readFile(join(ASSETS, 'openapi.json'), 'utf8'));
  const texts = new Set(textsOf(document).filter((text) => text.length > 40));
  expect(texts.size).toBeGreaterThan(100);
  const bundle = await readFile(join(DIST, 'gateway', 'index.js'), 'utf8');
  expect([...texts].filter((text) => bundle.includes(text))).toEqual([]);
});

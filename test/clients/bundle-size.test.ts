import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

import { ASSETS, DIST, ROOT, WORKER_NAMES, wranglerToml } from '../../workers/local/paths.ts';
import type { WorkerName } from '../../workers/local/paths.ts';

/** The most kilobytes, compressed, of each Worker's upload: Cloudflare takes 3 MB, or 10 of a paid plan. The ONNX runtime alone is 3.6 MB. */
const KB_MAX: Record<WorkerName, number> = { gateway: 1_000, objects: 1_000, shards: 1_000, inference: 4_000 };

it.each(Object.entries(KB_MAX))('[G50] the upload of the %s Worker is at most %i kB, compressed', async (worker, kbMax) => {
  const files = (await readdir(join(DIST, worker))).filter((file) => /\.(js|wasm)$/.test(file));
  expect(files).toContain('index.js');
  const sizes = await Promise.all(files.map(async (file) => gzipSync(await readFile(join(DIST, worker, file))).byteLength));
  const kb = sizes.reduce((sum, size) => sum + size, 0) / 1000;
  console.log(`${worker}: ${kb.toFixed(0)} kB compressed`);
  expect(kb).toBeLessThan(kbMax);
});

it.each(WORKER_NAMES)('[G50] no module stands in for another in the %s Worker: what is tested is what runs', async (worker) => {
  expect(await readFile(wranglerToml(worker), 'utf8')).not.toMatch(/^\s*\[?"?alias/m);
});

/** Cloudflare refuses a static file that is larger. */
const ASSET_BYTES_MAX = 25 * 1024 * 1024;

it('[M28] no static file is larger than Cloudflare takes, and the runtimes of pages are among them', async () => {
  const files = await readdir(ASSETS, { recursive: true, withFileTypes: true });
  const sizes = files.filter((file) => file.isFile()).map(async (file) => (await stat(join(file.parentPath, file.name))).size);
  expect(Math.max(...(await Promise.all(sizes)))).toBeLessThanOrEqual(ASSET_BYTES_MAX);
  expect(files.map(({ name }) => name)).toContain('ort-wasm-simd-threaded.jspi.wasm');
});

it.each(['edge', 'registered'])('[M203] the guide states what /sdk/%s.js has, compressed', async (name) => {
  const guide = await readFile(join(ROOT, 'docs/api/edge.md'), 'utf8');
  const stated = Number(new RegExp(`/sdk/${name}\\.js\` [^(]*\\((\\d+) kB compressed\\)`).exec(guide)?.[1]);
  const kb = gzipSync(await readFile(join(ASSETS, 'sdk', `${name}.js`))).byteLength / 1_000;
  expect(Math.abs(kb - stated), `${kb.toFixed(1)} kB, stated: ${stated}`).toBeLessThan(0.05 * kb);
});

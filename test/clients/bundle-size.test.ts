import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

import type { Endpoint } from '../../src/contract/endpoint.ts';
import { CLUSTER_LIMITS } from '../../src/contract/cluster-limits.ts';
import { FILE_LIMITS } from '../../src/contract/file-limits.ts';
import { GRAPH_LIMITS } from '../../src/contract/graph-limits.ts';
import { JOB_LIMITS } from '../../src/contract/job-limits.ts';
import { PLANNING_ENDPOINTS } from '../../src/contract/planning-endpoints.ts';
import { POOL_LIMITS } from '../../src/contract/pool-limits.ts';
import { QUEUE_LIMITS } from '../../src/contract/queue-limits.ts';
import { RUN_LIMITS } from '../../src/contract/run-limits.ts';
import { SHARD_LIMITS } from '../../src/contract/shard-limits.ts';
import { TENANCY_LIMITS } from '../../src/contract/tenancy-limits.ts';
import { TRANSFER_LIMITS } from '../../src/contract/transfer-limits.ts';
import { UPSTREAM_ENDPOINTS } from '../../src/contract/upstream-endpoints.ts';
import { UPSTREAM_LIMITS } from '../../src/contract/upstream-limits.ts';
import { API_WORKERS, ASSETS, DIST } from '../../workers/local/paths.ts';
import type { WorkerName } from '../../workers/local/paths.ts';
import { workerConfigFile } from '../../workers/local/worker-config.ts';

/** The most kilobytes, compressed, of each Worker's upload. A user's request may have to start the gateway, so it stays small. */
const KB_MAX: Record<WorkerName, number> = {
  gateway: 140,
  // Of these 3 kB for jobs that make models and register them: their schemas, and the registration of what they made.
  control: 125,
  // Of these 7 kB for answers that are reused for other questions: the guard's words, verdicts, evidence and the routes' settings.
  upstreams: 138,
  planning: 120,
  objects: 150,
  shards: 150,
  inference: 4000,
};

it.each(Object.entries(KB_MAX))('the upload of the %s Worker is at most %i kB, compressed', async (worker, kbMax) => {
  const files = (await readdir(join(DIST, worker))).filter((file) => /\.(js|wasm)$/.test(file));
  expect(files).toContain('index.js');
  const sizes = await Promise.all(files.map(async (file) => gzipSync(await readFile(join(DIST, worker, file))).byteLength));
  const kb = sizes.reduce((sum, size) => sum + size, 0) / 1000;
  console.log(`${worker}: ${kb.toFixed(0)} kB compressed`);
  expect(kb).toBeLessThan(kbMax);
});

/** Cloudflare refuses a static file that is larger. */
const ASSET_BYTES_MAX = 25 * 1024 * 1024;

it('[M28] no static file is larger than Cloudflare takes, and the runtimes of pages are among them', async () => {
  const files = await readdir(ASSETS, { recursive: true, withFileTypes: true });
  const sizes = files.filter((file) => file.isFile()).map(async (file) => (await stat(join(file.parentPath, file.name))).size);
  expect(Math.max(...(await Promise.all(sizes)))).toBeLessThanOrEqual(ASSET_BYTES_MAX);
  expect(files.map(({ name }) => name)).toContain('ort-wasm-simd-threaded.jspi.wasm');
});

it('[G50] the gateway names no limit of the calls that it forwards: its bundle lacks them', async () => {
  const bundle = await readFile(join(DIST, 'gateway', 'index.js'), 'utf8');
  const lacking = {
    ...TENANCY_LIMITS,
    ...SHARD_LIMITS,
    ...RUN_LIMITS,
    ...FILE_LIMITS,
    ...JOB_LIMITS,
    ...POOL_LIMITS,
    ...QUEUE_LIMITS,
    ...CLUSTER_LIMITS,
    ...TRANSFER_LIMITS,
    ...GRAPH_LIMITS,
    ...UPSTREAM_LIMITS,
  };
  expect(Object.keys(lacking).length).toBeGreaterThan(50);
  expect(Object.keys(lacking).filter((name) => bundle.includes(name))).toEqual([]);
});

it.each([...API_WORKERS, 'objects'] as const)('[G50] the %s Worker names no limit that its configuration replaces', async (worker) => {
  const { alias = {} } = JSON.parse(await readFile(workerConfigFile(worker), 'utf8')) as { alias?: Record<string, string> };
  const replaced = Object.entries(alias).flatMap(([module, standIn]) => (standIn.endsWith('/no-limits.ts') ? [module] : []));
  const modules = await Promise.all(replaced.map((module) => import(join('../../src/contract', module)) as Promise<object>));
  const names = modules.flatMap((module) => Object.values(module).flatMap((limits: object) => Object.keys(limits)));
  expect(names.length).toBeGreaterThan(50);
  const bundle = await readFile(join(DIST, worker, 'index.js'), 'utf8');
  expect(names.filter((name) => new RegExp(`\\b${name}\\b`).test(bundle))).toEqual([]);
});

it('Workers whose bundles cannot read arrays one by one or write vectors have no call that does', () => {
  const calls: readonly Endpoint[] = Object.values({ ...UPSTREAM_ENDPOINTS, ...PLANNING_ENDPOINTS });
  expect(calls.filter(({ body, reply }) => 'streamed' in body || 'rows' in body || 'hasRows' in reply)).toEqual([]);
});

it('the planning Worker, whose bundle cannot write to indexes, has no call that may', () => {
  const scopes = Object.values<Endpoint>(PLANNING_ENDPOINTS).map(({ access }) => ('scope' in access ? access.scope : undefined));
  expect(scopes.length).toBeGreaterThan(10);
  expect(scopes.filter((scope) => scope?.startsWith('index:') ?? true)).toEqual([]);
});

/** The texts of an OpenAPI document that are long enough to be unique. */
function textsOf(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    (key === 'description' || key === 'summary') && typeof value === 'string' ? value.split(/[^\w ]+/) : textsOf(value),
  );
}

it.each(API_WORKERS)('[G50] the OpenAPI document is a file, not code that the %s Worker parses at a cold start', async (worker) => {
  const document: unknown = JSON.parse(await readFile(join(ASSETS, 'openapi.json'), 'utf8'));
  const texts = new Set(textsOf(document).filter((text) => text.length > 32));
  expect(texts.size).toBeGreaterThan(100);
  const bundle = await readFile(join(DIST, worker, 'index.js'), 'utf8');
  expect([...texts].filter((text) => bundle.includes(text))).toEqual([]);
});

/** The names of the schemas that a part of the document refers to, directly or through others. */
function schemasIn(node: unknown, schemas: Readonly<Record<string, unknown>>, found = new Set<string>()): Set<string> {
  for (const [, name = ''] of JSON.stringify(node ?? null).matchAll(/#\/components\/schemas\/(\w+)/g)) {
    if (found.has(name)) continue;
    found.add(name);
    schemasIn(schemas[name], schemas, found);
  }
  return found;
}

it.each(API_WORKERS)('[G50] the %s Worker has no schemas of replies, which nothing validates', async (worker) => {
  const document = JSON.parse(await readFile(join(ASSETS, 'openapi.json'), 'utf8')) as OpenApi;
  const { schemas } = document.components;
  const requests = Object.values(document.paths).flatMap((path) => Object.values(path).map((call) => ({ ...call, responses: null })));
  const asked = schemasIn(requests, schemas);
  const answered = Object.keys(schemas).filter((name) => !asked.has(name));
  expect(answered.length).toBeGreaterThan(20);
  const bundle = await readFile(join(DIST, worker, 'index.js'), 'utf8');
  expect(answered.filter((name) => bundle.includes(`id:"${name}"`))).toEqual([]);
});

interface OpenApi {
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: unknown }>>>>;
}

it('the objects Worker, which validates no request, carries no library for it', async () => {
  const { sources } = JSON.parse(await readFile(join(DIST, 'objects/index.js.map'), 'utf8')) as { sources: string[] };
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.filter((source) => source.includes('/zod/'))).toEqual([]);
});

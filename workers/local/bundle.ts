import { spawn } from 'node:child_process';
import { glob, mkdir, rm, stat, utimes, writeFile, cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, dirname } from 'node:path';

import type { PluginBuild } from 'esbuild';

import { STATIC_FILES } from './cloudflare-services.ts';
import type { writeSearch } from './docs/search-index.ts';
import type { WorkerName } from './paths.ts';
import { DIST, ROOT, WORKER_NAMES, wranglerToml, ASSETS } from './paths.ts';
import { QUIET_ENVIRONMENT } from './quiet-environment.ts';
import { writeEncodings } from './token-encodings.ts';
import { workerConfigFile } from './worker-config.ts';

const STAMP = join(DIST, '.built');
/** Kernels for relaxed SIMD, as they are imported, and what stands in for them. */
const STRICT_KERNELS = {
  '../src/ann/wasm/probe.relaxed.wasm': 'workers/shards/strict-probe.ts',
  '../../src/inference/wasm/encoder.relaxed.wasm': 'workers/inference/strict-encoder.ts',
};
const SOURCES = ['src/**/*', 'durable-objects/**/*', 'workers/**/*', 'docs/**/*', 'wrangler.toml', 'package-lock.json'];

/**
 * Builds the assets and every Worker's bundle into dist/, unless nothing has changed since the last time. A process of its own does it: what it
 * loads for that, such as wrangler, takes some 300 MB.
 */
export async function bundle(): Promise<void> {
  if ((await newestMs(SOURCES)) >= (await modifiedMs(STAMP))) await runNode('building dist', join(ROOT, 'workers/local/build.ts'), []);
}

/** What a deployment would upload, in dist/. Resolves to what wrangler printed of each Worker. */
export async function buildAll(): Promise<string[]> {
  const beganAt = new Date();
  // A build that is cut off must not look like the one before it.
  await rm(STAMP, { force: true });
  await buildAssets();
  // Platforms without relaxed SIMD refuse a Worker that imports it.
  const standIns = process.env['SLUICE_SIMD'] === 'strict' ? Object.entries(STRICT_KERNELS) : [];
  const kernels = standIns.flatMap(([kernel, path]) => ['--alias', `${kernel}:${join(ROOT, path)}`]);
  const [, ...outputs] = await Promise.all([
    writeConfigs(),
    ...WORKER_NAMES.map((worker) => dryRun(worker, ['-c', wranglerToml(worker), ...kernels])),
    bundleEntry(STATIC_FILES, join(ROOT, 'workers/local/static-files.ts')),
  ]);
  await writeFile(STAMP, '');
  // What was edited while it was built is not in it.
  await utimes(STAMP, beganAt, beganAt);
  return outputs;
}

/** The bundle of a Worker that is one file without bindings. It has a configuration of its own, lest wrangler take the gateway's. */
export async function bundleEntry(name: string, entry: string): Promise<string> {
  const config = join(DIST, `${name}.toml`);
  await mkdir(DIST, { recursive: true });
  await writeFile(config, `name = "${name}"\nmain = ${JSON.stringify(entry)}\ncompatibility_date = "2026-10-01"\n`);
  return dryRun(name, ['-c', config]);
}

/** A Worker's bundle in which other modules stand in for some, by the specifiers that they are imported with. */
export function bundleVariant(name: string, worker: WorkerName, standIns: Readonly<Record<string, string>>): Promise<string> {
  const aliases = Object.entries(standIns).flatMap(([specifier, path]) => ['--alias', `${specifier}:${path}`]);
  return dryRun(name, ['-c', wranglerToml(worker), ...aliases]);
}

/** A Worker's bundle whose functions keep their names, as a profile shows them; returns the name of the bundle. */
export async function bundleReadable(worker: WorkerName): Promise<string> {
  const name = `${worker}-readable`;
  await dryRun(name, ['-c', wranglerToml(worker), '--no-minify']);
  return name;
}

async function dryRun(name: string, args: readonly string[]): Promise<string> {
  // An absolute outdir: wrangler resolves a relative one against two different folders.
  const outdir = join(DIST, name);
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
  return runNode(`building ${name}`, wrangler, ['deploy', '--dry-run', '--outdir', outdir, ...args]);
}

/** What it printed. */
async function runNode(what: string, script: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...QUIET_ENVIRONMENT },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${what} failed:\n${output}`);
  return output;
}

/** The configurations of all Workers, as wrangler reads them. */
async function writeConfigs(): Promise<void> {
  const { unstable_readConfig: readConfig } = await import('wrangler');
  for (const worker of WORKER_NAMES) {
    await writeFile(workerConfigFile(worker), JSON.stringify(readConfig({ config: wranglerToml(worker) }), undefined, 2));
  }
}

async function newestMs(patterns: string[]): Promise<number> {
  let newest = 0;
  for await (const file of glob(patterns, { cwd: ROOT })) newest = Math.max(newest, await modifiedMs(join(ROOT, file)));
  return newest;
}

async function modifiedMs(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
}

const SWAGGER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'];

/** Assembles what the gateway serves as static files: the models, the encodings of tokens, the OpenAPI document and its page. */
export async function buildAssets(): Promise<void> {
  await rm(ASSETS, { recursive: true, force: true });
  await mkdir(ASSETS, { recursive: true });
  await cp(join(ROOT, 'workers/gateway/public'), ASSETS, { recursive: true });
  const { openApiDocument } = await import('../../src/contract/openapi/openapi.ts');
  const document = openApiDocument();
  await writeFile(join(ASSETS, 'openapi.json'), JSON.stringify(document));
  await buildDocs(join(ASSETS, 'docs'), document);
  await writeEncodings(join(ASSETS, 'encodings'));
  await buildEdgeModule();
}

/** The guides as pages, the search over them and over the operations, and the page of those. */
async function buildDocs(folder: string, document: Parameters<typeof writeSearch>[2]): Promise<void> {
  const { readGuides, writeGuides } = await import('./docs/guide-pages.ts');
  const { writeSearch } = await import('./docs/search-index.ts');
  const pages = await readGuides();
  await writeGuides(folder, pages);
  await writeSearch(folder, pages, document);
  const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  for (const file of SWAGGER_FILES) await cp(join(swagger, file), join(folder, file));
}

/** The module that pages embed with (workers/edge), and the runtimes that it loads. */
async function buildEdgeModule(): Promise<void> {
  const { build } = await import('esbuild');
  // What registered models need is a module of its own, beside the first, which loads it only for pages that have such a model.
  for (const name of ['edge', 'registered'])
    await build({
      entryPoints: [join(ROOT, `workers/edge/${name}.ts`)],
      outfile: join(ASSETS, `sdk/${name}.js`),
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2022',
      logLevel: 'error',
      plugins: [{ name: 'registered models', setup: keepApart }],
    });
  const { ENCODER_KERNELS, RUNTIMES } = await import('../edge/runtimes.ts');
  const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/wasm'));
  for (const file of Object.values(RUNTIMES).flatMap(({ module, wasm }) => [module, wasm]))
    await cp(join(runtime, file), join(ASSETS, 'sdk/ort', file));
  for (const file of Object.values(ENCODER_KERNELS)) await cp(join(ROOT, 'src/inference/wasm', file), join(ASSETS, 'sdk/encoder', file));
}

/** What registered models need stays a module of its own. */
function keepApart(plugin: PluginBuild): void {
  plugin.onResolve({ filter: /^\.\/registered\.ts$/ }, ({ kind }) =>
    kind === 'dynamic-import' ? { path: './registered.js', external: true } : undefined,
  );
}

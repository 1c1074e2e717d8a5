import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Log, LogLevel } from 'miniflare';
import { unstable_getMiniflareWorkerOptions as workerOptionsOf, unstable_readConfig as readConfig } from 'wrangler';

import type { WorkerName } from './paths.ts';
import { DIST, wranglerToml } from './paths.ts';

export interface TopologyOptions {
  /** Port of each gateway isolate; several are separate isolates over the same objects. */
  readonly gatewayPorts: readonly number[];
  /** Where objects and buckets keep their data. */
  readonly stateDir: string;
  /** Plain-text bindings of the gateways alone, such as the admin key. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Settings of the deployment, for gateways and objects. */
  readonly variables: Readonly<Record<string, string>>;
}

/** All that is listened to, so that every connection comes from this machine. */
const HOST = '127.0.0.1';

const STATIC_WORKER = 'sluice-static';

/**
 * The whole deployment as Miniflare options: bindings from the wrangler.toml files, code from the built bundles.
 *
 * Gateways are reached by direct sockets and hold no assets themselves: an `assets` option costs about 240 us of CPU a
 * request in front of the code, so a tiny Worker serves them over a service binding.
 */
export function topology(options: TopologyOptions): ReturnType<typeof convertV4MiniflareOptions> {
  const { assets, ...gateway } = built('gateway');
  const gateways = options.gatewayPorts.map((port, position) => ({
    ...gateway,
    name: position === 0 ? gateway.name : `${gateway.name}-${position + 1}`,
    bindings: { ...gateway.bindings, ...options.variables, ...options.secrets, PEER_ADDRESS: HOST },
    serviceBindings: { ...gateway.serviceBindings, ASSETS: STATIC_WORKER },
    // The objects of the first serve all: two would do the same work twice.
    ...(position === 0 ? {} : { durableObjects: { ...gateway.durableObjects, GENERATION: generationsOf(gateway.name) } }),
    unsafeDirectSockets: [{ host: HOST, port }],
  }));
  const { assets: _sameAssets, ...inference } = built('inference');
  const objects = built('objects');
  return convertV4MiniflareOptions({
    host: HOST,
    port: 0,
    cf: false,
    log: new Log(LogLevel.WARN),
    telemetry: { enabled: false },
    resourcePersistencePath: options.stateDir,
    workers: [
      ...gateways,
      { ...objects, bindings: { ...objects.bindings, ...options.variables } },
      built('shards'),
      { ...inference, serviceBindings: { ...inference.serviceBindings, ASSETS: STATIC_WORKER } },
      staticWorker(assets),
    ],
  });
}

const generationsOf = (scriptName: string) => ({ className: 'GenerationObject', scriptName, useSQLite: true });

type V4Worker = Extract<Parameters<typeof convertV4MiniflareOptions>[0], { workers: unknown }>['workers'][number];

/** A Worker as its wrangler.toml binds it and as its bundle was built. */
function built(worker: WorkerName) {
  const toml = wranglerToml(worker);
  const folder = join(DIST, worker);
  return {
    ...workerOptionsOf(toml).workerOptions,
    name: readConfig({ config: toml }).name,
    modulesRoot: folder,
    modules: readdirSync(folder)
      .filter((file) => /\.(js|wasm)$/.test(file))
      .sort((a, b) => Number(b === 'index.js') - Number(a === 'index.js'))
      .map((file) => module(join(folder, file))),
  } as V4Worker & { name: string };
}

function module(path: string) {
  const contents = readFileSync(path);
  return path.endsWith('.wasm')
    ? { type: 'CompiledWasm' as const, path, contents }
    : { type: 'ESModule' as const, path, contents: contents.toString() };
}

function staticWorker(assets: object | undefined): V4Worker {
  return {
    name: STATIC_WORKER,
    compatibilityDate: '2026-10-01',
    modulesRoot: '/static',
    modules: [
      { type: 'ESModule', path: '/static/index.js', contents: 'export default { fetch: (request, env) => env.ASSETS.fetch(request) }' },
    ],
    // Neither the gateway's routing nor its own code may stand in front of a file here.
    assets: { ...assets, binding: 'ASSETS', routerConfig: undefined, run_worker_first: false },
  } as V4Worker;
}

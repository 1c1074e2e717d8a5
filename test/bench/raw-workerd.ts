import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';

import { unstable_readConfig as readConfig } from 'wrangler';

import { ASSETS, DIST, WORKER_NAMES, wranglerToml } from '../../workers/local/paths.ts';
import type { WorkerName } from '../../workers/local/paths.ts';

export interface RawWorkerd {
  readonly pid: number;
  /** CPU seconds used so far, user and system. */
  readonly cpuS: () => Promise<number>;
  stop(): Promise<void>;
  /** Ends it as a crash does: nothing is written any more. */
  kill(): Promise<void>;
}

export interface RawWorkerdOptions {
  readonly stateDir: string;
  readonly gatewayPort: number;
  readonly barePort: number;
  readonly secrets: Readonly<Record<string, string>>;
  /** An additional Worker with the gateway's bindings and `UPSTREAM`, a server on this machine. */
  readonly beside?: { readonly bundle: string; readonly port: number; readonly upstreamPort: number };
  /** Bundles to run in place of the Workers' own. */
  readonly variants?: Readonly<Partial<Record<WorkerName, string>>>;
}

/** The parts of a wrangler configuration that become bindings here. */
interface WorkerConfig {
  readonly name: string;
  readonly migrations: { readonly new_sqlite_classes?: readonly string[] }[];
  readonly durable_objects: { readonly bindings: { readonly name: string; readonly class_name: string; readonly script_name?: string }[] };
  readonly services?: { readonly binding: string; readonly service: string; readonly entrypoint?: string }[];
  readonly assets?: object;
}

const TICKS_PER_S = 100;
/** Generous: on a busy machine, loading the bundles takes long. */
const ANSWER_MAX_MS = 60_000;
const quote = (text: string): string => JSON.stringify(text);

/**
 * Serves the built bundles with `workerd serve` alone: Miniflare's entry and `wrangler dev` cost many times the request itself. There are
 * no buckets, so routes that use files cannot be measured this way.
 */
export async function serveRaw(options: RawWorkerdOptions): Promise<RawWorkerd> {
  const storeDir = join(options.stateDir, 'raw');
  await mkdir(storeDir, { recursive: true });
  return launch(await capnp(options, storeDir), options.stateDir, `http://127.0.0.1:${options.gatewayPort}/healthz`);
}

/** Serves one built Worker without bindings. */
export async function serveAlone(name: string, stateDir: string, port: number): Promise<RawWorkerd> {
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "alone", worker = (modules = [${await modulesOf(join(DIST, name), stateDir)}], compatibilityDate = "2026-10-01"))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "alone")]
);
`;
  return launch(config, stateDir, `http://127.0.0.1:${port}/`);
}

/** Serves one built Worker whose only bindings are its own classes, on the storage in `stateDir`. */
export async function serveObjects(
  name: string,
  classes: Readonly<Record<string, string>>,
  stateDir: string,
  port: number,
): Promise<RawWorkerd> {
  const storeDir = join(stateDir, 'objects');
  await mkdir(storeDir, { recursive: true });
  const namespaces = Object.values(classes).map(
    (className) => `(className = ${quote(className)}, uniqueKey = ${quote(className)}, enableSql = true)`,
  );
  const bindings = Object.entries(classes).map(
    ([binding, className]) => `(name = ${quote(binding)}, durableObjectNamespace = (className = ${quote(className)}))`,
  );
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "store", disk = (path = ${quote(storeDir)}, writable = true)),
    (name = "alone", worker = (
      modules = [${await modulesOf(join(DIST, name), stateDir)}],
      compatibilityDate = "2026-10-01",
      durableObjectNamespaces = [${namespaces.join(', ')}],
      durableObjectStorage = (localDisk = "store"),
      bindings = [${bindings.join(', ')}]))
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "alone")]
);
`;
  return launch(config, stateDir, `http://127.0.0.1:${port}/`);
}

async function launch(configText: string, stateDir: string, healthUrl: string): Promise<RawWorkerd> {
  const config = join(stateDir, 'config.capnp');
  await writeFile(config, configText);
  const require = createRequire(import.meta.url);
  const workerd = createRequire(require.resolve('miniflare'))('workerd') as { default: string };
  const child = spawn(workerd.default, ['serve', config], { stdio: ['ignore', 'inherit', 'inherit'] });
  await waitUntilAnswers(healthUrl, child);
  const pid = child.pid ?? 0;
  return {
    pid,
    cpuS: async () => {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
    },
    stop: () => ended(child, 'SIGTERM'),
    kill: () => ended(child, 'SIGKILL'),
  };
}

async function ended(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await exited;
}

async function waitUntilAnswers(url: string, child: ChildProcess): Promise<void> {
  for (let waitedMs = 0; waitedMs < ANSWER_MAX_MS && child.exitCode === null; waitedMs += 50) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MAX_MS) }).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error(`workerd does not answer at ${url}`);
}

async function capnp(options: RawWorkerdOptions, storeDir: string): Promise<string> {
  const { beside } = options;
  const workers = await Promise.all(WORKER_NAMES.map((worker) => workerStruct(worker, options)));
  if (beside !== undefined) {
    const gateway = await workerStruct('gateway', options, beside.bundle);
    workers.push(gateway, `(name = "upstream", external = (address = "127.0.0.1:${beside.upstreamPort}", http = ()))`);
  }
  const bare = await modulesOf(join(DIST, 'bare-hono'), options.stateDir);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "store", disk = (path = ${quote(storeDir)}, writable = true)),
    (name = "assets", disk = (path = ${quote(ASSETS)})),
    (name = "bare", worker = (modules = [${bare}], compatibilityDate = "2026-10-01")),
    ${workers.join(',\n    ')}
  ],
  sockets = [
    (name = "gateway", address = "127.0.0.1:${options.gatewayPort}", http = (), service = "sluice-gateway"),
    (name = "bare", address = "127.0.0.1:${options.barePort}", http = (), service = "bare")${
      beside === undefined
        ? ''
        : `,
    (name = "beside", address = "127.0.0.1:${beside.port}", http = (), service = ${quote(beside.bundle)})`
    }
  ]
);
`;
}

/** A Worker with the bindings of its wrangler.toml; `bundle` replaces its code. */
async function workerStruct(worker: WorkerName, { stateDir, secrets, variants }: RawWorkerdOptions, bundle?: string): Promise<string> {
  const config = readConfig({ config: wranglerToml(worker) }) as unknown as WorkerConfig;
  const own = new Set(config.migrations.flatMap((migration) => migration.new_sqlite_classes ?? []));
  const bindings = [
    ...config.durable_objects.bindings.map(
      ({ name, class_name, script_name }) =>
        `(name = ${quote(name)}, durableObjectNamespace = (className = ${quote(class_name)}${script_name === undefined ? '' : `, serviceName = ${quote(script_name)}`}))`,
    ),
    ...(config.services ?? []).map(
      ({ binding, service, entrypoint }) =>
        `(name = ${quote(binding)}, service = (name = ${quote(service)}${entrypoint === undefined ? '' : `, entrypoint = ${quote(entrypoint)}`}))`,
    ),
    ...(config.assets === undefined ? [] : ['(name = "ASSETS", service = "assets")']),
    ...(bundle === undefined ? [] : ['(name = "UPSTREAM", service = "upstream")']),
    ...Object.entries({ LOG_LEVEL: 'warn', ...secrets }).map(([name, text]) => `(name = ${quote(name)}, text = ${quote(text)})`),
  ];
  const namespaces = [...own].map(
    (name) => `(className = ${quote(name)}, uniqueKey = ${quote(`${config.name}-${name}`)}, enableSql = true)`,
  );
  return `(name = ${quote(bundle ?? config.name)}, worker = (
      modules = [${await modulesOf(join(DIST, bundle ?? variants?.[worker] ?? worker), stateDir)}],
      compatibilityDate = "2026-10-01",
      durableObjectNamespaces = [${namespaces.join(', ')}],
      ${namespaces.length === 0 ? '' : 'durableObjectStorage = (localDisk = "store"),'}
      bindings = [${bindings.join(', ')}]))`;
}

/** The modules of a bundle, the main one first, as workerd requires. Cap'n Proto embeds files by relative path. */
async function modulesOf(folder: string, stateDir: string): Promise<string> {
  const files = (await readdir(folder)).filter((file) => /\.(js|wasm)$/.test(file));
  // The main module is index.js, or the only script.
  const order = (file: string): number => (file === 'index.js' ? 0 : Number(file.endsWith('.wasm')) + 1);
  files.sort((a, b) => order(a) - order(b));
  return files
    .map(
      (file) =>
        `(name = ${quote(file)}, ${file.endsWith('.wasm') ? 'wasm' : 'esModule'} = embed ${quote(relative(stateDir, join(folder, file)))})`,
    )
    .join(', ');
}

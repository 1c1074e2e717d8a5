import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { BundleFiles } from './bundle-files.ts';
import type { Literal } from './capnp-text.ts';
import { capnpText } from './capnp-text.ts';
import { bucketNamed, buckets, COMPATIBILITY_DATE, miniflareModules, STATIC_FILES, staticFiles } from './cloudflare-services.ts';
import type { WorkerName } from './paths.ts';
import { WORKER_NAMES } from './paths.ts';
import { storageKeyOf } from './storage-keys.ts';
import type { WorkerConfig } from './worker-config.ts';
import { classesOf, readWorkerConfig } from './worker-config.ts';

export interface WorkerdOptions {
  /** Port of each gateway isolate; several are separate isolates over the same objects. */
  readonly gatewayPorts: readonly number[];
  /** Where objects and buckets keep their data. */
  readonly storeDir: string;
  /** Plain-text bindings of the gateway, such as the admin key. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Settings of the deployment, for the gateway and objects. */
  readonly variables: Readonly<Record<string, string>>;
  /** Bundles in `dist` that run in place of the Workers' own. */
  readonly variants?: Readonly<Partial<Record<WorkerName, string>>> | undefined;
  /** Compatibility flags of every Worker besides its own: what variants need. */
  readonly flags?: readonly string[] | undefined;
  readonly guests?: readonly Guest[] | undefined;
  /** Options of V8 besides those that every deployment has. */
  readonly v8Flags?: readonly string[] | undefined;
}

/** A built Worker that is no part of a deployment but runs beside it, on a port of its own. */
export interface Guest {
  /** Its name, and that of its folder in `dist`. */
  readonly bundle: string;
  readonly port: number;
  /** Whether it has the bindings of the gateway. */
  readonly isBound?: boolean;
  /** A server on this machine that it reaches as `BESIDE`. */
  readonly upstreamPort?: number | undefined;
}

/** All that is listened to, so that every connection comes from this machine. */
export const HOST = '127.0.0.1';
const OBJECTS_DISK = 'objects-disk';
/**
 * By default up to 48 MB of new objects, dead ones too, gather in each isolate. With 3 MB, requests and imports cost the same, and collecting
 * those that live interrupts a query for a shorter time, more often.
 */
const V8_FLAGS = ['--max-semi-space-size=1'];

/** workerd makes the folders of classes, not those that hold them. */
export async function makeStores(storeDir: string): Promise<void> {
  for (const store of ['do', 'r2']) await mkdir(join(storeDir, store), { recursive: true });
}

/** A whole deployment as workerd's configuration: bindings from the wrangler.toml files, code from the built bundles. The text has to be in `folder`. */
export function workerdConfig(options: WorkerdOptions, folder: string): string {
  const { gatewayPorts, storeDir, guests = [], v8Flags = [] } = options;
  const files = new BundleFiles(folder);
  const workers = new Workers(options, files);
  const gateways = gatewayPorts.map((port, position) => ({
    port,
    name: workers.gatewayName(position),
    service: workers.gateway(position),
  }));
  return configText({
    services: [
      // Webhooks may lead to this machine or its network.
      { name: 'internet', network: { allow: ['public', 'private'], tlsOptions: { trustBrowserCas: true } } },
      { name: OBJECTS_DISK, disk: { path: join(storeDir, 'do'), writable: true } },
      ...gateways.map(({ service }) => service),
      ...WORKER_NAMES.filter((name) => name !== 'gateway').map((name) => workers.service(name)),
      ...guests.flatMap((guest) => workers.guest(guest)),
      ...staticFiles(files),
      ...buckets(storeDir, files),
    ],
    sockets: [...gateways.map(({ name, port }) => socket(name, port)), ...guests.map(({ bundle, port }) => socket(bundle, port))],
    extensions: [miniflareModules(files)],
    v8Flags: [...V8_FLAGS, ...v8Flags],
  });
}

interface AloneOptions {
  readonly bundle: string;
  readonly port: number;
  /** Its classes of Durable Objects, by the names of their bindings. */
  readonly classes: Readonly<Record<string, string>>;
  readonly storeDir: string;
}

/** One built Worker, whose only bindings are its own classes. */
export function aloneConfig({ bundle, port, classes, storeDir }: AloneOptions, folder: string): string {
  const worker = {
    modules: new BundleFiles(folder).modules(bundle),
    compatibilityDate: COMPATIBILITY_DATE,
    ...hosting(Object.values(classes), (className) => className),
    bindings: Object.entries(classes).map(([name, className]) => ({ name, durableObjectNamespace: { className } })),
  };
  return configText({
    services: [
      { name: OBJECTS_DISK, disk: { path: storeDir, writable: true } },
      { name: bundle, worker },
    ],
    sockets: [socket(bundle, port)],
    v8Flags: V8_FLAGS,
  });
}

const configText = (config: Literal): string => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = ${capnpText(config)};
`;

const socket = (service: string, port: number): Literal => ({ name: service, address: `${HOST}:${port}`, http: {}, service });

/** What hosts these classes; nothing if there are none. The keys name the folders of the classes in storage. */
const hosting = (classes: readonly string[], keyOf: (className: string) => string): Record<string, Literal> =>
  classes.length === 0
    ? {}
    : {
        durableObjectNamespaces: classes.map((className) => ({ className, uniqueKey: keyOf(className), enableSql: true })),
        durableObjectStorage: { localDisk: OBJECTS_DISK },
      };

interface BoundWorker {
  readonly [field: string]: Literal;
  readonly bindings: readonly Literal[];
}

/** The Workers of a deployment as services of workerd. */
class Workers {
  readonly #options: WorkerdOptions;
  readonly #files: BundleFiles;
  readonly #configs: ReadonlyMap<WorkerName, WorkerConfig> = new Map(WORKER_NAMES.map((name) => [name, readWorkerConfig(name)]));

  constructor(options: WorkerdOptions, files: BundleFiles) {
    this.#options = options;
    this.#files = files;
  }

  service(worker: WorkerName): Literal {
    const config = this.#config(worker);
    return {
      name: config.name,
      worker: {
        modules: this.#modules(worker),
        compatibilityDate: config.compatibility_date,
        compatibilityFlags: this.#flagsOf(config),
        ...hosting(classesOf(config), (className) => storageKeyOf(className, config.name)),
        bindings: [...texts({ ...config.vars, ...this.#textsOf(worker) }), ...bindings(config)],
      },
    };
  }

  nameOf(worker: WorkerName): string {
    return this.#config(worker).name;
  }

  gatewayName(position: number): string {
    const name = this.nameOf('gateway');
    return position === 0 ? name : `${name}-${position + 1}`;
  }

  gateway(position: number): Literal {
    return { name: this.gatewayName(position), worker: this.#likeGateway(this.#modules('gateway'), position) };
  }

  guest({ bundle, isBound = false, upstreamPort }: Guest): Literal[] {
    const modules = this.#files.modules(bundle);
    const upstream = `${bundle}-upstream`;
    // The objects of the first gateway serve it, too.
    const own = isBound ? this.#likeGateway(modules, 1) : { modules, compatibilityDate: COMPATIBILITY_DATE, bindings: [] };
    if (upstreamPort === undefined) return [{ name: bundle, worker: own }];
    return [
      { name: bundle, worker: { ...own, bindings: [...own.bindings, { name: 'BESIDE', service: upstream }] } },
      { name: upstream, external: { address: `${HOST}:${upstreamPort}`, http: {} } },
    ];
  }

  /** A Worker with the gateway's bindings. The objects of the first serve all: two would do the same work twice. */
  #likeGateway(modules: Literal, position: number): BoundWorker {
    const config = this.#config('gateway');
    return {
      modules,
      compatibilityDate: config.compatibility_date,
      compatibilityFlags: this.#flagsOf(config),
      ...(position === 0 ? hosting(classesOf(config), (className) => storageKeyOf(className, config.name)) : {}),
      bindings: [...texts({ ...config.vars, ...this.#textsOf('gateway') }), ...bindings(config, position === 0 ? undefined : config.name)],
    };
  }

  #textsOf(worker: WorkerName): Readonly<Record<string, string>> {
    const { variables, secrets } = this.#options;
    if (worker === 'gateway') return { ...variables, ...secrets, PEER_ADDRESS: HOST };
    return worker === 'objects' || worker === 'inference' ? variables : {};
  }

  #flagsOf = (config: WorkerConfig): string[] => [...(config.compatibility_flags ?? []), ...(this.#options.flags ?? [])];

  #modules = (worker: WorkerName): Literal => this.#files.modules(this.#options.variants?.[worker] ?? worker);

  #config(worker: WorkerName): WorkerConfig {
    return this.#configs.get(worker) as WorkerConfig;
  }
}

const texts = (variables: Readonly<Record<string, string>>): Literal[] => Object.entries(variables).map(([name, text]) => ({ name, text }));

/** `host`: of the classes that the configuration has no Worker for; undefined for the Worker itself. */
function bindings({ durable_objects: objects, services = [], assets, r2_buckets: r2 }: WorkerConfig, host?: string): Literal[] {
  return [
    ...objects.bindings.map(({ name, class_name: className, script_name: serviceName = host }) => ({
      name,
      durableObjectNamespace: { className, serviceName },
    })),
    ...services.map(({ binding, service, entrypoint }) => ({ name: binding, service: { name: service, entrypoint } })),
    ...(assets === undefined ? [] : [{ name: assets.binding, service: STATIC_FILES }]),
    ...r2.map(({ binding, bucket_name: bucket }) => ({ name: binding, r2Bucket: bucketNamed(bucket) })),
  ];
}

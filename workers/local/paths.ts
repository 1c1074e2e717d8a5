import { join, resolve } from 'node:path';

/** The project's root folder. */
export const ROOT = resolve(import.meta.dirname, '../..');

export const DIST = join(ROOT, 'dist');

export const ASSETS = join(DIST, 'assets');

/** The Workers of one deployment, with the folder of each one's wrangler.toml. The first is the public one. */
export const WORKERS = {
  gateway: ROOT,
  control: join(ROOT, 'workers/control'),
  upstreams: join(ROOT, 'workers/upstreams'),
  planning: join(ROOT, 'workers/planning'),
  objects: join(ROOT, 'workers/objects'),
  shards: join(ROOT, 'workers/shards'),
  inference: join(ROOT, 'workers/inference'),
} as const;

export type WorkerName = keyof typeof WORKERS;

export const WORKER_NAMES = Object.keys(WORKERS) as WorkerName[];

/** Those that answer calls of the API, and so have the secrets and settings of a deployment. */
export const API_WORKERS = ['gateway', 'control', 'upstreams', 'planning'] as const satisfies readonly WorkerName[];

export const wranglerToml = (worker: WorkerName): string => join(WORKERS[worker], 'wrangler.toml');

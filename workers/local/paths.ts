import { join, resolve } from 'node:path';

/** The project's root folder. */
export const ROOT = resolve(import.meta.dirname, '../..');

export const DIST = join(ROOT, 'dist');

export const ASSETS = join(DIST, 'assets');

/** The Workers of one deployment, with the folder of each one's wrangler.toml. The first is the public one. */
export const WORKERS = {
  gateway: ROOT,
  objects: join(ROOT, 'workers/objects'),
  shards: join(ROOT, 'workers/shards'),
  inference: join(ROOT, 'workers/inference'),
} as const;

export type WorkerName = keyof typeof WORKERS;

export const WORKER_NAMES = Object.keys(WORKERS) as WorkerName[];

export const wranglerToml = (worker: WorkerName): string => join(WORKERS[worker], 'wrangler.toml');

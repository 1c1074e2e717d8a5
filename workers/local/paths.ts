import { join, resolve } from 'node:path';

/** The project's root folder. */
export const ROOT = resolve(import.meta.dirname, '../..');

/**
 * Where `npm start` writes how its deployment is called, and what works with that reads it: with the state, where it has a place of its own, so
 * that each of several deployments of one clone keeps its file.
 */
export const devFileOf = ({ SLUICE_STATE_DIR: stateDir }: Readonly<Record<string, string | undefined>>): string =>
  stateDir === undefined ? join(ROOT, '.sluice/dev.json') : join(resolve(stateDir), 'dev.json');

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

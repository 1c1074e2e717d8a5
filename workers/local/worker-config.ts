import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { WorkerName } from './paths.ts';
import { DIST } from './paths.ts';

/** What a Worker's wrangler.toml says about its name, its classes and its bindings, as far as they are served here. */
export interface WorkerConfig {
  readonly name: string;
  readonly compatibility_date: string;
  readonly compatibility_flags?: readonly string[];
  readonly vars: Readonly<Record<string, string>>;
  readonly assets?: { readonly binding: string };
  readonly durable_objects: { readonly bindings: readonly ObjectBinding[] };
  readonly migrations: readonly { readonly tag: string; readonly new_sqlite_classes?: readonly string[] }[];
  readonly r2_buckets: readonly { readonly binding: string; readonly bucket_name: string }[];
  readonly services?: readonly { readonly binding: string; readonly service: string; readonly entrypoint?: string }[];
}

interface ObjectBinding {
  readonly name: string;
  readonly class_name: string;
  /** Absent: of the same Worker. */
  readonly script_name?: string;
}

/** Written by the build: wrangler, which reads its own configuration best, takes 200 MB of memory. */
export const workerConfigFile = (worker: WorkerName): string => join(DIST, `${worker}.json`);

export const readWorkerConfig = (worker: WorkerName): WorkerConfig =>
  JSON.parse(readFileSync(workerConfigFile(worker), 'utf8')) as WorkerConfig;

/** The classes that a Worker hosts. */
export const classesOf = ({ migrations }: WorkerConfig): string[] => migrations.flatMap(({ new_sqlite_classes: classes = [] }) => classes);

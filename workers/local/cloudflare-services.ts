import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import type { BundleFiles } from './bundle-files.ts';
import type { Literal } from './capnp-text.ts';
import { ASSETS } from './paths.ts';

// What Cloudflare has beside workerd, as Workers: files by `static-files.ts`, buckets by those of Miniflare.

/** The service of static files, and the bundle of the Worker that is it. */
export const STATIC_FILES = 'static-files';

/** Of Workers without a wrangler.toml. */
export const COMPATIBILITY_DATE = '2026-10-01';
const FILES_DISK = 'static-files-disk';
const BUCKETS = 'buckets';
const BUCKET_OBJECTS = 'bucket-objects';
const BUCKETS_DISK = 'buckets-disk';

/** Miniflare's Workers are written for this date, and import its modules. */
const MINIFLARE_DATE = '2023-07-24';
const MINIFLARE = join(dirname(createRequire(import.meta.url).resolve('miniflare')), 'workers');

export const staticFiles = (files: BundleFiles): Literal[] => [
  { name: FILES_DISK, disk: { path: ASSETS } },
  {
    name: STATIC_FILES,
    worker: {
      modules: files.modules(STATIC_FILES),
      compatibilityDate: COMPATIBILITY_DATE,
      bindings: [{ name: 'DISK', service: FILES_DISK }],
    },
  },
];

export const bucketNamed = (name: string): Literal => ({ name: BUCKETS, props: { json: JSON.stringify({ MINIFLARE_NAMESPACE: name }) } });

/** Buckets on the disk, under `r2` in `storeDir`. */
export function buckets(storeDir: string, files: BundleFiles): Literal[] {
  const className = 'R2BucketObject';
  const script = (name: string, path: string): Literal => ({ name, esModule: files.embedded(join(MINIFLARE, path)) });
  return [
    { name: BUCKETS_DISK, disk: { path: join(storeDir, 'r2'), writable: true } },
    {
      name: BUCKETS,
      worker: {
        modules: [script('object-entry.worker.js', 'shared/object-entry.worker.js')],
        compatibilityDate: MINIFLARE_DATE,
        bindings: [{ name: 'MINIFLARE_OBJECT', durableObjectNamespace: { className, serviceName: BUCKET_OBJECTS } }],
      },
    },
    {
      name: BUCKET_OBJECTS,
      worker: {
        modules: [script('bucket.worker.js', 'r2/bucket.worker.js')],
        compatibilityDate: MINIFLARE_DATE,
        compatibilityFlags: ['nodejs_compat', 'experimental'],
        durableObjectNamespaces: [{ className, uniqueKey: `miniflare-${className}` }],
        durableObjectStorage: { localDisk: BUCKETS_DISK },
        bindings: [{ name: 'MINIFLARE_BLOBS', service: BUCKETS_DISK }],
      },
    },
  ];
}

/** The modules that Miniflare's Workers import. */
export const miniflareModules = (files: BundleFiles): Literal => ({
  modules: ['shared', 'zod'].map((name) => ({
    name: `miniflare:${name}`,
    esModule: files.embedded(join(MINIFLARE, 'shared', `${name === 'shared' ? 'index' : name}.worker.js`)),
  })),
});

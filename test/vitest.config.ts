import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

import { LEFT_OUT } from './counted-code.ts';

const root = new URL('..', import.meta.url).pathname;

// Workerd starts only if every bound Worker exists. The project `indexes` has the suites that need real shards.
const absentShards = {
  name: 'sluice-shards',
  modules: true,
  compatibilityDate: '2026-10-01',
  script: `import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
    export class ShardObject extends DurableObject {};
    export class ReplicaObject extends DurableObject {};
    export class Aggregator extends WorkerEntrypoint {};
    export default {};`,
  durableObjects: {
    SHARD: { className: 'ShardObject', useSQLite: true },
    REPLICA: { className: 'ReplicaObject', useSQLite: true },
  },
};

const SLUICE_TEST_FULL = process.env['SLUICE_TEST_FULL'] ?? '';

// Long enough that only a hang exceeds it: a busy machine is several times slower, the full run repeats each property many times, and code takes
// longer where its branches are counted.
const TIMEOUT_MS = SLUICE_TEST_FULL === '1' || process.argv.includes('--coverage') ? 1_800_000 : 180_000;

const EVERYWHERE = {
  testTimeout: TIMEOUT_MS,
  hookTimeout: TIMEOUT_MS,
  // Files share a process and its modules: loading those for each file costs more than most files take. Each file uses its own state.
  isolate: false,
  // Tests poll for what the server does by itself.
  expect: { poll: { timeout: 90_000, interval: 20 } },
};

const absentObjects = {
  name: 'sluice-objects',
  modules: true,
  compatibilityDate: '2026-10-01',
  script: `import { DurableObject } from 'cloudflare:workers';
    export class IndexObject extends DurableObject {};
    export class LocatorObject extends DurableObject {};
    export class ModelRegistryObject extends DurableObject {};
    export default {};`,
  durableObjects: {
    INDEX: { className: 'IndexObject', useSQLite: true },
    LOCATOR: { className: 'LocatorObject', useSQLite: true },
    MODEL_REGISTRY: { className: 'ModelRegistryObject', useSQLite: true },
  },
};

/** Suites inside workerd, one project for each Worker that hosts Durable Object classes. */
const inWorkerd = (name: string, folder = `workers/${name}`, workers: (typeof absentShards | typeof absentObjects)[] = []) => ({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: `${root}${folder}/wrangler.toml` },
      // The store of files, for suites of what the gateway keeps in it.
      miniflare: { workers, bindings: { SLUICE_TEST_FULL }, r2Buckets: ['FILES'] },
    }),
  ],
  root,
  test: {
    name,
    include: [`test/workerd/${name}/**/*.test.ts`],
    ...EVERYWHERE,
    // itty-durable ships a CommonJS entry that requires ES modules: only the optimiser can load it.
    deps: { optimizer: { ssr: { enabled: true, include: ['itty-durable', 'itty-durable/proxy-durable.js'] } } },
  },
});

const inNode = (name: string) => ({ root, test: { name, include: [`test/${name}/**/*.test.ts`], ...EVERYWHERE } });

/** Suites that run whole deployments from dist/. */
const deployed = (name: string, globalSetup: string) => ({ root, test: { ...inNode(name).test, globalSetup } });

/** `npm test -- --coverage`: what suites in Node and inside workerd take of the code. Processes that tests start are not seen. */
const coverage = {
  // The one that counts inside workerd, too.
  provider: 'istanbul' as const,
  include: ['{src,durable-objects,workers}/**/*.ts'],
  exclude: [...Object.keys(LEFT_OUT), '**/*.d.ts'],
  reporter: ['json'],
};

export default defineConfig({
  test: {
    coverage,
    projects: [
      inNode('unit'),
      inNode('property'),
      inWorkerd('objects', 'workers/objects', [absentShards]),
      inWorkerd('shards', 'workers/shards', [absentObjects]),
      inWorkerd('indexes', 'test/workerd/indexes'),
      inWorkerd('inference', 'workers/inference', [absentObjects]),
      inWorkerd('sharing', 'test/workerd/sharing'),
      deployed('clients', 'test/support/deployment/shared-deployment.ts'),
      deployed('chaos', 'test/support/deployment/build-once.ts'),
      deployed('fuzz', 'test/support/deployment/build-once.ts'),
      deployed('browser', 'test/support/deployment/build-once.ts'),
      deployed('slurm', 'test/support/deployment/build-once.ts'),
    ],
  },
});

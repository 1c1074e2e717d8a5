import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

// Workerd starts only when every bound Worker is there. Suites that need real shards are those of the project `indexes`.
const absentShards = {
  name: 'sluice-shards',
  modules: true,
  compatibilityDate: '2026-10-01',
  script: `import { DurableObject } from 'cloudflare:workers';
    export class ShardObject extends DurableObject {};
    export class ReplicaObject extends DurableObject {};
    export default {};`,
  durableObjects: {
    SHARD: { className: 'ShardObject', useSQLite: true },
    REPLICA: { className: 'ReplicaObject', useSQLite: true },
  },
};

const SLUICE_TEST_FULL = process.env['SLUICE_TEST_FULL'] ?? '';

// Of what hangs: a busy machine is several times slower than an idle one, and the full run repeats each property many times.
const TIMEOUT_MS = SLUICE_TEST_FULL === '1' ? 1_800_000 : 180_000;

/** What comes by itself is polled for: it takes as long as it takes, and soon on an idle machine. */
const POLL = { poll: { timeout: 30_000, interval: 20 } };

const absentObjects = {
  name: 'sluice-objects',
  modules: true,
  compatibilityDate: '2026-10-01',
  script: `import { DurableObject } from 'cloudflare:workers';
    export class IndexObject extends DurableObject {};
    export class LocatorObject extends DurableObject {};
    export default {};`,
  durableObjects: {
    INDEX: { className: 'IndexObject', useSQLite: true },
    LOCATOR: { className: 'LocatorObject', useSQLite: true },
  },
};

/** Suites inside workerd, one project for each Worker that hosts Durable Object classes. */
const inWorkerd = (name: string, folder = `workers/${name}`, workers: (typeof absentShards | typeof absentObjects)[] = []) => ({
  plugins: [
    cloudflareTest({ wrangler: { configPath: `${root}${folder}/wrangler.toml` }, miniflare: { workers, bindings: { SLUICE_TEST_FULL } } }),
  ],
  root,
  test: {
    name,
    include: [`test/workerd/${name}/**/*.test.ts`],
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
    expect: POLL,
    // itty-durable ships a CommonJS entry that requires ES modules: only the optimiser can load it.
    deps: { optimizer: { ssr: { enabled: true, include: ['itty-durable'] } } },
  },
});

const inNode = (name: string) => ({
  root,
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: TIMEOUT_MS, hookTimeout: TIMEOUT_MS, expect: POLL },
});

/** Suites without state outside of their objects: files share a process and its modules, which else are loaded for each of them. */
const pure = (name: string) => ({ root, test: { ...inNode(name).test, isolate: false } });

/** Suites that run whole deployments from dist/. */
const deployed = (name: string, globalSetup: string) => ({ root, test: { ...inNode(name).test, globalSetup } });

export default defineConfig({
  test: {
    projects: [
      pure('unit'),
      pure('property'),
      inWorkerd('objects', 'workers/objects', [absentShards]),
      inWorkerd('shards', 'workers/shards', [absentObjects]),
      inWorkerd('indexes', 'test/workerd/indexes'),
      inWorkerd('inference'),
      inWorkerd('sharing', 'test/workerd/sharing'),
      deployed('clients', 'test/support/deployment/shared-deployment.ts'),
      deployed('chaos', 'test/support/deployment/build-once.ts'),
      deployed('browser', 'test/support/deployment/build-once.ts'),
    ],
  },
});

import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/** Suites inside workerd, one project for each Worker that hosts Durable Object classes. */
const inWorkerd = (name: string) => ({
  plugins: [cloudflareTest({ wrangler: { configPath: `${root}workers/${name}/wrangler.toml` } })],
  root,
  test: {
    name,
    include: [`test/workerd/${name}/**/*.test.ts`],
    testTimeout: 60_000,
    // itty-durable ships a CommonJS entry that requires ES modules: only the optimiser can load it.
    deps: { optimizer: { ssr: { enabled: true, include: ['itty-durable'] } } },
  },
});

const inNode = (name: string) => ({ root, test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: 60_000 } });

export default defineConfig({
  test: {
    projects: [
      inNode('unit'),
      inNode('property'),
      inWorkerd('objects'),
      inWorkerd('shards'),
      inWorkerd('inference'),
      inNode('clients'),
      inNode('chaos'),
      inNode('browser'),
    ],
  },
});

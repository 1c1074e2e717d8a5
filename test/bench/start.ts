import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { bootstrap } from '../../workers/local/bootstrap.ts';
import { bundle, bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { loadSecrets } from '../../workers/local/secrets.ts';
import type * as Configs from '../../workers/local/workerd-config.ts';
import { aloneConfig } from '../../workers/local/workerd-config.ts';
import { Workerd } from '../../workers/local/workerd.ts';
import { freePort } from '../support/deployment/free-port.ts';

interface StartOptions {
  readonly quick?: boolean;
  /** The folder of another checkout whose built bundles are measured in turn with this one's. */
  readonly beside?: string;
}

/** A call of each subject that reads what a new tenant has. */
const FIRST_CALLS: Readonly<Record<string, string>> = {
  vectors: '/v1/indexes',
  qdrant: '/collections',
  files: '/v1/files',
  jobs: '/v1/jobs',
  queues: '/v1/queues',
  tenancy: '/v1/quotas',
  billing: '/v1/usage',
  caches: '/v1/cache/stats',
  models: '/v1/models',
  upstreams: '/v1/upstreams',
  routes: '/v1/routes',
  prompts: '/v1/prompts',
  requests: '/v1/requests',
  planning: '/v1/slos',
  debt: '/v1/debt/summary',
};

/**
 * CPU of workerd, in ms: from the start of its process, with all Workers, to the answer to the first `/healthz` and to the first embedding, beside
 * a process with an empty Worker as its gateway; and, of a process that has embedded once, of the first call of each subject. The least of several processes each; checkouts and an empty Worker take turns.
 */
export async function startBench({ quick = false, beside }: StartOptions): Promise<void> {
  await bundle();
  await bundleEntry('bare-hono', join(ROOT, 'test/bench/bare-hono.ts'));
  await bundleEntry('empty-gateway', join(ROOT, 'test/workerd/empty-gateway/worker.ts'));
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-start-'));
  try {
    const checkouts = await Promise.all([...(beside === undefined ? [] : [resolve(beside)]), ROOT].map((root) => checkoutIn(root, folder)));
    for (const checkout of checkouts) await prepare(checkout);
    const rounds = quick ? 5 : 15;
    const table: Record<string, Record<string, number>> = {};
    const note = (row: string, column: string, ms: number): void => {
      const known = (table[row] ??= {})[column];
      table[row][column] = known === undefined ? ms : Math.min(known, ms);
    };
    for (let round = 0; round < rounds; round += 1) {
      note('first answer', 'empty Worker', await emptyStartMs(folder));
      for (const checkout of checkouts) {
        for (const [row, ms] of Object.entries(await startMs(checkout))) note(row, checkout.name, ms);
      }
    }
    console.log(`CPU in ms, the least of ${rounds} processes; load ${loadavg()[0]?.toFixed(1)}`);
    console.table(Object.fromEntries(Object.entries(table).map(([row, columns]) => [row, rounded(columns)])));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Checkout {
  readonly name: string;
  readonly configs: typeof Configs;
  readonly storeDir: string;
  readonly stateDir: string;
  apiKey: string;
}

async function checkoutIn(root: string, folder: string): Promise<Checkout> {
  const stateDir = await mkdtemp(join(folder, 'state-'));
  const configs = (await import(join(root, 'workers/local/workerd-config.ts'))) as typeof Configs;
  return { name: root === ROOT ? 'this' : 'beside', configs, stateDir, storeDir: join(stateDir, 'storage'), apiKey: '' };
}

/** A tenant, so that no measured process creates the objects of one. */
async function prepare(checkout: Checkout): Promise<void> {
  const { SLUICE_ADMIN_KEY: adminKey } = await loadSecrets(checkout.stateDir);
  await checkout.configs.makeStores(checkout.storeDir);
  await inProcess(checkout, async (url) => {
    ({ apiKey: checkout.apiKey } = await bootstrap(url, adminKey));
    for (const path of Object.values(FIRST_CALLS)) await call(`${url}${path}`, checkout.apiKey);
  });
}

async function startMs(checkout: Checkout): Promise<Record<string, number>> {
  const measured: Record<string, number> = {};
  await inProcess(
    checkout,
    async (url, cpuMs) => {
      await call(`${url}/`);
      measured['empty gateway'] = await cpuMs();
    },
    { gateway: 'empty-gateway' },
  );
  await inProcess(checkout, async (url, cpuMs) => {
    await call(`${url}/healthz`);
    measured['first /healthz'] = await cpuMs();
  });
  await inProcess(checkout, async (url, cpuMs) => {
    await embed(url, checkout.apiKey);
    measured['first embedding'] = await cpuMs();
    // All in one process: what a call shares with those before it was loaded with them, as it is in an isolate that serves them.
    for (const [subject, path] of Object.entries(FIRST_CALLS)) {
      const before = await cpuMs();
      await call(`${url}${path}`, checkout.apiKey);
      measured[`then ${subject}`] = (await cpuMs()) - before;
    }
  });
  return measured;
}

async function emptyStartMs(folder: string): Promise<number> {
  const [port, storeDir] = [await freePort(), await mkdtemp(join(folder, 'empty-'))];
  const workerd = await Workerd.start((at) => aloneConfig({ bundle: 'bare-hono', port, classes: {}, storeDir }, at));
  try {
    await call(`http://127.0.0.1:${port}/`);
    return await cpuOf(workerd);
  } finally {
    await workerd.stop();
  }
}

async function inProcess(
  { configs, storeDir, stateDir }: Checkout,
  work: (url: string, cpuMs: () => Promise<number>) => Promise<void>,
  variants?: Readonly<Record<string, string>>,
): Promise<void> {
  const port = await freePort();
  const secrets = { ...(await loadSecrets(stateDir)) };
  const options = { gatewayPorts: [port], storeDir, secrets, variables: { LOG_LEVEL: 'warn' }, variants };
  const workerd = await Workerd.start((at) => configs.workerdConfig(options, at));
  try {
    await work(`http://127.0.0.1:${port}`, () => cpuOf(workerd));
  } finally {
    await workerd.stop();
  }
}

async function call(url: string, apiKey?: string): Promise<void> {
  const answer = await fetch(url, apiKey === undefined ? {} : { headers: { authorization: `Bearer ${apiKey}` } });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
}

async function embed(url: string, apiKey: string): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ model: 'glove-sif-100', input: 'a sluice lets through just enough water' });
  const answer = await fetch(`${url}/v1/embeddings`, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`an embedding: ${answer.status}`);
}

/** Of all its threads: schedstat counts nanoseconds, where /proc/PID/stat counts hundredths of a second. */
async function cpuOf({ pid }: Workerd): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const spent = await Promise.all(
    tasks.map(async (task) => Number((await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8')).split(' ', 1)[0])),
  );
  return spent.reduce((sum, ns) => sum + ns, 0) / 1e6;
}

const rounded = (columns: Record<string, number>) =>
  Object.fromEntries(Object.entries(columns).map(([column, ms]) => [column, Number(ms.toFixed(1))]));

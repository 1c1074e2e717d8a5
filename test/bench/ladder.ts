import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { assert } from '../../src/kernel/assert.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { SluiceClient } from '../../workers/client/sluice-client.ts';
import { bootstrap } from '../../workers/local/bootstrap.ts';
import { bundle, bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { loadSecrets } from '../../workers/local/secrets.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { HTTP, load, rawRequest, statusOf } from './load.ts';
import { serveRaw } from './raw-workerd.ts';

const [COUNT, DIMENSIONS, CONNECTIONS, REQUESTS] = [5_000, 100, 4, 1_500];

interface Step {
  readonly what: string;
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly body?: object;
  /** 200, if absent. */
  readonly status?: number;
}

/**
 * What each part of a query costs the server: a ladder from a bare Worker to the product, one thing more at each step, in interleaved rounds
 * on one workerd.
 */
export async function ladderBench({ quick = false }: { readonly quick?: boolean }): Promise<void> {
  await bundle();
  await bundleEntry('bare-hono', join(ROOT, 'test/bench/bare-hono.ts'));
  await bundleEntry('ladder', join(ROOT, 'test/workerd/ladder/worker.ts'));
  const stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-ladder-'));
  const [gatewayPort, barePort, port] = [await freePort(), await freePort(), await freePort()];
  const secrets = await loadSecrets(stateDir);
  const workerd = await serveRaw({
    stateDir,
    gatewayPort,
    barePort,
    secrets: { ...secrets },
    beside: { bundle: 'ladder', port, upstreamPort: barePort },
  });
  try {
    const url = `http://127.0.0.1:${gatewayPort}`;
    const { apiKey } = await bootstrap(url, secrets.SLUICE_ADMIN_KEY);
    const random = new Seeded(16);
    const vectorOf = () => Float32Array.from({ length: DIMENSIONS }, () => random.next() - 0.5);
    const client = new SluiceClient({ url, apiKey });
    await client.createIndex({ name: 'ladder', dimensions: DIMENSIONS });
    const vectors = Array.from({ length: COUNT }, (_, i) => ({ id: `v${i}`, values: vectorOf() }));
    for await (const written of client.index('ladder').import(vectors)) if (written === COUNT) break;
    await indexed(url, apiKey);
    const body = { vector: Array.from(vectorOf()), top_k: 10 };
    const steps: Step[] = [
      { what: 'HTTP: the body read as text and sent back', port, path: '/ladder/http' },
      { what: '+ 100 floats parsed, ten matches written', port, path: '/ladder/parsed' },
      { what: '+ routing, request id, headers, metrics', port, path: '/ladder/concluded' },
      { what: '+ body within its budget, validated', port, path: '/ladder/validated/ladder' },
      { what: '+ key, quota, usage', port, path: '/ladder/admitted/ladder' },
      { what: '+ manifest, the call of the shard, the search', port, path: '/v1/indexes/ladder/query' },
      { what: '(the same way for an id that is not there: no search)', port, path: '/v1/indexes/ladder/fetch', body: { ids: ['none'] } },
      { what: '(the second step and a call of an object that does nothing)', port, path: '/ladder/object' },
    ];
    const cpuUs = await measure(steps, apiKey, body, quick ? 3 : 8, () => workerd.cpuS());
    console.table(
      steps.map(({ what }, i) => ({ step: what, 'CPU us': Math.round(cpuUs[i] ?? 0), of: ((cpuUs[i] ?? 0) / (cpuUs[5] ?? 1)).toFixed(2) })),
    );
    console.log(`load ${(loadavg()[0] ?? 0).toFixed(1)}`);
  } finally {
    await workerd.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** Until the shard has nothing left to do by itself, which would be counted with the requests. */
async function indexed(url: string, apiKey: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/qdrant/collections/ladder`, { headers: { 'api-key': apiKey } });
    const { result } = (await answer.json()) as { result: { indexed_vectors_count: number } };
    if (result.indexed_vectors_count === COUNT) return;
    await sleep(200);
  }
}

/** The middle of the rounds' CPU time for a request, in microseconds. The first round warms up. */
async function measure(
  steps: readonly Step[],
  apiKey: string,
  query: object,
  rounds: number,
  cpuS: () => Promise<number>,
): Promise<number[]> {
  const seen: number[][] = steps.map(() => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [i, { port, path, method = 'POST', body = query, status = 200 }] of steps.entries()) {
      const request = Buffer.from(rawRequest({ method, path, apiKey, ...(method === 'POST' ? { body } : {}) }));
      const beganS = await cpuS();
      const { requests, failures } = await load({
        ...HTTP,
        isFine: (answer) => statusOf(answer) === status,
        port,
        connections: CONNECTIONS,
        requestsMax: REQUESTS,
        durationS: 30,
        request: () => request,
      });
      assert(failures === 0, `${path} answers ${status}`);
      if (round > 0) seen[i]?.push((((await cpuS()) - beganS) / requests) * 1e6);
    }
  }
  return seen.map((one) => one.toSorted((a, b) => a - b)[Math.floor(one.length / 2)] ?? NaN);
}

import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap } from '../../workers/local/bootstrap.ts';
import { bundle, bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { loadSecrets } from '../../workers/local/secrets.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { HTTP, load, rawRequest } from './load.ts';
import { serveRaw } from './raw-workerd.ts';
import type { RawWorkerd } from './raw-workerd.ts';

interface Row {
  readonly route: string;
  readonly requests: number;
  readonly failures: number;
  readonly requestsPerS: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly loadAverage: number;
}

const CONNECTIONS = 16;
const DURATION_S = 4;
const ROUNDS = 3;
const MODEL = 'glove-sif-100';
const TEXT = 'a sluice lets through just enough water for the mill';

/**
 * CPU per request of the gateway's routes, beside a bare Hono route on the same workerd. Rounds are interleaved, and the best round of each
 * route counts: other load on the machine can only slow a round down.
 */
export async function gatewayBench(): Promise<void> {
  await bundle();
  await bundleEntry('bare-hono', join(ROOT, 'test/bench/bare-hono.ts'));
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const [gatewayPort, barePort] = [await freePort(), await freePort()];
  const secrets = await loadSecrets(stateDir);
  const workerd = await serveRaw({ stateDir, gatewayPort, barePort, secrets: { ...secrets } });
  try {
    const { apiKey } = await bootstrap(`http://127.0.0.1:${gatewayPort}`, secrets.SLUICE_ADMIN_KEY);
    const embed = (input: string | string[]) =>
      rawRequest({ method: 'POST', path: '/v1/embeddings', apiKey, body: { model: MODEL, input, encoding_format: 'base64' } });
    const health = rawRequest({ method: 'GET', path: '/healthz' });
    const hit = embed(TEXT);
    let unique = 0;
    const cases = [
      { route: 'bare Hono', port: barePort, request: () => rawRequest({ method: 'GET', path: '/' }) },
      { route: '/healthz', port: gatewayPort, request: () => health },
      { route: '/v1/embeddings, cache hit', port: gatewayPort, request: () => hit },
      { route: '/v1/embeddings, cache miss', port: gatewayPort, request: () => embed(`${TEXT} ${(unique += 1)}`) },
    ];
    const best = new Map<string, Row>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { route, port, request } of cases) {
        const row = await measure(workerd, route, port, request);
        const known = best.get(route);
        if (known === undefined || row.cpuUs < known.cpuUs) best.set(route, row);
      }
    }
    print([...best.values()]);
  } finally {
    await workerd.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

async function measure(workerd: RawWorkerd, route: string, port: number, request: (number: number) => string): Promise<Row> {
  await load({ ...HTTP, port, connections: CONNECTIONS, requestsMax: 500, durationS: 5, request });
  const cpuBeforeS = await workerd.cpuS();
  const result = await load({
    ...HTTP,
    port,
    connections: CONNECTIONS,
    requestsMax: Number.POSITIVE_INFINITY,
    durationS: DURATION_S,
    request,
  });
  const cpuS = (await workerd.cpuS()) - cpuBeforeS;
  return {
    route,
    requests: result.requests,
    failures: result.failures,
    requestsPerS: Math.round(result.requests / result.elapsedS),
    cpuUs: Math.round((cpuS / result.requests) * 1e6),
    p50Ms: Number(result.p50Ms.toFixed(2)),
    p99Ms: Number(result.p99Ms.toFixed(2)),
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(1)),
  };
}

function print(rows: Row[]): void {
  console.table(rows);
  console.log(JSON.stringify({ bench: 'gateway', connections: CONNECTIONS, durationS: DURATION_S, rounds: ROUNDS, rows }));
}

import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '../../workers/local/admin-client.ts';
import { bootstrap } from '../../workers/local/bootstrap.ts';
import { bundle, bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { loadSecrets } from '../../workers/local/secrets.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { installPeers } from './ann/install-peers.ts';
import { HTTP, load, rawRequest } from './load.ts';
import { monthBench } from './quota/month.ts';
import { servePortkey } from './quota/portkey.ts';
import { serveUpstream } from './quota/upstream.ts';
import { serveRaw } from './raw-workerd.ts';

export interface QuotaBenchOptions {
  readonly quick?: boolean;
  readonly only?: string;
}

interface Case {
  readonly what: string;
  readonly port: number;
  readonly cpuS: () => Promise<number>;
  readonly request: (number: number) => string;
}

const BODY = { model: 'mock', input: 'a sluice lets through just enough water for the mill' };
const ROUNDS = 3;
/** The number of keys, each with 31 requests a second: near a limit no slices are granted, and every request asks the quota object. */
const STRICT_KEYS = 48;
const STRICT_PER_SECOND = 31;

/**
 * The cost of keys, quotas and bills: the gateway before a mock upstream, beside the same calls without it and beside Portkey; calls to the
 * quota object with and without slices; and a month of usage with its invoice. Rounds are interleaved and the best one counts: other load
 * on the machine can only slow a round down.
 */
export async function quotaBench({ quick = false, only }: QuotaBenchOptions): Promise<void> {
  if (only === undefined || only === 'gateway') await gatewayCost(quick ? 1 : 4);
  if (only === undefined || only === 'month') console.table([await monthBench(quick ? 100_000 : 10_000_000)]);
}

async function gatewayCost(durationS: number): Promise<void> {
  await installPeers();
  await bundle();
  await bundleEntry('bare-hono', join(ROOT, 'test/bench/bare-hono.ts'));
  await bundleEntry('quota-proxy', join(ROOT, 'test/workerd/quota-bench/worker.ts'));
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-quota-'));
  const [upstream, portkey] = [await serveUpstream(), await servePortkey()];
  const [gatewayPort, barePort, port] = [await freePort(), await freePort(), await freePort()];
  const secrets = await loadSecrets(stateDir);
  const beside = { bundle: 'quota-proxy', port, upstreamPort: upstream.port };
  const workerd = await serveRaw({ stateDir, gatewayPort, barePort, secrets: { ...secrets }, beside });
  try {
    const { apiKey, strict } = await keysOf(`http://127.0.0.1:${gatewayPort}`, secrets.SLUICE_ADMIN_KEY);
    const call = (path: string, key?: string) =>
      rawRequest({ method: 'POST', path, body: BODY, ...(key === undefined ? {} : { apiKey: key }) });
    const portkeyCall = call('/v1/embeddings', 'mock').replace(
      'content-type',
      `x-portkey-provider: mistral-ai\r\nx-portkey-custom-host: http://127.0.0.1:${upstream.port}/v1\r\ncontent-type`,
    );
    const strictCalls = strict.map((key) => call('/bench/embeddings', key));
    const cpuS = () => workerd.cpuS();
    const cases: Case[] = [
      { what: 'workerd, no gateway', port, cpuS, request: () => call('/bench/bare') },
      { what: 'Sluice: auth, quota, metering; slices', port, cpuS, request: () => call('/bench/embeddings', apiKey) },
      { what: 'Sluice: the same, every request asks', port, cpuS, request: (number) => strictCalls[number % STRICT_KEYS] ?? '' },
      { what: 'Portkey: proxy alone', port: portkey.port, cpuS: () => portkey.cpuS(), request: () => portkeyCall },
    ];
    const messages = () => messagesOf(port, secrets.SLUICE_ADMIN_KEY);
    for (const connections of [1, 16]) console.table(await measure(cases, connections, durationS, messages));
  } finally {
    await workerd.stop();
    portkey.stop();
    upstream.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

async function measure(cases: readonly Case[], connections: number, durationS: number, messages: () => Promise<number>) {
  const best = new Map<string, Record<string, string | number>>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const { what, port, cpuS, request } of cases) {
      await load({ ...HTTP, port, connections, requestsMax: 200, durationS: 2, request });
      const [cpuBefore, messagesBefore] = [await cpuS(), await messages()];
      const result = await load({ ...HTTP, port, connections, requestsMax: Number.POSITIVE_INFINITY, durationS, request });
      const cpuUs = Math.round((((await cpuS()) - cpuBefore) / result.requests) * 1e6);
      const asked = (await messages()) - messagesBefore;
      const known = best.get(what);
      if (known !== undefined && Number(known['cpuUs']) <= cpuUs) continue;
      best.set(what, {
        what,
        connections,
        requests: result.requests,
        refused: result.failures,
        'req/s': Math.round(result.requests / result.elapsedS),
        cpuUs,
        p50Ms: Number(result.p50Ms.toFixed(3)),
        p99Ms: Number(result.p99Ms.toFixed(2)),
        'quota calls per 1,000': Number(((asked / result.requests) * 1000).toFixed(1)),
        load: Number((loadavg()[0] ?? 0).toFixed(1)),
      });
    }
  }
  return [...best.values()];
}

async function keysOf(url: string, adminKey: string): Promise<{ apiKey: string; strict: string[] }> {
  const { apiKey, tenant } = await bootstrap(url, adminKey);
  const admin = new AdminClient(url, adminKey);
  const strict: string[] = [];
  for (let number = 0; number < STRICT_KEYS; number++) {
    const { id, key } = await admin.create<{ id: string; key: string }>('/v1/keys', { tenant, name: 'strict', owner: 'bench' });
    await admin.put('/v1/quotas', { key: id, rules: [{ resource: 'requests', window: 'second', limit: STRICT_PER_SECOND }] });
    strict.push(key);
  }
  return { apiKey, strict };
}

/** The number of messages that the measured isolate has sent to quota objects. */
async function messagesOf(port: number, adminKey: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } });
  return Number(/^sluice_quota_messages_total\{[^}]*\} (\d+)$/m.exec(await answer.text())?.[1] ?? 0);
}

import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { DEFAULT_SCOPES } from '../../src/contract/tenancy/keys.ts';
import { assert } from '../../src/kernel/assert.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { rawRequest } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';
import type { Crowd, CrowdResult, Spent } from './overload/crowd.ts';
import { driven, since, spent } from './overload/crowd.ts';
import { serveChat } from './proxied/chat-upstream.ts';
import type { RawWorkerd } from './raw-workerd.ts';

const TEXTS = 5_183;
const PARTS = 10;
const MODEL = 'glove-sif-100';
const PEAK_CONNECTIONS = 32;
const CONNECTIONS = [16, 128, 600, 2_000];
const TIMES = [1, 1.5, 3, 10];
/** Callers that come at a rate have so many connections: more than the answers that are under way at ten times capacity in its deadline. */
const PACED_CONNECTIONS = 1_000;
/** A crowd that comes at the same moment is served by then, and what an isolate can is known. */
const WARM_S = 10;
const AFTER_S = 5;
/** Of the peak, what the other tenant asks for. */
const OTHER_SHARE = 0.05;

interface Sizes {
  readonly measuredS: number;
  readonly connections: readonly number[];
  readonly times: readonly number[];
  readonly kinds: readonly string[];
}

interface Kind {
  readonly what: string;
  readonly request: (apiKey: string) => (number: number) => string;
}

const call = (path: string, body: (number: number) => object) => (apiKey: string) => (number: number) =>
  rawRequest({ method: 'POST', path, apiKey, body: body(number) });

const textOf = (number: number): string => `water ${number} over weir ${number % 97} and mill ${number % 31}`;
const SEARCH = '/v1/indexes/texts/query';

const KINDS: readonly Kind[] = [
  { what: 'search', request: call(SEARCH, (n) => ({ text: textOf(n % 977), top_k: 10 })) },
  { what: 'filtered search', request: call(SEARCH, (n) => ({ text: textOf(n % 977), top_k: 10, filter: { part: n % PARTS } })) },
  { what: 'embeddings', request: call('/v1/embeddings', (n) => ({ model: MODEL, input: textOf(n), encoding_format: 'base64' })) },
  {
    what: 'chats',
    request: call('/v1/chat/completions', (n) => ({ model: 'mock/mock', messages: [{ role: 'user', content: textOf(n) }] })),
  },
  { what: 'upserts', request: call('/v1/indexes/texts/upsert', (n) => ({ vectors: [{ id: String(n % TEXTS), text: textOf(n) }] })) },
];

/**
 * What is served when more is asked for than can be: by callers that come as fast as they may over 16 to 2,000 connections, and by those that come at 1
 * to 10 times capacity, polite and rude, beside another tenant that asks for a little; and what calls take five seconds after that.
 */
export async function overloadBench({ quick = false, only }: { readonly quick?: boolean; readonly only?: string }): Promise<void> {
  const kinds = KINDS.map(({ what }) => what).filter((what) => only === undefined || what === only);
  const sizes: Sizes = quick
    ? { measuredS: 5, connections: [2_000], times: [10], kinds }
    : { measuredS: 10, connections: CONNECTIONS, times: TIMES, kinds };
  const upstream = await serveChat();
  try {
    await onRawGateway(
      async (workerd, client, _, adminKey) => {
        const other = await otherTenant(client.url, adminKey);
        for (const tenant of [client, other]) await prepare(tenant, upstream.port);
        await sleep(2_000);
        for (const kind of KINDS) if (sizes.kinds.includes(kind.what)) await measure(workerd, [client, other], kind, sizes);
      },
      { variables: { UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` } },
    );
  } finally {
    upstream.stop();
  }
}

async function otherTenant(url: string, adminKey: string): Promise<ApiClient> {
  const admin = new AdminClient(url, adminKey);
  const organisation = await admin.create<{ id: string }>('/v1/organisations', { name: 'other', owner: 'bench' });
  const tenant = await admin.create<{ id: string }>('/v1/tenants', { organisation: organisation.id, name: 'other', owner: 'bench' });
  const scopes = [...DEFAULT_SCOPES, 'upstreams:read', 'upstreams:write'];
  const key = await admin.create<{ key: string }>('/v1/keys', { tenant: tenant.id, name: 'other', owner: 'bench', scopes });
  return new ApiClient(url, key.key);
}

async function prepare(client: ApiClient, upstreamPort: number): Promise<void> {
  const fine = ({ status, body }: { readonly status: number; readonly body: unknown }) =>
    assert(status < 300, `the bench is prepared: ${status} ${JSON.stringify(body).slice(0, 300)}`);
  fine(await client.post('/v1/indexes', { name: 'texts', owner: 'bench', model: MODEL }));
  for (let from = 0; from < TEXTS; from += 500) {
    const count = Math.min(500, TEXTS - from);
    const vectors = Array.from({ length: count }, (_, n) => ({
      id: String(from + n),
      text: textOf(from + n),
      metadata: { part: (from + n) % PARTS },
    }));
    fine(await client.post('/v1/indexes/texts/upsert', { vectors }));
  }
  const prices = { input: 150_000_000, output: 600_000_000 };
  const model = { name: 'mock', serves: ['chat'], context_tokens: 128_000, output_tokens_max: 4_096, prices };
  const upstream = {
    name: 'mock',
    protocol: 'openai',
    base_url: `http://127.0.0.1:${upstreamPort}/v1`,
    secret: 'sk-mock-0123456789',
    models: [model],
    limits: { concurrency: 32 },
  };
  fine(await client.post('/v1/upstreams', upstream));
}

type Tenants = readonly [crowd: ApiClient, other: ApiClient];

async function measure(workerd: RawWorkerd, [client, other]: Tenants, kind: Kind, sizes: Sizes): Promise<void> {
  const port = Number(new URL(client.url).port);
  const request = kind.request(client.apiKey);
  const calm: Crowd = { port, connections: PEAK_CONNECTIONS, isPolite: true, request };
  await driven(calm, 2);
  const before = await timed(workerd, () => driven(calm, sizes.measuredS));
  const peak = before.result;
  const cases: (Omit<Crowd, 'port' | 'request'> & { readonly what: string })[] = [false, true].flatMap((isPolite) => [
    ...sizes.connections.map((connections) => ({ what: `${connections} connections`, connections, isPolite })),
    ...sizes.times.map((times) => ({
      what: `${times} times capacity`,
      connections: PACED_CONNECTIONS,
      perS: times * peak.servedPerS,
      isPolite,
    })),
  ]);
  const rows: object[] = [{ case: `peak: ${PEAK_CONNECTIONS} connections`, ...columns(before, before) }];
  for (const { what, ...one } of cases) {
    const wanted = OTHER_SHARE * peak.servedPerS;
    const beside = driven(
      { port, connections: 32, perS: wanted, isPolite: true, request: kind.request(other.apiKey) },
      WARM_S + sizes.measuredS,
      WARM_S,
    );
    const crowd = driven({ ...one, port, request }, WARM_S + sizes.measuredS, WARM_S);
    await sleep(WARM_S * 1_000);
    const loaded = await timed(workerd, () => sleep(sizes.measuredS * 1_000));
    const [result, kept] = [await crowd, await beside];
    await sleep(AFTER_S * 1_000);
    const after = await driven({ ...calm, connections: 4 }, 2);
    rows.push({
      case: `${what}, ${one.isPolite ? 'polite' : 'rude'}`,
      ...columns({ ...loaded, result }, before),
      'other kept %': Math.round((100 * kept.servedPerS) / wanted),
      'other p99 ms': Math.round(kept.p99Ms),
      'after: p99 ms': Math.round(after.p99Ms),
      'after: refused': after.refused,
    });
    console.log(JSON.stringify(rows.at(-1)), JSON.stringify(result.failures));
  }
  console.log(`${kind.what}, load ${(loadavg()[0] ?? 0).toFixed(1)}`);
  console.table(rows);
}

interface Timed<T> {
  readonly result: T;
  readonly elapsedS: number;
  readonly spent: Spent;
}

async function timed<T>(workerd: RawWorkerd, work: () => Promise<T>): Promise<Timed<T>> {
  const [startedMs, before] = [performance.now(), await spent(workerd)];
  const result = await work();
  return { result, elapsedS: (performance.now() - startedMs) / 1_000, spent: since(before, await spent(workerd)) };
}

/** Per second of CPU, which other processes take no part of: a second in which workerd had to wait for a core is not one in which it could serve. */
function columns({ result, elapsedS, spent: used }: Timed<CrowdResult>, peak: Timed<CrowdResult>): object {
  const perCpuS = (one: Timed<CrowdResult>): number => (one.result.servedPerS * one.elapsedS) / one.spent.serverS;
  return {
    'served/s': Math.round(result.servedPerS),
    'of peak %': Math.round((100 * result.servedPerS) / peak.result.servedPerS),
    'by CPU %': Math.round((100 * perCpuS({ result, elapsedS, spent: used })) / perCpuS(peak)),
    refused: result.refused,
    'p50 ms': Math.round(result.p50Ms),
    'p99 ms': Math.round(result.p99Ms),
    'no core %': Math.round((100 * used.waitedS) / elapsedS),
    'client CPU %': Math.round((100 * used.clientS) / elapsedS),
  };
}

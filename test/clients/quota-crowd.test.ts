import { afterAll, beforeAll, expect, it } from 'vitest';
import { PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import type { Server } from '../../workers/local/serve.ts';
import { HTTP, load, rawRequest, statusOf } from '../bench/load.ts';
import type { ApiAnswer } from '../support/deployment/api-client.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { SAMPLE_BODIES } from '../support/fixtures/sample-bodies.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';

// Concurrent calls of every route of tenants, through several gateways, against limits at every level.

const GATEWAYS = 3;
const CROWD = 1_000;
/** Per month, so that hardly a window ends during the test. Which limit binds depends on the tenant. */
const LIMITS = { organisation: 500, tenants: [350, 300], keys: 130 } as const;
const TOKENS = 400;
const KEYS = 3;

/**
 * Left out: routes that end the caller's own key, create others, or wait for a purge to take effect; and batches, whose lines are requests of
 * their key that no answer here reports (J270).
 */
const LEFT_OUT = new Set<EndpointName>(['revokeKey', 'rotateKey', 'createKey', 'createProject', 'purgeCache', 'createMessageBatch']);
const ROUTES = (Object.entries(ENDPOINTS) as [EndpointName, Endpoint][]).filter(
  ([name, { access }]) => access.kind.startsWith('tenant') && !LEFT_OUT.has(name),
);

interface Caller {
  readonly tenant: TestTenant;
  readonly keyId: string;
  readonly apiKey: string;
}

let server: Server;
let admin: ApiClient;
const tenants: TestTenant[] = [];
const callers: Caller[] = [];

const rule = (resource: string, limit: number) => ({ resource, window: 'month', limit });

beforeAll(async () => {
  server = await deploy(GATEWAYS);
  admin = new ApiClient(server.urls[0]!, server.secrets.SLUICE_ADMIN_KEY);
  tenants.push(await createTenant(server, { scopes: SCOPES }));
  tenants.push(await createTenant(server, { scopes: SCOPES, organisation: tenants[0]!.organisation }));
  for (const [position, tenant] of tenants.entries()) {
    await tenant.client.post('/v1/indexes', { name: 'crowded', owner: 'testers', model: 'glove-sif-100' });
    await admin.put('/v1/quotas', { tenant: tenant.id, rules: [rule('requests', LIMITS.tenants[position]!), rule('tokens', TOKENS)] });
    for (let number = 0; number < KEYS; number++) {
      const { body } = await admin.post('/v1/keys', { tenant: tenant.id, name: 'crowd', owner: 'testers', scopes: SCOPES });
      await admin.put('/v1/quotas', { key: body.id, rules: [rule('requests', LIMITS.keys)] });
      callers.push({ tenant, keyId: body.id, apiKey: body.key });
    }
  }
  await admin.put('/v1/quotas', { organisation: tenants[0]!.organisation, rules: [rule('requests', LIMITS.organisation)] });
});

afterAll(() => server.stop());

function call(random: Seeded, caller: Caller): Promise<ApiAnswer> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!;
  // Many calls are embeddings, because they draw tokens as well.
  const [name, { method, path, body }] = random.next() < 0.4 ? (['createEmbeddings', ENDPOINTS.createEmbeddings] as const) : pick(ROUTES);
  const owned = { model: 'glove-sif-100', index: 'crowded', alias: 'a', period: '2026-11', key: caller.keyId, tenant: caller.tenant.id };
  const filled = path.replaceAll(PATH_PARAMS, (_, parameter: string) => (owned as Record<string, string>)[parameter] ?? 'missing');
  return new ApiClient(pick(server.urls), caller.apiKey).call(
    method,
    filled,
    body.kind === 'none' ? undefined : SAMPLE_BODIES[name]?.({ ...owned, organisation: caller.tenant.organisation }),
  );
}

/** The error of any surface: an object in Sluice's and Anthropic's, the status in Qdrant's, and flat in the others, where `error` may be the text. */
function faultOf({ body }: ApiAnswer): { code: string; message: string } {
  const fault = [body?.error, body?.status, body].find((part) => typeof part?.code === 'string');
  const message = [fault?.message, fault?.error].find((text) => typeof text === 'string');
  return { code: fault?.code ?? '', message: message ?? '' };
}

const QUOTA_CODES = new Set(['insufficient_quota', 'rate_limit_exceeded']);

it('[T20] [T23] [T36] [T51] admits exactly the concurrent calls that every level allows, over all routes', async () => {
  const random = new Seeded(6);
  const admitted: Record<string, number> = {};
  const refused: ApiAnswer[] = [];
  const misbilled: unknown[] = [];
  const count = (caller: Caller, answer: ApiAnswer): void => {
    const { code, message } = faultOf(answer);
    // Only an admitted call reports its cost and is billed, whatever its outcome, 5xx included.
    const isAdmitted = answer.headers.has('x-sluice-cost-usd');
    // A call refused for tokens was admitted as a request.
    const isRefused = QUOTA_CODES.has(code) && !/tokens|queries/.test(message);
    if (answer.status < 500 && isAdmitted === isRefused) misbilled.push({ status: answer.status, code, isAdmitted });
    if (isRefused) refused.push(answer);
    if (isAdmitted) for (const id of [caller.keyId, caller.tenant.id, caller.tenant.organisation]) admitted[id] = (admitted[id] ?? 0) + 1;
  };
  await Promise.all(
    Array.from({ length: CROWD }, async (_, position) => {
      const caller = callers[position % callers.length]!;
      count(caller, await call(random, caller));
    }),
  );
  expect(refused.length).toBeGreaterThan(CROWD / 4);
  expect(misbilled).toEqual([]);
  for (const { headers } of refused.slice(0, 20)) {
    expect(headers.get('x-should-retry')).toBe('false');
    expect(headers.get('x-ratelimit-limit-requests')).toMatch(/^\d+$/);
    expect(headers.get('x-ratelimit-reset-requests')).toMatch(/^(\d+h)?(\d+m)?\d+m?s$/);
  }
  const organisation = tenants[0]!.organisation;
  const drawn = async (): Promise<number> => {
    for (const caller of callers) count(caller, await call(random, caller));
    return (admitted[organisation] ?? 0) + tenants.length;
  };
  // Idle slices return to the quota; the last of it is drawn one request at a time, and nothing beyond it. The two requests that created
  // the indexes came before the limits, and count.
  await expect.poll(drawn, { timeout: 60_000, interval: 200 }).toBeGreaterThanOrEqual(0.97 * LIMITS.organisation);
  for (let turn = 0; turn < 3; turn++) await drawn();

  expect(admitted[organisation]).toBeLessThanOrEqual(LIMITS.organisation);
  for (const { keyId } of callers) expect(admitted[keyId]).toBeLessThanOrEqual(LIMITS.keys);
  for (const [position, tenant] of tenants.entries()) {
    expect((admitted[tenant.id] ?? 0) + 1).toBeLessThanOrEqual(LIMITS.tenants[position]!);
    const { granted } = (await admin.get(`/v1/quotas?tenant=${tenant.id}`)).body;
    const month = (resource: string) =>
      granted.find((row: Record<string, string>) => row['resource'] === resource && row['window'] === 'month')?.granted;
    expect(month('requests')).toBeLessThanOrEqual(LIMITS.tenants[position]!);
    expect(month('tokens')).toBeLessThanOrEqual(TOKENS);
  }

  // The bill has every admitted request and no other, and no more tokens than were granted.
  const billed = async (...meters: string[]): Promise<number> => {
    const { data } = (await admin.get(`/v1/usage?organisation=${organisation}`)).body;
    return data
      .filter(({ meter }: { meter: string }) => meters.includes(meter))
      .reduce((sum: number, { quantity }: { quantity: number }) => sum + quantity, 0);
  };
  const served = (admitted[organisation] ?? 0) + tenants.length;
  await expect.poll(() => billed('requests')).toBe(served);
  expect(await billed('embedding_tokens', 'embedding_cached_tokens')).toBeLessThanOrEqual(2 * TOKENS);
  expect(misbilled).toEqual([]);
  expect(await billed('requests')).toBe(served);
});

/** At its limit a key gets no slices: every request asks the quota object, in batches with others of its organisation. */
const SOAK = { keys: 24, connections: 16, perSecond: [31, 1], durationS: process.env['SLUICE_TEST_FULL'] === '1' ? 300 : 8 } as const;

it('[SW7] [T20] keeps all connections when quotas are nearly spent, and admits no more than allowed', { timeout: 600_000 }, async () => {
  const { id: tenant } = await createTenant(server);
  const keys: string[] = [];
  const limitOf = (number: number): number => SOAK.perSecond[number % 2]!;
  for (let number = 0; number < SOAK.keys; number++) {
    const { body } = await admin.post('/v1/keys', { tenant, name: 'soak', owner: 'testers' });
    await admin.put('/v1/quotas', { key: body.id, rules: [{ resource: 'requests', window: 'second', limit: limitOf(number) }] });
    keys.push(body.key);
  }
  const calls = keys.map((apiKey, number) =>
    rawRequest({ method: 'POST', path: '/v1/embeddings', apiKey, body: { model: 'glove-sif-100', input: `the mill of key ${number}` } }),
  );
  const served = keys.map(() => 0);
  const others: string[] = [];
  const startedMs = Date.now();
  // Throws if a connection is closed or gets no answer.
  const statuses: Record<number, number> = {};
  await load({
    ...HTTP,
    port: Number(new URL(server.urls[0]!).port),
    connections: SOAK.connections,
    requestsMax: Number.POSITIVE_INFINITY,
    durationS: SOAK.durationS,
    request: (number) => calls[number % SOAK.keys]!,
    onAnswer: (number, answer) => {
      const status = statusOf(answer);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 200) served[number % SOAK.keys]! += 1;
      else if (status !== 429 || !answer.includes('"code":"rate_limit_exceeded"')) others.push(answer.toString());
    },
  });
  expect(others).toEqual([]);
  // The number of seconds that may have begun in the meantime.
  const seconds = Math.ceil((Date.now() - startedMs) / 1000) + 1;
  served.forEach((count, number) => expect(count, `key ${number}`).toBeLessThanOrEqual(limitOf(number) * seconds));
  expect(statuses[200]).toBeGreaterThan(0);
  expect(statuses[429]).toBeGreaterThan(0);
});

it('[SW7] [C95] concurrent identical queries all get the answer of one search', { timeout: 600_000 }, async () => {
  const { client } = await createTenant(server);
  await client.post('/v1/indexes', { name: 'met', owner: 'testers', model: 'glove-sif-100' });
  await client.post('/v1/indexes/met/upsert', { vectors: ['mill', 'water', 'wheel'].map((text) => ({ id: text, text })) });
  const headers = { 'x-sluice-cache-ttl-ms': '60000' };
  const statuses: Record<number, number> = {};
  for (let pair = 0; pair < 100; pair++) {
    const query = { text: `the wheel of mill ${pair}`, top_k: 2 };
    const answers = await Promise.all(Array.from({ length: 4 }, () => client.post('/v1/indexes/met/query', query, headers)));
    for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1;
    expect(new Set(answers.map(({ body }) => JSON.stringify(body.matches))).size).toBe(1);
  }
  expect(statuses).toEqual({ 200: 400 });
});

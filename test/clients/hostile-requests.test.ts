import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { ERRORS } from '../../src/contract/api/errors.ts';
import { API_LIMITS } from '../../src/contract/api/api-limits.ts';
import { QDRANT_TAG } from '../../src/contract/qdrant/envelope.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { SAMPLE_BODIES } from '../support/fixtures/sample-bodies.ts';
import { openRaw, sendRaw } from '../support/deployment/send-raw.ts';
import { createTenant } from '../support/deployment/tenant.ts';

// Whatever a client sends, the answer is a typed refusal or a success: no server error, no missing answer, no long echo of the input.

const ROUTES = Object.entries(ENDPOINTS) as [EndpointName, Endpoint][];
/** Detects a hang: most calls take milliseconds, and slow ones are slow only because others run at the same time. */
const ANSWER_MAX_MS = 90_000;
const WAIT = { timeout: 90_000, interval: 50 };
const REFUSAL_CHARS_MAX = 600;
const IS_FULL = process.env['SLUICE_TEST_FULL'] === '1';

let server: Server;
let client: ApiClient;
const owned: Record<string, string> = {
  model: 'glove-sif-100',
  index: 'target',
  collection: 'target',
  id: '1',
  field: 'mark',
  queue: 'default',
  model_alias: 'glove-sif-100',
  version: '1',
  cohort: 'root',
  route: 'target',
  prompt: 'target',
  label: 'target',
  reservation: `rsv_${'0'.repeat(20)}`,
  attempt: `att_${'0'.repeat(26)}_1`,
};
const keys: Partial<Record<Endpoint['access']['kind'], string>> = {};

beforeAll(async () => {
  server = await deploy();
  const tenant = await createTenant(server, { scopes: SCOPES });
  ({ client } = tenant);
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const pool = await admin.create<{ id: string; agent_token: string }>('/v1/pools', { name: 'hostile', owner: 'testers' });
  // Another tenant, because some hostile quotas and rotations succeed.
  const spare = await createTenant(server);
  Object.assign(owned, { tenant: spare.id, organisation: spare.organisation, pool: pool.id, key: spare.keyId });
  Object.assign(owned, {
    file: `file_${'0'.repeat(26)}`,
    job: `job_${'0'.repeat(26)}`,
    tuning: `ftjob_${'0'.repeat(26)}`,
    purge: `pg_${'0'.repeat(26)}`,
  });
  const adminKey = server.secrets.SLUICE_ADMIN_KEY;
  Object.assign(keys, { admin: adminKey, 'tenant-or-admin': adminKey, agent: pool.agent_token });
  await client.post('/v1/indexes', { name: 'target', dimensions: 4, owner: 'testers' });
});

afterAll(() => server.stop());

const pathOf = ({ path }: Endpoint, values: Readonly<Record<string, string>> = owned): string =>
  path.replaceAll(PATH_PARAMS, (_, parameter: string) => values[parameter] ?? 'missing');

/** Sends a request and checks what must hold for every answer. */
async function send(endpoint: Endpoint, path: string, body?: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${server.urls[0]}${path}`, {
    method: endpoint.method,
    headers: {
      authorization: `Bearer ${keys[endpoint.access.kind] ?? client.apiKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(ANSWER_MAX_MS),
  });
  const text = await response.text();
  const what = `${endpoint.method} ${path.slice(0, 80)} ${(body ?? '').slice(0, 120)}`;
  if (response.status < 400) return response.status;
  expect(text.length, what).toBeLessThan(REFUSAL_CHARS_MAX);
  const { request_id: requestId, ...refused } = JSON.parse(text);
  const [code, message] = saidBy(refused);
  expect(ERRORS, what).toHaveProperty(code);
  expect(response.status, `${what}: ${text}`).toBeLessThan(500);
  expect(requestId, what).toBe(response.headers.get('x-request-id'));
  expect(message, what).not.toMatch(/\n|\.[jt]s:\d|Invalid input$/);
  return response.status;
}

/** Code and message of a refusal, in Sluice's shape of errors, Qdrant's, Cohere's, or KServe's and TEI's. */
function saidBy({
  error,
  status,
  code,
  message,
}: {
  error?: { code: string; message: string } | string;
  status?: { code: string; error: string };
  code?: string;
  message?: string;
}) {
  if (typeof error === 'string') return [code ?? '', error] as const;
  if (message !== undefined) return [code ?? '', message] as const;
  return error === undefined ? ([status?.code ?? '', status?.error ?? ''] as const) : ([error.code, error.message] as const);
}

/** JSON texts that no field of any body accepts, or few. */
const HOSTILE = [
  ...'null -1 1e400 -0 0.5 9007199254740993 "" "NaN" "\\u0000" "\\ud800" "\u202e漢😀" "__proto__"'.split(' '),
  ...'[] {} [null] ["a",1] [[]] {"__proto__":{"a":1}} {"constructor":1}'.split(' '),
];
const LARGE = [
  JSON.stringify('x'.repeat(1_000_000)),
  `[${'1,'.repeat(200_000)}1]`,
  '['.repeat(200_000) + ']'.repeat(200_000),
  `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`,
  `{${Array.from({ length: 20_000 }, (_, i) => `"key-${i}": 1`).join()}}`,
  `{${JSON.stringify('k'.repeat(100_000))}: 1}`,
];

/** Yields `value` as JSON once for each position in it, with `hostile` in that position. */
function* withEach(value: unknown, hostile: string): Generator<string> {
  yield hostile;
  if (Array.isArray(value)) {
    for (const inner of withEach(value[0], hostile)) yield `[${inner}]`;
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const others = JSON.stringify({ ...value, [key]: undefined }).slice(1, -1);
      for (const inner of withEach(item, hostile)) yield `{${others}${others === '' ? '' : ','}${JSON.stringify(key)}:${inner}}`;
    }
  }
}

/** Of every position and every hostile text, which is some hundred requests an endpoint; a quarter of the pairs here, all in the full run. */
function* withHostile(value: unknown): Generator<string> {
  for (const [nth, hostile] of HOSTILE.entries()) {
    for (const [position, body] of [...withEach(value, hostile)].entries()) {
      if (IS_FULL || (nth + position) % 4 === 0) yield body;
    }
  }
}

/**
 * Where a large text is put costs its bytes each time: each of them takes another place, every other one at every other endpoint (`turn`), and in
 * the full run every place.
 */
function* withLarge(value: unknown, turn: number): Generator<string> {
  for (const [nth, large] of LARGE.entries()) {
    if (!IS_FULL && (nth + turn) % 2 === 1) continue;
    const bodies = [...withEach(value, large)];
    if (IS_FULL) yield* bodies;
    else yield bodies[nth % bodies.length] ?? large;
  }
}

const MANGLED = [
  '',
  '{',
  '{"a": 1}garbage',
  '\0',
  '{"name": "a", "name": "b", "owner": "c"}',
  `{${JSON.stringify('k'.repeat(1_000_000))}: 1}`,
  'x'.repeat(100_000),
];

const TAKES_JSON = ROUTES.filter(([, { body }]) => body.kind === 'json');

describe.each(TAKES_JSON.map((route, turn) => [...route, turn] as const))('the body of %s', (name, endpoint, turn) => {
  it('may contain anything', async () => {
    const sample = SAMPLE_BODIES[name]?.(owned);
    const bodies = [...MANGLED, ...withHostile(sample), ...withLarge(sample, turn)];
    let refused = 0;
    for (const body of bodies) refused += Number((await send(endpoint, pathOf(endpoint), body)) >= 400);
    expect(refused).toBeGreaterThan(bodies.length / 3);
  });
});

/** Endpoints for which some of the path values are valid names, of something new or missing. */
const TAKES_NAMES = new Set<EndpointName>([
  'qdrantCollectionExists',
  'qdrantCreateCollection',
  'qdrantUpdateCollection',
  'qdrantDeleteCollection',
  'qdrantDeleteFieldIndex',
  'setModelAlias',
  'setSlo',
  'getSlo',
  'deleteSlo',
  'removeModelAlias',
  'getSlo',
  'setSlo',
  'deleteSlo',
]);

const PATH_VALUES = [
  '%00',
  '%2e%2e',
  '..%2f..%2f',
  '%ff',
  '%',
  '%E2%80%AE',
  '漢',
  'a%0d%0ab',
  '__proto__',
  'constructor',
  'x'.repeat(10_000),
];

describe.each(ROUTES.filter(([, { path }]) => path.includes(':')))('the path of %s', (name, endpoint) => {
  it('may contain anything', async () => {
    const body = endpoint.body.kind === 'json' ? JSON.stringify(SAMPLE_BODIES[name]?.(owned)) : undefined;
    for (const [, parameter = ''] of endpoint.path.matchAll(PATH_PARAMS)) {
      for (const value of PATH_VALUES) {
        const status = await send(endpoint, pathOf(endpoint, { ...owned, [parameter]: value }), body);
        // Some values are valid names of an alias, and dots lead to another path.
        const mayBeTaken = value === '%2e%2e' || endpoint.path.includes(':index') || TAKES_NAMES.has(name);
        expect(status).toBeGreaterThanOrEqual(mayBeTaken ? 200 : 400);
      }
    }
  });
});

const QUERIES = [
  'limit=1&limit=2',
  '__proto__=1',
  'constructor=1',
  'limit=NaN',
  'limit=1001',
  'from=1e300',
  'x=%00%ff%',
  'x'.repeat(10_000),
];

/** Unknown parameters are ignored here, as in Qdrant. */
const QDRANT_QUERIES = ['wait=true&wait=true', 'wait=perhaps', 'timeout=NaN', 'timeout=0', 'ordering=none', 'consistency=0', 'x=%00%ff%'];

describe.each(ROUTES.filter(([, { query }]) => query !== undefined))('the query of %s', (_, endpoint) => {
  it.each(endpoint.tag === QDRANT_TAG ? QDRANT_QUERIES : QUERIES)('refuses ?%.20s', async (query) => {
    expect(await send(endpoint, `${pathOf(endpoint)}?${query}`)).toBeGreaterThanOrEqual(400);
  });
});

describe('a query or a form', () => {
  it('is refused if it contains a field twice, naming the field', async () => {
    const query = await client.get('/v1/files?limit=1&after=a&limit=2');
    expect(query.body.error).toMatchObject({ code: 'invalid_value', param: 'limit' });
    const form = new FormData();
    form.set('purpose', 'batch');
    form.append('file', new Blob(['a']), 'a');
    form.append('file', new Blob(['b']), 'b');
    expect((await client.call('POST', '/v1/files', form)).body.error).toMatchObject({ code: 'invalid_value', param: 'file' });
    // Batches of messages, which other tests make, have files of this purpose, too.
    const { data } = (await client.get('/v1/files?purpose=batch')).body;
    expect(data.filter(({ filename }: { filename: string }) => filename.length === 1)).toEqual([]);
  });
});

const head = (...headers: string[]): string =>
  [`POST /v1/embeddings HTTP/1.1`, 'host: sluice', `authorization: Bearer ${client.apiKey}`, 'content-type: application/json', ...headers]
    .map((line) => `${line}\r\n`)
    .join('') + '\r\n';

describe('a body in transfer', () => {
  it.each([
    ['ends before its length', () => `${head('content-length: 100')}{"model":`],
    ['ends inside a chunk', () => `${head('transfer-encoding: chunked')}5\r\n{"mo`],
  ])('that %s is answered as an error of the client', async (_, request) => {
    const answer = await sendRaw(server, request(), { end: true });
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('the body ended early');
  });

  it('that is too long is refused, also to a client that sends everything before it reads', async () => {
    const body = { model: 'm', input: 'x'.repeat(1.5 * API_LIMITS.jsonBodyBytesMax) };
    for (let round = 0; round < (IS_FULL ? 10 : 3); round += 1) {
      const answers = await Promise.all([0, 1].map(() => client.post('/v1/embeddings', body)));
      expect(answers.map(({ status }) => status)).toEqual([413, 413]);
    }
  });

  it('that never arrives does not delay a refusal', async () => {
    const tooLong = await sendRaw(server, `${head('content-length: 1000000000')}{`, { end: false });
    expect(tooLong).toContain('"payload_too_large"');
    expect(tooLong).toContain(`1000000000 bytes; this route takes ${API_LIMITS.jsonBodyBytesMax}`);
    const nobody = await sendRaw(server, head('content-length: 1000').replace(/authorization.*\r\n/, ''), { end: false });
    expect(nobody).toContain('"missing_api_key"');
  });
});

/** The memory that the gateway counts for bodies being read or handled. */
async function heldBytes(): Promise<number> {
  const headers = { authorization: `Bearer ${server.secrets.SLUICE_ADMIN_KEY}` };
  const text = await (await fetch(`${server.urls[0]}/metrics`, { headers })).text();
  return Number(/^sluice_request_body_bytes\{\} (\d+)$/m.exec(text)?.[1]);
}

describe('the memory for bodies', () => {
  it('[G11] is released when clients disconnect in the middle of a body', async () => {
    const sockets = await Promise.all([0, 1, 2, 3].map(() => openRaw(server, `${head('content-length: 8000000')}${' '.repeat(500_000)}`)));
    await vi.waitFor(async () => expect(await heldBytes()).toBeGreaterThan(1_000_000), WAIT);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => expect(await heldBytes()).toBe(0), WAIT);
  });

  it('[G11] is released after answers, refusals and imports', async () => {
    const large = {
      vectors: Array.from({ length: 1_000 }, (_, i) => ({ id: `m${i}`, values: [i, 1, 1, 1], metadata: { text: 'x'.repeat(100) } })),
    };
    expect((await client.post('/v1/indexes/target/upsert', large)).status).toBe(200);
    expect((await client.post('/v1/indexes/target/upsert', { ...large, other: 1 })).status).toBe(400);
    expect((await client.post('/v1/indexes/absent/upsert', large)).status).toBe(404);
    const imported = await fetch(`${server.urls[0]}/v1/indexes/target/import`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': 'application/x-ndjson' },
      body: '{"id":"a","values":[1,2,3,4]}\n',
    });
    expect(await imported.text()).toContain('"done"');
    await vi.waitFor(async () => expect(await heldBytes()).toBe(0), WAIT);
  });
});

it.each(['/models/none', '/models/%2e%2e%2fsecrets', '/docs/none', '/models/%00'])(
  'a missing file, %s, is a typed refusal',
  async (path) => {
    const { status, body } = await client.get(path);
    expect(status).toBe(404);
    expect(body.error.code).toBe('route_not_found');
  },
);

it.each(['1e400', '-1e400', '[[1e400]]', '{"a": 1e999}'])(
  'metadata with the number %s, which JSON cannot represent, is refused',
  async (value) => {
    const endpoint = ENDPOINTS.upsertVectors;
    const body = `{"vectors": [{"id": "big", "values": [1, 2, 3, 4], "metadata": {"n": ${value}, "none": null}}]}`;
    expect(await send(endpoint, pathOf(endpoint), body)).toBe(400);
  },
);

it('metadata keeps every key, also names that are special in JavaScript', async () => {
  const metadata = '{"__proto__":{"a":1},"constructor":{"prototype":2},"toJSON":"x","hasOwnProperty":null}';
  const vectors = [{ id: 'odd', values: [1, 2, 3, 4], metadata: JSON.parse(metadata) }];
  expect((await client.post('/v1/indexes/target/upsert', { vectors })).status).toBe(200);
  const { body } = await client.post('/v1/indexes/target/fetch', { ids: ['odd'] });
  expect(JSON.stringify(body.vectors[0].metadata)).toBe(metadata);
});

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import { must } from '../../src/kernel/assert.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { ApiAnswer } from '../support/deployment/api-client.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import type { Restriction } from '../support/deployment/restrictions.ts';
import { RESTRICTIONS } from '../support/deployment/restrictions.ts';
import { SAMPLE_BODIES } from '../support/fixtures/sample-bodies.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

// Every route with every wrong credential. New endpoints are included through the table; only their sample bodies are added here.

const ROUTES = Object.entries(ENDPOINTS) as [EndpointName, Endpoint][];
const GUARDED = ROUTES.filter(([, { access }]) => access.kind !== 'public');
const MODEL = 'glove-sif-100';

/** What tenant A owns: the values of path parameters. */
const owned: Record<string, string> = {
  model: MODEL,
  index: 'secrets',
  period: '2026-11',
  collection: 'secrets',
  id: 'secret-vector',
  document: 'secret-document',
  field: 'mark',
  alias: 'secret-alias',
  queue: 'secret-queue',
  model_alias: MODEL,
  version: '1',
  cohort: 'root',
  route: MODEL,
  prompt: 'secret-prompt',
  label: 'production',
  reservation: `rsv_${'0'.repeat(20)}`,
  attempt: `att_${'0'.repeat(26)}_1`,
};

const server = sharedDeployment();
let a: TestTenant;
let b: TestTenant;
let agentToken: string;
const keys: Record<string, string> = {};

beforeAll(async () => {
  a = await createTenant(server, { scopes: SCOPES });
  b = await createTenant(server, { scopes: SCOPES });
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const pool = await admin.create<{ id: string; agent_token: string }>('/v1/pools', { name: 'matrix', owner: 'testers' });
  agentToken = pool.agent_token;
  owned['pool'] = pool.id;
  Object.assign(owned, { key: a.keyId, tenant: a.id, organisation: a.organisation });
  await own();

  const revoked = await createTenant(server);
  await new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY).delete(`/v1/keys/${revoked.keyId}`);
  const expired = await createTenant(server, { expiresAtS: Math.floor(Date.now() / 1000) + 1 });
  Object.assign(keys, {
    malformed: 'sk_nonsense',
    unknown: a.client.apiKey.slice(0, -3) + (a.client.apiKey.endsWith('000') ? '111' : '000'),
    revoked: revoked.client.apiKey,
    expired: expired.client.apiKey,
  });
  // Wait until no isolate has a cached answer from before the revocation or the expiry.
  for (const { client } of [revoked, expired]) {
    await vi.waitFor(async () => expect((await client.get('/v1/indexes')).status).toBe(401), { timeout: 90_000 });
  }
});

/** Creates one resource of every kind for tenant A. */
async function own(): Promise<void> {
  const { client } = a;
  await client.post('/v1/indexes', { name: 'secrets', model: MODEL, owner: 'testers' });
  await client.post('/v1/indexes/secrets/upsert', {
    vectors: [{ id: 'secret-vector', text: 'the secret of tenant a', metadata: { mark: 'secret-mark' } }],
  });
  await client.call('PUT', '/v1/indexes/secrets/documents/secret-document', { text: 'secret-line' });
  await client.call('PUT', '/v1/indexes/secrets/aliases/secret-alias');
  await client.post('/v1/queues', { name: 'secret-queue' });
  const prompt = { name: 'secret-prompt', messages: [{ role: 'system', content: 'secret-line' }], labels: ['production'] };
  await client.post('/v1/prompts', prompt);
  await client.post('/v1/routes', { name: MODEL, default: { kind: 'refuse', message: 'closed' } });
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob(['{"id": "a", "text": "secret-line"}\n']), 'secret-file.jsonl');
  owned['file'] = (await client.call('POST', '/v1/files', form)).body.id;
  owned['upload'] = (await client.post('/v1/uploads', SAMPLE_BODIES.createUpload?.(owned))).body.id;
  owned['job'] = (
    await client.post('/v1/jobs', { kind: 'batch_embedding', model: MODEL, input_file: owned['file'], owner: 'testers' })
  ).body.id;
  const batch = { input_file_id: owned['file'], endpoint: '/v1/embeddings', completion_window: '24h' };
  owned['batch'] = (await client.post('/v1/batches', batch)).body.id;
  const pairs = new FormData();
  pairs.set('purpose', 'fine-tune');
  pairs.set('file', new Blob(['{"anchor": "secret-line", "positive": "water"}\n']), 'pairs.jsonl');
  const tuning = { model: MODEL, training_file: (await client.call('POST', '/v1/files', pairs)).body.id };
  owned['tuning'] = (await client.post('/v1/fine_tuning/jobs', tuning)).body.id;
  await client.post('/v1/indexes', { name: 'gone', dimensions: 4 });
  owned['request'] = 'secret-request';
  await client.post('/v1/chat/completions', SAMPLE_BODIES.createChatCompletion?.(owned), { 'x-request-id': 'secret-request' });
  owned['erasure'] = (await client.delete('/v1/indexes/gone')).body.id;
  owned['purge'] = (await client.post('/v1/cache/purge', { everything: true })).body.purge_id;
  for (const [what, value] of Object.entries(owned)) expect(value, what).toBeTypeOf('string');
}

function send(name: EndpointName, { method, path, body }: Endpoint, apiKey: string): Promise<ApiAnswer> {
  // A create that takes its name from the path would give the other tenant a collection of that name.
  const named = name === 'qdrantCreateCollection' ? { ...owned, collection: 'probe-collection' } : owned;
  const filled = path.replaceAll(PATH_PARAMS, (_, parameter: string) => named[parameter] ?? 'missing');
  const sample = body.kind === 'none' ? undefined : SAMPLE_BODIES[name]?.(owned);
  const query = name === 'listTenants' ? `?organisation=${a.organisation}` : (QUERIES[name] ?? '');
  // A create that takes its name from the body would give the other tenant a route or a prompt of that name.
  const content = name === 'createRoute' || name === 'createPrompt' ? { ...(sample as object), name: 'probe' } : sample;
  return new ApiClient(server.urls[0] ?? '', apiKey).call(method, filled + query, content);
}

/** Queries that a call cannot do without. */
const QUERIES: { readonly [Name in EndpointName]?: string } = {
  readInput: '?fence=1',
  writeOutput: '?fence=1',
  appendLog: '?fence=1&at=0',
  readCheckpoint: '?fence=1',
  writeCheckpoint: `?fence=1&sha256=${'0'.repeat(64)}`,
  readAttemptModel: '?fence=1',
  readAttemptModelFile: `?fence=1&sha256=${'0'.repeat(64)}`,
  readModelVersionFile: `?sha256=${'0'.repeat(64)}`,
  getCapacityTeams: `?repository=repo_${'0'.repeat(20)}`,
  getDebtOnboarding: '?component=core',
};

/** Paths that name a resource of tenant A. */
const NAMES_FOREIGN = /:(index|collection|file|upload|job|batch|queue|route|prompt|key|purge|erasure|upstream)/;

/** Endpoints that succeed for a collection that does not exist, or create it. */
const TELLS_ABSENCE: Partial<Record<EndpointName, boolean>> = {
  qdrantCollectionExists: true,
  qdrantDeleteCollection: true,
  qdrantCreateCollection: true,
};

const foreignIds = (): string[] => ['file', 'upload', 'job', 'batch', 'tuning', 'purge', 'erasure'].map((what) => owned[what] ?? what);

/** Status and code, in either API's error shape. */
const verdict = ({ status, body }: ApiAnswer) => ({ status, code: body.error?.code ?? body.status?.code ?? body.code });

it('there is a sample body for every endpoint that takes one', () => {
  const missing = ROUTES.filter(
    ([name, { body }]) => (body.kind === 'json' || body.kind === 'multipart') && SAMPLE_BODIES[name] === undefined,
  );
  expect(missing.map(([name]) => name)).toEqual([]);
});

describe.each(GUARDED)('%s', (name, endpoint) => {
  const agentOnly = endpoint.access.kind === 'agent';

  it('[G3] refuses a caller without a key', async () => {
    const filled = endpoint.path.replaceAll(PATH_PARAMS, (_, parameter: string) => owned[parameter] ?? 'missing');
    const response = await fetch(`${server.urls[0]}${filled}`, { method: endpoint.method });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(verdict({ status: response.status, headers: response.headers, body: await response.json() })).toEqual({
      status: 401,
      code: 'missing_api_key',
    });
  });

  it.each([
    ['malformed', 'invalid_api_key'],
    ['unknown', 'invalid_api_key'],
    ['revoked', 'invalid_api_key'],
    ['expired', agentOnly ? 'invalid_api_key' : 'key_expired'],
  ])('[G3] refuses a key that is %s', async (kind, code) => {
    expect(verdict(await send(name, endpoint, keys[kind] ?? ''))).toEqual({ status: 401, code });
  });

  it('[G3] refuses a key without the scope', async () => {
    const needed = 'scope' in endpoint.access ? endpoint.access.scope : undefined;
    const others = SCOPES.filter((scope) => scope !== needed);
    const { client } = await createTenant(server, { scopes: others });
    const { status, code } = verdict(await send(name, endpoint, client.apiKey));
    expect([status, code]).toEqual(agentOnly ? [401, 'invalid_api_key'] : [403, 'scope_denied']);
  });

  it('shows and changes nothing of another tenant', async () => {
    const answer = await send(name, endpoint, b.client.apiKey);
    const text = JSON.stringify(answer.body);
    // A refusal may repeat the id from the request, and nothing else of tenant A.
    const marks = ['secret-mark', 'secret-line', 'secret-file', ...(answer.status < 300 ? [a.id, a.keyId, ...foreignIds()] : [])];
    expect(marks.filter((mark) => text.includes(mark))).toEqual([]);
    if (NAMES_FOREIGN.test(endpoint.path)) expect(answer.status).toBe(TELLS_ABSENCE[name] === true ? 200 : 404);
  });

  if (endpoint.access.kind === 'tenant') {
    it('refuses the admin key, which belongs to no tenant', async () => {
      expect(verdict(await send(name, endpoint, server.secrets.SLUICE_ADMIN_KEY))).toEqual({ status: 403, code: 'scope_denied' });
    });
  }

  if (!agentOnly) {
    it('refuses the token of an agent', async () => {
      expect((await send(name, endpoint, agentToken)).status).toBeOneOf([401, 403]);
    });
  }
});

it('every resource of tenant A is unchanged', async () => {
  const { client } = a;
  const { body } = await client.post('/v1/indexes/secrets/fetch', { ids: ['secret-vector', 'intruder'], include_text: true });
  expect(body.vectors.map((vector: { id: string }) => vector.id)).toEqual(['secret-vector']);
  const { served, writing } = (await client.get('/v1/indexes/secrets/documents/secret-document?wait_ms=20000')).body;
  expect([served.bytes, writing]).toEqual(['secret-line'.length, null]);
  expect((await client.get('/v1/aliases')).body.data).toEqual([{ object: 'alias', alias: 'secret-alias', index: 'secrets' }]);
  expect((await client.get(`/v1/files/${owned['file']}/content`)).body).toContain('secret-line');
  expect((await client.get(`/v1/jobs/${owned['job']}`)).body.state).toBe('pending');
  expect((await client.get(`/v1/keys/${a.keyId}`)).body).toMatchObject({ revoked_at: null, previous_secret_expires_at: null });
  expect((await client.get(`/v1/batches/${owned['batch']}`)).body.status).toBe('validating');
  expect((await client.get(`/v1/fine_tuning/jobs/${owned['tuning']}`)).body.status).toBe('queued');
  // The job, the batch and the fine-tuning job that it made itself.
  expect((await client.get('/v1/jobs')).body.data).toHaveLength(3);
  expect((await client.get('/v1/quotas')).body.rules.map(({ limit }: { limit: number }) => limit)).not.toContain(1);
});

describe('a restricted key', () => {
  const OTHER_MODEL = `${MODEL}-onnx`;
  // Endpoints that delete the index come last.
  const isLast = (name: string): boolean => name === 'deleteIndex' || name === 'qdrantDeleteCollection';
  const calls = (Object.entries(RESTRICTIONS) as [EndpointName, Restriction][]).toSorted(([one], [two]) => +isLast(one) - +isLast(two));
  let maker: TestTenant;
  /** By kind of key: its secret, and the id of a key that it created. */
  const made = new Map<string, { secret: string; key: string }>();
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    maker = await createTenant(server, { scopes: SCOPES });
    const { client } = maker;
    for (const name of ['open', 'shut']) {
      await client.post('/v1/indexes', { name, model: MODEL });
      const vectors = [{ id: 'secret-vector', text: `the text of ${name}`, metadata: { mark: `of ${name}` } }];
      expect((await client.post(`/v1/indexes/${name}/upsert`, { vectors })).status).toBe(200);
    }
    expect((await client.call('PUT', '/v1/indexes/shut/aliases/door')).status).toBe(200);
    Object.assign(ids, owned, { alias: 'hatch', tenant: maker.id, organisation: maker.organisation });
    // The first key may use the alias `door`, but not the index that it stands for.
    // What names no model is about the default one.
    const keysOf = {
      index: ['index/open', 'index/door', 'index/hatch'],
      model: [`model/${MODEL}`, 'model/bge-static-256'],
      other: [`model/${OTHER_MODEL}`],
    };
    for (const [kind, resources] of Object.entries(keysOf)) {
      const { key: secret } = (await client.post('/v1/keys', { name: kind, scopes: SCOPES, resources })).body;
      const child = await new ApiClient(client.url, secret).post('/v1/keys', { name: 'its-own' });
      expect(child.status, JSON.stringify(child.body)).toBe(201);
      made.set(kind, { secret, key: child.body.id });
    }
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob(['{}\n']), 'lines.jsonl');
    ids['file'] = (await client.call('POST', '/v1/files', form)).body.id;
    ids['job'] = (await client.post('/v1/jobs', { kind: 'batch_embedding', model: MODEL, input_file: ids['file'] })).body.id;
    ids['purge'] = (await client.post('/v1/cache/purge', { everything: true })).body.purge_id;
    ids['debt_repository'] = `repo_${'0'.repeat(20)}`;
    ids['debt_item'] = `${ids['debt_repository']}.${'0'.repeat(64)}`;
    for (const [what, value] of Object.entries(ids)) expect(value, what).toBeTypeOf('string');
  });

  /** Calls an endpoint for the index of that name, with its sample body. */
  async function call(kind: string, name: EndpointName, index = 'open'): Promise<ApiAnswer> {
    const { method, path, body }: Endpoint = ENDPOINTS[name];
    const { secret, key } = must(made.get(kind), 'a kind of key');
    const named: Record<string, string> = { ...ids, key, index, collection: index };
    const filled = path.replaceAll(PATH_PARAMS, (_, parameter: string) => named[parameter] ?? 'missing');
    const sample = body.kind === 'none' ? undefined : SAMPLE_BODIES[name]?.(named);
    // createIndex takes the name in the body.
    const content = name === 'createIndex' ? { ...(sample as object), name: index } : sample;
    return new ApiClient(server.urls[0] ?? '', secret).call(method, filled + (QUERIES[name] ?? ''), content);
  }

  /** A stream reports the refusal in its last line; Qdrant's errors have no code. */
  const isRefused = ({ status, body }: ApiAnswer): boolean =>
    status === 403 || (typeof body === 'string' && body.trimEnd().split('\n').at(-1)?.includes('"scope_denied"') === true);

  it('[T14] is tested with every endpoint of tenants', () => {
    const ofTenants = ROUTES.filter(([, { access }]) => access.kind === 'tenant' || access.kind === 'tenant-or-admin');
    expect(Object.keys(RESTRICTIONS).toSorted()).toEqual(ofTenants.map(([name]) => name).toSorted());
  });

  it.each(calls)('[T14] [T55] reaches only what it names, by %s', async (name, { index, model }) => {
    // Before the allowed call, which may delete the index.
    if (index === 'named') {
      expect(isRefused(await call('index', name, 'shut')), 'another index').toBe(true);
      const aliased = await call('index', name, 'door');
      expect(isRefused(aliased) || !JSON.stringify(aliased.body).includes('shut'), `by an alias: ${JSON.stringify(aliased.body)}`).toBe(
        true,
      );
    }
    expect(isRefused(await call('other', name)), 'another model').toBe(model !== 'none');
    expect(isRefused(await call('model', name)), 'its own model').toBe(model === 'all');
    expect(isRefused(await call('index', name)), 'its own index').toBe(index === 'all');
  });

  it('[T55] has not changed the index that it must not reach', async () => {
    const { client } = maker;
    const { body } = await client.post('/v1/indexes/shut/list', { include_metadata: true, include_text: true });
    expect(body.vectors).toMatchObject([{ id: 'secret-vector', text: 'the text of shut', metadata: { mark: 'of shut' } }]);
    expect((await client.get('/v1/indexes/shut')).body).toMatchObject({ name: 'shut', generation: 1 });
    expect((await client.get('/v1/indexes/shut/aliases')).body.data).toMatchObject([{ alias: 'door' }]);
    expect((await client.get('/v1/indexes/shut/generations')).body.data).toHaveLength(1);
  });
});

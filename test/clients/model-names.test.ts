import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { bertFolder } from '../support/models/model-folder.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';

/** The names of one model each: of the deployment, of the tenant's registry, of an upstream. `words` and `prod` are aliases, `thrifty` is a route. */
const DEPLOYED = ['glove-sif-100', 'glove-sif-100@2', 'words', 'words@2'];
const REGISTERED = ['encoder', 'encoder@1', 'prod', 'prod@1'];
const ASKED_UPSTREAM = ['small', 'lab/small', 'thrifty'];
/** Names that mean nothing. */
const NOTHING = ['nothing', 'lab/nothing', 'glove-sif-100@9', 'words@9', 'encoder@9', 'prod@9'];
const EMBEDDING = [...DEPLOYED, ...REGISTERED];

/** A purge is effective once leases have run out: `npm test` purges by the first and the last of the forms, `test:full` by each. */
const purgedBy = (forms: readonly string[]): readonly string[] =>
  process.env['SLUICE_TEST_FULL'] === '1' ? forms : forms.filter((_, at) => at === 0 || at === forms.length - 1);

const CACHED = { 'x-sluice-cache-ttl-ms': '600000' };
const SCOPES = [
  'inference',
  'cache:purge',
  'files',
  'jobs',
  'models:write',
  'index:read',
  'index:write',
  'upstreams:write',
  'requests:read',
  'planning:read',
  'planning:write',
];

let upstream: MockUpstream;
let server: Server;
let client: ApiClient;
let agent: Agent;

beforeAll(async () => {
  upstream = await startMockUpstream();
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const prices = { input: 1_000_000, output: 2_000_000 };
  const model = { name: 'small', serves: ['chat'], context_tokens: 100_000, output_tokens_max: 1_000, prices };
  const secret = 'sk-mock-0123456789';
  await admin.create('/v1/upstreams', { name: 'lab', protocol: 'openai', base_url: upstream.baseUrl, secret, models: [model] });
  agent = startAgent(server, await admin.create('/v1/pools', { name: 'batches', owner: 'testers' }));
  ({ client } = await createTenant(server, { scopes: SCOPES }));
  await registerModel(client, 'encoder', bertFolder().files);
  await promoteModel(client, 'encoder', 1);
  for (const [of, alias] of [
    ['glove-sif-100', 'words'],
    ['encoder', 'prod'],
  ] as const)
    expect((await client.put(`/v1/models/${of}/aliases/${alias}`, {})).status).toBe(200);
  const route = { name: 'thrifty', default: { kind: 'targets', groups: [[{ target: 'lab/small' }]] } };
  expect((await client.post('/v1/routes', route)).status).toBe(200);
  // The directories of upstreams and routes are at most a second old.
  for (const name of ASKED_UPSTREAM)
    await vi.waitFor(async () => expect((await call(name, 'ready')).status, name).toBe(200), { timeout: 90_000 });
});

afterAll(async () => {
  await agent.stop();
  await server.stop();
  await upstream.kill();
});

const call = async (model: string, text: string, headers: Record<string, string> = CACHED): Promise<ApiAnswer> =>
  ASKED_UPSTREAM.includes(model)
    ? client.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: text }] }, headers)
    : client.post('/v1/embeddings', { model, input: text }, headers);

/** Whether an answer is in the cache: asked again without leaving anything behind. */
async function isCached(model: string, text: string): Promise<boolean> {
  const { headers } = underLease(await call(model, text, { ...CACHED, 'cache-control': 'no-store' }));
  return headers.get('cache-status')?.includes('; hit') === true;
}

const upload = async (model: string): Promise<string> => {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set(
    'file',
    new Blob([JSON.stringify({ custom_id: 'a', method: 'POST', url: '/v1/embeddings', body: { model, input: 'river lock' } })]),
    'a.jsonl',
  );
  return (await client.call('POST', '/v1/files', form)).body.id;
};
const submit = async (model: string): Promise<ApiAnswer> =>
  client.post('/v1/batches', { input_file_id: await upload(model), endpoint: '/v1/embeddings', completion_window: '24h' });

/** Places that name a model, besides batches and purges. */
const PLACES: readonly (readonly [string, (model: string, n: number) => Promise<ApiAnswer>])[] = [
  ['an embedding', (model) => client.post('/v1/embeddings', { model, input: 'river lock' })],
  ['a ranking', (model) => client.post('/v1/rerank', { model, query: 'river', documents: ['river lock', 'a boat'] })],
  ['an index', (model, n) => client.post('/v1/indexes', { name: `index-${n}`, model })],
  ['the plan of a job', async (model) => client.post('/v1/jobs:plan', { kind: 'batch_embedding', model, input_file: await upload(model) })],
];

describe('[M98] a name means one thing', () => {
  it.each(PLACES)('in %s, under every form, and nothing where it means nothing', async (_, ask) => {
    for (const [n, model] of EMBEDDING.entries()) {
      const { status, body } = await ask(model, n);
      expect([200, 201], `${model}: ${JSON.stringify(body)}`).toContain(status);
    }
    for (const [n, model] of NOTHING.entries())
      expect((await ask(model, 100 + n)).body.error, model).toMatchObject({ code: 'model_not_found' });
  });

  it('in batches: each is embedded under the name that its lines say', async () => {
    const batches = await Promise.all(EMBEDDING.map(async (model) => ({ model, ...(await submit(model)) })));
    for (const { model, status, body } of batches) {
      expect(status, `${model}: ${JSON.stringify(body)}`).toBe(200);
      const settled = async () => (await client.get(`/v1/batches/${body.id}`)).body;
      await expect.poll(async () => (await settled()).status, { timeout: 120_000, interval: 100 }).toBeOneOf(['completed', 'failed']);
      expect(await settled(), model).toMatchObject({ status: 'completed', request_counts: { completed: 1, failed: 0 } });
    }
    for (const model of [...NOTHING, ...ASKED_UPSTREAM])
      expect((await submit(model)).body.error, model).toMatchObject({ code: 'model_not_found' });
  });

  it('in the log of requests and in objectives: what was asked for by a name, and what was served under it', async () => {
    const ids = await Promise.all(
      ASKED_UPSTREAM.map(async (model) => underLease(await call(model, 'once more', {})).headers.get('x-request-id') ?? ''),
    );
    const found = async (model: string): Promise<string[]> => {
      const { body } = await client.get(`/v1/requests?limit=100&model=${encodeURIComponent(model)}`);
      return ids.filter((id) => body.data.some((entry: { id: string }) => entry.id === id));
    };
    // Setting it observes it.
    const events = async (name: string, n: number): Promise<number> => {
      await client.put(`/v1/slos/answers-${n}`, { indicator: { kind: 'availability', by: 'model', name }, objective: 0.9 });
      return (await client.get(`/v1/slos/answers-${n}`)).body.events;
    };
    await expect.poll(() => Promise.all([...ASKED_UPSTREAM, 'nothing'].map(found))).toEqual([ids, ids, ids.slice(2), []]);
    // Other tests have called by these names, too.
    await expect
      .poll(async () => {
        const [small = 0, whole = 0, thrifty = 0] = await Promise.all(ASKED_UPSTREAM.map(events));
        return [thrifty > 0, thrifty < small, whole === small];
      })
      .toEqual([true, true, true]);
  });

  it.each([
    ['of the deployment', DEPLOYED, DEPLOYED, REGISTERED],
    ['that are registered', REGISTERED, REGISTERED, DEPLOYED],
    ['of upstreams', ASKED_UPSTREAM, ['small', 'lab/small'], EMBEDDING],
    ['of routes', ['thrifty'], ['thrifty'], EMBEDDING],
  ])('in purges: by any form, of what was asked for under any form, of models %s', (kind, asked, said, others) =>
    leased(async (attempt) => {
      for (const by of purgedBy(said)) {
        const text = `river lock ${kind} ${by} ${attempt}`;
        for (const model of asked) underLease(await call(model, text));
        const purged = await Promise.all(others.map((other) => client.post('/v1/cache/purge', { model: other })));
        expect(purged.every(({ body }) => body.status === 'effective')).toBe(true);
        for (const model of asked) expect(await isCached(model, text), `${model}, before`).toBe(true);
        expect((await client.post('/v1/cache/purge', { model: by })).body.status).toBe('effective');
        for (const model of asked) expect(await isCached(model, text), `${model}, purged by ${by}`).toBe(false);
      }
    }),
  );

  it.each(NOTHING)('in purges: %s is refused', async (model) => {
    for (const more of [{}, { dry_run: true }]) {
      const { status, body } = await client.post('/v1/cache/purge', { model, ...more });
      expect([status, body.error?.code, body.error?.param]).toEqual([404, 'model_not_found', 'model']);
    }
  });
});

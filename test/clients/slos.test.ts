import { afterAll, beforeAll, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';
import { scripted } from '../support/upstreams/script.ts';

const SCOPES = ['inference', 'requests:read', 'planning:read', 'planning:write', 'index:write'];

const SMALL = { name: 'small', serves: ['chat'], context_tokens: 100_000, output_tokens_max: 1_000, prices: { input: 0, output: 0 } };
const LIVE = { name: 'live', protocol: 'openai', secret: 'sk-mock-0123456789abcdef', models: [SMALL] };

let server: Server;
let admin: AdminClient;
let upstream: MockUpstream;

beforeAll(async () => {
  upstream = await startMockUpstream();
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  await admin.create('/v1/upstreams', { ...LIVE, base_url: upstream.baseUrl });
});

afterAll(async () => {
  await server.stop();
  await upstream.kill();
});

it("[SL13] [SL14] an objective on an endpoint has each call once, but those that are callers' faults", async () => {
  const { client } = await createTenant(server, { scopes: SCOPES });
  const put = (name: string, indicator: object) => client.put(`/v1/slos/${name}`, { indicator, objective: 0.9 });
  const endpoint = { by: 'endpoint', name: 'POST /v1/embeddings' };
  const misspelt = await put('none', { kind: 'availability', ...endpoint, name: 'POST /v1/embedding' });
  expect(misspelt).toMatchObject({ status: 400, body: { error: { param: 'indicator.name' } } });

  const embed = (input: string | number) => client.post('/v1/embeddings', { model: 'glove-sif-100', input });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => embed(`text ${at}`)));
  const answered = answers.filter(({ status }) => status === 200).length;
  expect(answered).toBe(20);
  expect((await embed(-1)).status).toBe(400);
  const eventsOf = async (indicator: object) => {
    await put('embeddings', indicator);
    const { body } = await client.get('/v1/slos/embeddings');
    return [body.events, body.bad_events, body.status];
  };
  await expect.poll(() => eventsOf({ kind: 'availability', ...endpoint })).toEqual([20, 0, 'ok']);
  await expect.poll(() => eventsOf({ kind: 'latency', ...endpoint, below_ms: 3_600_000 })).toEqual([20, 0, 'ok']);

  const body = { model: 'live/small', messages: [{ role: 'user', content: scripted({ status: 500, message: 'no' }) }] };
  const failures = await Promise.all(Array.from({ length: 3 }, () => client.post('/v1/chat/completions', body)));
  expect(failures.every(({ status }) => status >= 500)).toBe(true);
  const chat = { kind: 'availability', by: 'endpoint', name: 'POST /v1/chat/completions' };
  await expect.poll(() => eventsOf(chat)).toEqual([3, 3, expect.stringMatching('burning|exhausted')]);
});

it.each([
  ['that its upstream refuses', 'refusing', { status: 500, message: 'no' }, false],
  ['that breaks off', 'breaking', { tokens: 9, dieAfterTokens: 3 }, true],
])('[U192] a call %s is a failure for each objective that it is an event of', async (_, name, script, stream) => {
  await admin.create('/v1/upstreams', { ...LIVE, base_url: upstream.baseUrl, name });
  const { client } = await createTenant(server, { scopes: [...SCOPES, 'upstreams:write'] });
  const target = `${name}/small`;
  expect((await client.post('/v1/routes', { name, default: { kind: 'targets', groups: [[{ target }]] } })).status).toBe(200);
  const call = () => client.post('/v1/chat/completions', { model: name, stream, messages: [{ role: 'user', content: scripted(script) }] });
  // Directories are at most a second old: until then the name means nothing, which is no event.
  await expect.poll(async () => (await call()).status).not.toBe(404);
  const failures = await Promise.all(Array.from({ length: 2 }, call));
  expect(failures.map(({ status }) => status).every((status) => (stream ? status === 200 : status >= 500))).toBe(true);
  for (const [by, subject] of Object.entries({ route: name, model: name, target, endpoint: 'POST /v1/chat/completions' })) {
    const eventsOf = async () => {
      await client.put(`/v1/slos/${by}`, { indicator: { kind: 'availability', by, name: subject }, objective: 0.9 });
      const { body } = await client.get(`/v1/slos/${by}`);
      return [body.events, body.bad_events];
    };
    await expect.poll(eventsOf, { message: by }).toEqual([3, 3]);
  }
});

interface Alert {
  readonly type: string;
  readonly data: { readonly details: { readonly policy: string } };
}

it('[SL3] [SL9] an objective that burns is alerted of, once, and goes with its tenant', async () => {
  const tenant = await createTenant(server, { scopes: SCOPES });
  const { client } = tenant;
  const say = (script: Script) =>
    client.post('/v1/chat/completions', { model: 'live/small', messages: [{ role: 'user', content: scripted(script) }] });
  await expect.poll(async () => (await say({})).status).toBe(200);
  const failures = await Promise.all(Array.from({ length: 24 }, () => say({ status: 500, message: 'no' })));
  const errors = failures.filter(({ status }) => status >= 500).length;
  const logged = async () => (await client.get('/v1/requests?limit=100')).body.data.length;
  await expect.poll(logged).toBeGreaterThanOrEqual(25);

  const indicator = { kind: 'availability', by: 'model', name: 'live/small' };
  // Setting it again observes it at once.
  const observed = async () => {
    await client.put('/v1/slos/answers', { indicator, objective: 0.99 });
    return (await client.get('/v1/slos/answers')).body;
  };
  await expect.poll(async () => (await observed()).events).toBeGreaterThan(errors);
  const slo = await observed();
  expect(slo).toMatchObject({ status: 'burning', bad_events: errors, owner: 'testers' });
  expect(slo.burn.map(({ firing }: { firing: boolean }) => firing)).toEqual([true, true, true]);

  const { organisation } = tenant;
  const alerts = async () => {
    const { data } = await admin.get<{ data: Alert[] }>(`/v1/alerts?organisation=${organisation}`);
    return data.filter(({ type }) => type === 'slo.burning');
  };
  await expect.poll(async () => (await alerts()).length).toBe(3);
  await observed();
  expect((await alerts()).map(({ data }) => data.details.policy).toSorted()).toEqual(['page_fast', 'page_slow', 'ticket']);

  await admin.create(`/v1/tenants/${tenant.id}/erase`, {});
  const { remaining } = await admin.get<{ remaining: { what: string; count: number }[] }>(`/v1/tenants/${tenant.id}/erasure`);
  expect(remaining.find(({ what }) => what === 'objectives')?.count).toBe(0);
});

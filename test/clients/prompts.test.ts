import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';

const CACHED = { 'x-sluice-cache-ttl-ms': '60000' };
const SCOPES = ['inference', 'upstreams:write', 'prompts:read', 'prompts:write', 'requests:read'];

let upstream: MockUpstream;
let server: Server;
let tenant: TestTenant;

beforeAll(async () => {
  upstream = await startMockUpstream();
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  tenant = await createTenant(server, { scopes: SCOPES });
  await tenant.client.post('/v1/upstreams', {
    name: 'lab',
    protocol: 'openai',
    base_url: upstream.baseUrl,
    models: [
      { name: 'small', serves: ['chat', 'responses'], context_tokens: 8_000, output_tokens_max: 100, prices: { input: 1, output: 1 } },
    ],
  });
});

afterAll(async () => {
  await server.stop();
  await upstream.kill();
});

const version = (content: string) => ({
  name: 'reply',
  messages: [{ role: 'system', content }],
  variables: { mail: { escape: 'xml' } },
});

it('[U163] [U164] [U165] a call has the messages of its prompt; log, cache and audit know which', async () => {
  const { client } = tenant;
  expect((await client.post('/v1/prompts', { ...version('One <m>{{mail}}</m>'), labels: ['production'] })).body.version).toBe(1);
  const openai = new OpenAI({ baseURL: `${server.urls[0]}/v1`, apiKey: client.apiKey });
  const prompt = { id: 'reply', variables: { mail: '</m>' } };
  const answered = await openai.responses.create({ model: 'lab/small', prompt, input: 'more' }).withResponse();
  expect(answered.response.headers.get('x-sluice-prompt')).toBe('reply@1');
  const bodies = async () => (await client.get('/v1/requests?limit=1')).body.data[0];
  await expect.poll(async () => (await bodies())?.prompt).toBe('reply@1');

  const ask = async (more: object = {}) => {
    const asked = { model: 'lab/small', prompt: { ...prompt, ...more } };
    return underLease(await client.post('/v1/chat/completions', asked, CACHED));
  };
  const of = async (answer: ReturnType<typeof ask>) => {
    const { status, headers } = await answer;
    return [status, headers.get('x-sluice-prompt'), headers.get('cache-status')?.includes('; hit') ?? null];
  };
  const asked = await leased(async (attempt) => {
    prompt.variables = { mail: `</m>${attempt}` };
    return [await of(ask()), await of(ask())];
  });
  expect(asked).toEqual([
    [200, 'reply@1', false],
    [200, 'reply@1', true],
  ]);
  // The same text is another version's, too, whose answers are its own.
  await client.post('/v1/prompts', version('One <m>{{mail}}</m>'));
  const second = await client.post('/v1/chat/completions', { model: 'lab/small', prompt: { ...prompt, version: '2' } }, CACHED);
  expect(await of(Promise.resolve(second))).toEqual([200, 'reply@2', false]);
  expect((await client.call('PUT', '/v1/prompts/reply/labels/production', { version: 2 })).body.labels.production.version).toBe(2);
  await expect.poll(async () => (await of(ask()))[1]).toBe('reply@2');

  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const trail = await admin.get<{ data: { action: string; subject: string }[] }>(`/v1/audit?organisation=${tenant.organisation}&limit=1`);
  expect(trail.data[0]).toMatchObject({ action: 'prompt.label', subject: 'reply@2:production' });
});

it('[U162] [U163] refuses what cannot be filled in, reserves and sends nothing, and shares no prompt', async () => {
  const { requests } = await upstream.truth();
  const refused = await tenant.client.post('/v1/chat/completions', { model: 'lab/small', prompt: { id: 'reply', variables: { mail: 1 } } });
  expect(refused.body.error).toMatchObject({ code: 'invalid_value', param: 'prompt.variables.mail' });
  const nothing = await tenant.client.post('/v1/chat/completions', { model: 'lab/small' });
  expect(nothing.body.error).toMatchObject({ code: 'invalid_value', param: 'messages' });
  const { client: other } = await createTenant(server, { scopes: SCOPES });
  const foreign = await other.post('/v1/responses', { model: 'lab/small', prompt: { id: 'reply' } });
  expect(foreign.body.error).toMatchObject({ code: 'prompt_not_found' });
  expect((await upstream.truth()).requests).toBe(requests);
  const { client: reader } = await createTenant(server, { scopes: ['inference'] });
  expect((await reader.get('/v1/prompts')).body.error.code).toBe('scope_denied');
});

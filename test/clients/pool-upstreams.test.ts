import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Agent } from '../support/deployment/agent.ts';
import { AgentPool } from '../support/deployment/agent-pool.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';

// Servers of models in processes of their own, each with an agent beside it, and the replicas of one job before them.
const LONG = { timeout: 60_000 };
const SERVES = ['chat', 'completions', 'responses', 'embeddings', 'rerank', 'moderations'];
const MODEL = {
  upstream_name: 'mock',
  serves: SERVES,
  context_tokens: 10_000,
  output_tokens_max: 100,
  prices: { input: 2e9, output: 5e9 },
};
const SCOPES = ['inference', 'jobs', 'usage:read', 'upstreams:read', 'upstreams:write', 'requests:read'];

let servers: MockUpstream[];
let spare: MockUpstream;
let pool: AgentPool;
let agents: Agent[];
let job = '';

beforeAll(async () => {
  [spare, ...servers] = (await Promise.all([1, 2, 3].map(() => startMockUpstream()))) as [MockUpstream, ...MockUpstream[]];
  pool = await AgentPool.deploy({ LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${spare.port}` }, SCOPES);
  agents = servers.map(({ baseUrl }) =>
    pool.start(['--allow', 'online_inference'], { SLUICE_AGENT_SERVER: baseUrl, SLUICE_AGENT_SERVER_KEY: 'of-the-server' }),
  );
  const made = await pool.client.post('/v1/jobs', {
    kind: 'online_inference',
    model: 'mock',
    server: 'openai',
    resources: [{ nodes: { min: 1, max: 3 } }],
  });
  expect([made.status, made.body.server], JSON.stringify(made.body)).toEqual([201, 'openai']);
  job = made.body.id;
  const upstream = { name: 'gpus', protocol: 'openai', base_url: `replicas:${job}`, models: [{ ...MODEL, name: 'llama' }] };
  const added = await pool.client.post('/v1/upstreams', upstream);
  expect([added.status, added.body.base_url], JSON.stringify(added.body)).toEqual([201, `replicas:${job}`]);
});

afterAll(async () => {
  await pool.close();
  await Promise.all([spare, ...servers].map((one) => one.kill()));
});

const health = async (): Promise<{ address: string | null; breaker: string }[]> =>
  (await pool.client.get('/v1/upstreams/gpus/health')).body.models.filter(({ address }: { address: string | null }) => address !== null);

let asked = 0;

/** Each begins otherwise, so that none goes to a replica for its prefix. */
const chat = (more: object = {}, model = 'llama') =>
  pool.client.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: `${(asked += 1)}. hello` }], ...more });

/**
 * A stream whose first token its caller has read, so that no other replica can answer it any more; what it resolves to
 * reads the rest.
 */
async function begunStream(): Promise<() => Promise<string>> {
  const answer = await fetch(`${pool.client.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${pool.client.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'llama', stream: true, messages: [{ role: 'user', content: `${(asked += 1)}. hello` }] }),
  });
  const pieces = answer.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = '';
  while (!/"content":"[^"]/.test(text)) {
    const { done, value } = await pieces.next();
    expect(done, text).toBe(false);
    text += value;
  }
  return async () => {
    for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) text += piece.value;
    return text;
  };
}

const served = async (): Promise<number[]> => (await Promise.all(servers.map((one) => one.truth()))).map(({ requests }) => requests);

it('[U12] [P83] answers every API by the replicas of a job, which share the load, at exact prices', async () => {
  await expect.poll(async () => (await health()).length, LONG).toBe(2);
  const user = [{ role: 'user', content: 'hello' }];
  const calls: [string, object][] = [
    ['/v1/chat/completions', { messages: user }],
    ['/v1/completions', { prompt: 'hello' }],
    ['/v1/responses', { input: 'hello' }],
    ['/v1/messages', { messages: user, max_tokens: 20 }],
    ['/v1/embeddings', { input: 'hello' }],
    ['/v1/rerank', { query: 'hello', documents: ['a', 'b'] }],
    ['/v1/moderations', { input: 'hello' }],
  ];
  let nano = 0;
  for (const [path, body] of calls) {
    const { status, body: reply, headers } = await pool.client.post(path, { model: 'llama', ...body });
    expect(status, `${path} ${JSON.stringify(reply)}`).toBe(200);
    nano += Math.round(Number(headers.get('x-sluice-cost-usd')) * 1e9);
  }
  const streamed = await chat({ stream: true, stream_options: { include_usage: true } });
  expect(streamed.body).toContain('[DONE]');
  const logged = async () => (await pool.client.get(`/v1/requests/${streamed.headers.get('x-request-id') ?? ''}`)).body.cost_usd;
  await expect.poll(logged, LONG).toBeDefined();
  nano += Math.round(Number(await logged()) * 1e9);
  // Embeddings and reranking have the routes of upstreams in the ledger.
  const ledger = async (): Promise<number> => {
    const { data } = (await pool.client.get('/v1/usage?group_by=route')).body;
    const ours = data.filter(({ route }: { route: string }) => calls.some(([path]) => path.split('/').at(-1) === route.split('/').at(-1)));
    return ours.reduce((sum: number, { amount_usd: usd }: { amount_usd: string }) => sum + Math.round(Number(usd) * 1e9), 0);
  };
  await expect.poll(ledger, LONG).toBe(nano);
  for (let count = 0; count < 20; count += 1) await chat();
  expect(Math.min(...(await served()))).toBeGreaterThan(3);
  const { latest } = await servers[0]!.truth();
  expect(latest.at(-1)?.headers).toMatchObject({ authorization: 'Bearer of-the-server' });
  expect((await pool.client.post('/v1/upstreams/gpus/check', undefined)).body).toMatchObject({ verdict: 'ok', authorised: true });
});

it('[U12] a job of another tenant, none at all, and the platform are refused, and so is a secret', async () => {
  const body = { name: 'taken', protocol: 'openai', base_url: `replicas:${job}`, models: [{ ...MODEL, name: 'llama' }] };
  const { client: other } = await createTenant(pool.server, { scopes: SCOPES });
  expect((await other.post('/v1/upstreams', body)).body.error).toMatchObject({ code: 'job_not_found', param: 'base_url' });
  expect((await other.get('/v1/models')).body.data.map(({ id }: { id: string }) => id)).not.toContain('llama');
  expect(
    (await other.post('/v1/chat/completions', { model: 'gpus/llama', messages: [{ role: 'user', content: 'hello' }] })).body.error.code,
  ).toBe('model_not_found');
  const admin = new ApiClient(pool.client.url, pool.server.secrets.SLUICE_ADMIN_KEY);
  expect((await admin.post('/v1/upstreams', body)).body.error).toMatchObject({ code: 'scope_denied', param: 'base_url' });
  const secret = 'sk-that-no-replica-knows';
  expect((await pool.client.post('/v1/upstreams', { ...body, secret })).body.error).toMatchObject({
    code: 'invalid_value',
    param: 'secret',
  });
  expect((await pool.client.call('PATCH', '/v1/upstreams/gpus', { secret })).body.error).toMatchObject({
    code: 'invalid_value',
    param: 'secret',
  });
  expect((await pool.client.post(`/v1/jobs/${job}/embeddings`, { model: 'mock', input: 'a' })).body.error.code).toBe('state_conflict');
});

it('[U12] [U36] leaves a replica whose agent or server dies within the call, and follows those that come', async () => {
  await Promise.all(servers.map((one) => one.script({ hold: { gate: 'never', afterTokens: 2 } }, [])));
  const streams = await Promise.all(Array.from({ length: 10 }, () => begunStream()));
  expect((await Promise.all(servers.map((one) => one.truth()))).every(({ open }) => open > 0)).toBe(true);
  const [first, second] = servers as [MockUpstream, MockUpstream];
  agents[0]?.kill();
  await second.script({});
  await second.open('never');
  const ends = (await Promise.all(streams.map((rest) => rest()))).map((body) => body.includes('[DONE]'));
  expect(new Set(ends), 'those at the replica that died end with an error, the others whole').toEqual(new Set([true, false]));
  const before = (await second.truth()).requests;
  for (let count = 0; count < 10; count += 1) expect((await chat()).status).toBe(200);
  expect((await second.truth()).requests - before).toBe(10);

  // Another agent comes, and the server of the replica that is left dies.
  await first.reset();
  const known = new Set((await health()).map(({ address }) => address));
  pool.start(['--allow', 'online_inference'], { SLUICE_AGENT_SERVER: first.baseUrl });
  await expect.poll(async () => (await health()).some(({ address }) => !known.has(address)), LONG).toBe(true);
  await second.kill();
  for (let count = 0; count < 10; count += 1) expect((await chat()).status).toBe(200);
  expect((await first.truth()).requests).toBe(10);
});

it('[U12] [U50] where no replica is ready the next group answers, and without one the call is refused', async () => {
  const fallback = { name: 'rented', protocol: 'openai', base_url: spare.baseUrl, models: [{ ...MODEL, name: 'spare' }] };
  expect((await pool.client.post('/v1/upstreams', fallback)).status).toBe(201);
  const use = { kind: 'targets', groups: [[{ target: 'gpus/llama' }], [{ target: 'rented/spare' }]] };
  expect((await pool.client.post('/v1/routes', { name: 'desk', default: use })).status).toBe(200);
  const routed = async () => (await chat({}, 'desk')).headers.get('x-sluice-route');
  await expect.poll(routed, LONG).toContain('gpus/llama');
  await pool.client.post(`/v1/jobs/${job}/cancel`, {});
  await expect.poll(async () => (await chat()).body.error?.code, LONG).toBe('no_healthy_replica');
  expect(await routed()).toContain('rented/spare');
});

it('[U12] [J360] a chat by replicas that are all given back is answered by the first that comes', async () => {
  // Its server is gone.
  await agents[1]?.stop();
  const made = await pool.client.post('/v1/jobs', {
    kind: 'online_inference',
    model: 'mock',
    server: 'openai',
    scaling: { outstanding_per_replica: 1, scale_down_delay_s: 1, min: 0 },
  });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const { id } = made.body;
  const upstream = { name: 'sleepers', protocol: 'openai', base_url: `replicas:${id}`, models: [{ ...MODEL, name: 'sleeper' }] };
  expect((await pool.client.post('/v1/upstreams', upstream)).status).toBe(201);
  const reason = async () => (await pool.client.get(`/v1/jobs/${id}/explain`)).body.reason;
  expect(await reason()).toBe('scaled_to_zero');
  const answered = await chat({}, 'sleeper');
  expect(answered.status, JSON.stringify(answered.body)).toBe(200);
  await expect.poll(reason, LONG).toBe('scaled_to_zero');
  expect((await pool.job(id)).attempts.at(-1)).toMatchObject({ stopped_for: 'scaled_to_zero' });
  await pool.client.post(`/v1/jobs/${id}/cancel`, {});
});

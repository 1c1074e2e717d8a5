import { afterAll, beforeAll, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { withLargeTable } from '../support/models/large-folder.ts';
import { bertFolder } from '../support/models/model-folder.ts';

// Registered models beyond the edge: on the agents of a pool.

const TEXTS = ['river lock', 'the keeper opens the gate', 'a boat'];
const LONG = { timeout: 90_000 };

let server: Server;
let client: ApiClient;
let stranger: ApiClient;
let pool: { readonly id: string; readonly agent_token: string };
const agents: Agent[] = [];

beforeAll(async () => {
  server = await deploy();
  const scopes = ['inference', 'files', 'jobs', 'models:write'];
  ({ client } = await createTenant(server, { scopes }));
  stranger = (await createTenant(server, { scopes })).client;
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  pool = await admin.create('/v1/pools', { name: 'models', owner: 'testers' });
  agents.push(startAgent(server, pool, ['--allow', 'online_inference']));
  await promoteModel(client, 'encoder', await registerModel(client, 'encoder', bertFolder().files));
});

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await server.stop();
});

async function upload(content: string, purpose: string): Promise<string> {
  const form = new FormData();
  form.set('purpose', purpose);
  form.set('file', new Blob([content]), 'input.jsonl');
  return (await client.call('POST', '/v1/files', form)).body.id;
}

const job = async (id: string) => (await client.get(`/v1/jobs/${id}`)).body;
const embedded = async (body: object) => (await client.post('/v1/embeddings', body)).body;

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [d, x] of actual.entries()) expect(x).toBeCloseTo(expected[d] ?? 9, 4);
}

it('[P113] [J254] a batch of a registered model has the vectors and the tokens of the edge', async () => {
  await client.call('PUT', '/v1/models/encoder/aliases/text-embedding-3-small', {});
  const model = 'text-embedding-3-small';
  const requests = TEXTS.map((input, i) => ({
    custom_id: `r${i}`,
    method: 'POST',
    url: '/v1/embeddings',
    body: { model, input, ...(i === 1 ? { input_type: 'query' } : {}) },
  }));
  const tooLong = { ...requests[0], custom_id: 'long', body: { model, input: 'river '.repeat(50) } };
  const input = await upload([...requests, tooLong].map((line) => JSON.stringify(line)).join('\n'), 'batch');
  const made = await client.post('/v1/batches', { input_file_id: input, endpoint: '/v1/embeddings', completion_window: '24h' });
  expect(made.status, JSON.stringify(made.body)).toBe(200);
  const batch = async () => (await client.get(`/v1/batches/${made.body.id}`)).body;
  await expect.poll(async () => (await batch()).status, LONG).toBe('completed');
  const { output_file_id: output, request_counts: counts, id } = await batch();
  expect(counts).toEqual({ total: 4, completed: 3, failed: 1 });
  const lines = ((await client.get(`/v1/files/${output}/content`)).body as string).trimEnd().split('\n');
  let tokens = 0;
  for (const [i, { body }] of requests.entries()) {
    const answer = lines.map((line) => JSON.parse(line)).find(({ custom_id }) => custom_id === `r${i}`).response.body;
    const expected = await embedded(body);
    expect([answer.model, answer.usage]).toEqual(['encoder', expected.usage]);
    expectClose(answer.data[0].embedding, expected.data[0].embedding);
    tokens += expected.usage.total_tokens;
  }
  expect((await job(id.replace('batch_', 'job_'))).usage.job_tokens).toBe(tokens);
});

it('[P114] [J254] a model of another tenant, or of another task, is refused before anything is queued', async () => {
  const file = await upload('{"id":"a","text":"river"}', 'batch');
  const foreign = await stranger.post('/v1/jobs', { kind: 'online_inference', model: 'encoder' });
  expect([foreign.status, foreign.body.error?.code, foreign.body.error?.param]).toEqual([404, 'model_not_found', 'model']);
  await promoteModel(client, 'mood', await registerModel(client, 'mood', bertFolder('classifier').files));
  const wrong = await client.post('/v1/jobs', { kind: 'batch_embedding', model: 'mood', input_file: file });
  expect([wrong.status, wrong.body.error?.code, wrong.body.error?.param]).toEqual([400, 'invalid_value', 'model']);
});

it('[P113] [M70] [M71] replicas serve models where that pays, and those too large for an isolate', async () => {
  agents.push(startAgent(server, pool, ['--allow', 'online_inference']));
  const run = async (model: string): Promise<string> => {
    const made = await client.post('/v1/jobs', { kind: 'online_inference', model });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    return made.body.id;
  };
  const ask = (model: string, input: unknown) => client.post('/v1/embeddings', { model, input, input_type: 'passage' });
  const routeOf = async (model: string, input: unknown) => (await ask(model, input)).headers.get('x-sluice-route');

  // More weights than an isolate has room for, all of them but some outside of the graph.
  const version = await registerModel(client, 'large', withLargeTable(bertFolder().files, 29 * 1024 * 1024));
  const { checks } = (await client.get(`/v1/models/large/versions/${version}`)).body;
  expect(checks.measured.runs_on).toBe('pool');
  await promoteModel(client, 'large', version);
  const refused = await ask('large', 'river');
  expect([refused.status, refused.body.error?.code], JSON.stringify(refused.body)).toEqual([503, 'no_healthy_replica']);

  const edge = (await ask('encoder', TEXTS)).body;
  const [id, other] = [await run('encoder'), await run('large')];
  const request = { model: 'encoder', input: TEXTS, input_type: 'passage' };
  const onJob = () => client.post(`/v1/jobs/${id}/embeddings`, request);
  await expect.poll(async () => (await onJob()).status, LONG).toBe(200);
  const served = (await onJob()).body;
  expect([served.usage, served.sluice]).toEqual([edge.usage, undefined]);
  for (const [i, { embedding }] of served.data.entries()) expectClose(embedding, edge.data[i].embedding);
  let texts = 0;
  await expect.poll(() => routeOf('encoder', `river ${(texts += 1)}`), LONG).toBe('inference; reason=small');

  await expect.poll(async () => (await ask('large', 'river')).status, LONG).toBe(200);
  const large = await ask('large', ['river lock', 'gate']);
  expect([large.headers.get('x-sluice-route'), large.headers.get('x-sluice-model')]).toEqual(['pool; reason=too_large', 'large@1']);
  // The same weights but for a table that no text reads.
  for (const [i, { embedding }] of large.body.data.entries())
    expectClose(embedding, (await ask('encoder', ['river lock', 'gate'])).body.data[i].embedding);
  for (const each of [id, other]) {
    await client.post(`/v1/jobs/${each}/cancel`, {});
    await expect.poll(async () => (await job(each)).state, LONG).toBe('cancelled');
  }
});

it('[J338] [J360] a model that has given all replicas back answers the first call, at no cost meanwhile', async () => {
  const scaling = { outstanding_per_replica: 1, scale_down_delay_s: 1, min: 0 };
  const made = await client.post('/v1/jobs', { kind: 'online_inference', model: 'large', scaling });
  expect([made.status, made.body.scaling], JSON.stringify(made.body)).toEqual([201, scaling]);
  const { id } = made.body;
  const reason = async () => (await client.get(`/v1/jobs/${id}/explain`)).body.reason;
  const costs = async () => (await client.get(`/v1/jobs/${id}/cost`)).body;
  expect([await reason(), (await job(id)).attempts]).toEqual(['scaled_to_zero', []]);
  // No call is repeated: each waits for its replica.
  const byName = await client.post('/v1/embeddings', { model: 'large', input: 'river' });
  expect([byName.status, byName.headers.get('x-sluice-route')], JSON.stringify(byName.body)).toEqual([200, 'pool; reason=too_large']);
  await expect.poll(reason, LONG).toBe('scaled_to_zero');
  const [attempt, ...others] = (await job(id)).attempts;
  expect([attempt, others]).toMatchObject([{ outcome: 'released', stopped_for: 'scaled_to_zero' }, []]);
  const spent = await costs();
  const byJob = await client.post(`/v1/jobs/${id}/embeddings`, { model: 'large', input: 'river' });
  expect([byJob.status, byJob.body.data?.length], JSON.stringify(byJob.body)).toEqual([200, 1]);
  expect((await job(id)).attempts).toHaveLength(2);
  expect((await costs()).segments.slice(0, spent.segments.length), 'what was charged ended with its attempt').toEqual(spent.segments);
  await client.post(`/v1/jobs/${id}/cancel`, {});
});

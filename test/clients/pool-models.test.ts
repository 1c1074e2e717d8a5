import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
let agent: Agent;
let agentFolder = '';

beforeAll(async () => {
  server = await deploy(1, { LOG_LEVEL: 'warn', MODEL_REPLICAS: 'auto' });
  const scopes = ['inference', 'files', 'jobs', 'models:write'];
  ({ client } = await createTenant(server, { scopes }));
  stranger = (await createTenant(server, { scopes })).client;
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  pool = await admin.create('/v1/pools', { name: 'models', owner: 'testers' });
  agentFolder = await mkdtemp(join(tmpdir(), 'sluice-agent-'));
  agent = serve();
  await promoteModel(client, 'encoder', await registerModel(client, 'encoder', bertFolder().files));
});

afterAll(async () => {
  await agent.stop();
  await server.stop();
  await rm(agentFolder, { recursive: true });
});

/** An agent as `npm start` has it: it serves models beside a job, and whatever process follows is the same agent. */
const serve = (): Agent =>
  startAgent(server, pool, ['--allow', 'online_inference'], {
    environment: { SLUICE_AGENT_REPLICAS: '4', SLUICE_AGENT_STATE_DIR: agentFolder },
  });

async function upload(content: string, purpose: string): Promise<string> {
  const form = new FormData();
  form.set('purpose', purpose);
  form.set('file', new Blob([content]), 'input.jsonl');
  return (await client.call('POST', '/v1/files', form)).body.id;
}

/** The jobs by which the deployment has pools serve a model of the tenant. */
const standing = async (of: ApiClient, model: string) =>
  (await of.get(`/v1/jobs?kind=online_inference&label=sluice-model%3D${model}`)).body.data as {
    id: string;
    model: string;
    state: string;
    attempts: unknown[];
  }[];
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
  // No job is written by hand: the first call waits for a replica, and says so.
  expect(await standing(client, 'large')).toMatchObject([{ model: 'large@1', attempts: [] }]);
  const first = await ask('large', 'river');
  expect(first.status, JSON.stringify(first.body)).toBe(200);
  expect(first.headers.get('x-sluice-route')).toMatch(/^pool; reason=too_large; waited_ms=\d+$/);

  const edge = (await ask('encoder', TEXTS)).body;
  const id = await run('encoder');
  const request = { model: 'encoder', input: TEXTS, input_type: 'passage' };
  const onJob = () => client.post(`/v1/jobs/${id}/embeddings`, request);
  await expect.poll(async () => (await onJob()).status, LONG).toBe(200);
  const served = (await onJob()).body;
  expect([served.usage, served.sluice]).toEqual([edge.usage, undefined]);
  for (const [i, { embedding }] of served.data.entries()) expectClose(embedding, edge.data[i].embedding);
  let texts = 0;
  await expect.poll(() => routeOf('encoder', `river ${(texts += 1)}`), LONG).toBe('inference; reason=small');

  const large = await ask('large', ['river lock', 'gate']);
  expect([large.headers.get('x-sluice-route'), large.headers.get('x-sluice-model')]).toEqual(['pool; reason=too_large', 'large@1']);
  // The same weights but for a table that no text reads.
  for (const [i, { embedding }] of large.body.data.entries())
    expectClose(embedding, (await ask('encoder', ['river lock', 'gate'])).body.data[i].embedding);
  // As many as its threads answer in parts.
  const many = await ask(
    'large',
    Array.from({ length: 24 }, (_, at) => `the river lock and its ${at + 1} gates`),
  );
  expect([many.status, many.headers.get('x-sluice-route')], JSON.stringify(many.body)).toEqual([200, 'pool; reason=too_large']);
  // A model that isolates run for all of its calls has no job.
  expect(await standing(client, 'encoder')).toEqual([]);
  const [{ id: own } = { id: '' }, ...others] = await standing(client, 'large');
  expect(others).toEqual([]);
  for (const each of [id, own]) {
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
  expect([byName.status, byName.headers.get('x-sluice-route')], JSON.stringify(byName.body)).toEqual([
    200,
    expect.stringMatching(/^pool; reason=too_large; waited_ms=\d+$/),
  ]);
  await expect.poll(reason, LONG).toBe('scaled_to_zero');
  const [attempt, ...others] = (await job(id)).attempts;
  expect([attempt, others]).toMatchObject([{ outcome: 'released', stopped_for: 'scaled_to_zero' }, []]);
  const spent = await costs();
  const byJob = await client.post(`/v1/jobs/${id}/embeddings`, { model: 'large', input: 'river' });
  expect([byJob.status, byJob.body.data?.length], JSON.stringify(byJob.body)).toEqual([200, 1]);
  expect((await job(id)).attempts).toHaveLength(2);
  expect((await costs()).segments.slice(0, spent.segments.length), 'what was charged ended with its attempt').toEqual(spent.segments);
  await client.post(`/v1/jobs/${id}/cancel`, {});
  await expect.poll(async () => (await job(id)).state, LONG).toBe('cancelled');
});

it('[M164] [M162] no death while a model loads and no promotion makes a wrong vector or loses a call', async () => {
  const [ours, theirs] = [bertFolder(), bertFolder('embedding', { seed: 2 })];
  const ask = (of: ApiClient, model: string, input: string) => of.post('/v1/embeddings', { model, input });
  await promoteModel(stranger, 'encoder', await registerModel(stranger, 'encoder', theirs.files));
  await promoteModel(stranger, 'large', await registerModel(stranger, 'large', withLargeTable(theirs.files, 29 * 1024 * 1024)));

  // Two tenants, a large model of one name each, and the machine dies while it loads them.
  const waiting = [client, stranger].map((of) => ask(of, 'large', 'keeper'));
  const began = async () => (await Promise.all([client, stranger].map((of) => standing(of, 'large')))).flat();
  await expect.poll(async () => (await began()).filter(({ state }) => state === 'starting' || state === 'running').length, LONG).toBe(2);
  agent.kill();
  agent = serve();
  for (const [i, of] of [client, stranger].entries()) {
    const answer = await waiting[i]!;
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    expectClose(answer.body.data[0].embedding, (await ask(of, 'encoder', 'keeper')).body.data[0].embedding);
  }

  const version = await registerModel(client, 'large', withLargeTable(ours.files, 29 * 1024 * 1024));
  const texts = Array.from({ length: 12 }, (_, i) => `boat ${'gate '.repeat(i)}`);
  const asked = texts.map((text) => ask(client, 'large', text));
  await promoteModel(client, 'large', version);
  asked.push(...texts.map((text) => ask(client, 'large', `weir ${text}`)));
  for (const [i, answer] of (await Promise.all(asked)).entries()) {
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    const text = i < texts.length ? texts[i]! : `weir ${texts[i - texts.length]}`;
    expectClose(answer.body.data[0].embedding, (await ask(client, 'encoder', text)).body.data[0].embedding);
  }
  let more = 0;
  const served = async () => (await ask(client, 'large', `dawn ${'rain '.repeat((more += 1))}`)).headers.get('x-sluice-model');
  await expect.poll(served, LONG).toBe(`large@${version}`);

  await client.call('DELETE', '/v1/models/large');
  for (const { state } of await standing(client, 'large')) expect(['cancelling', 'cancelled']).toContain(state);
  expect((await standing(stranger, 'large')).map(({ state }) => state)).toEqual(['running']);
});

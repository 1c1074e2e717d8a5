import { afterAll, beforeAll, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { TRAINING_PAIRS } from '../support/fixtures/tuning-pairs.ts';
import { bertFolder } from '../support/models/model-folder.ts';

// Jobs that make models on a pool and register them.

const LONG = { timeout: 90_000, interval: 100 };
const WORDS = ['river', 'lock', 'gate', 'boat', 'weir', 'rain', 'canal', 'bank', 'keeper', 'dawn', 'water', 'flow'];
const RETRIEVAL = WORDS.flatMap((word, i) => [
  { id: word, text: `the ${word} of the ${WORDS[(i + 1) % WORDS.length]}` },
  { query: word, relevant: [word] },
]);

let server: Server;
let client: ApiClient;
let pool: { readonly id: string; readonly agent_token: string };
let retrieval: string;
const agents: Agent[] = [];
const agent = (): Agent => {
  const started = startAgent(server, pool, ['--allow', 'quantize,training']);
  agents.push(started);
  return started;
};

beforeAll(async () => {
  server = await deploy();
  ({ client } = await createTenant(server, { scopes: ['inference', 'files', 'jobs', 'models:write'] }));
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  pool = await admin.create('/v1/pools', { name: 'models', owner: 'testers' });
  await promoteModel(client, 'encoder', await registerModel(client, 'encoder', bertFolder().files));
  retrieval = await upload(RETRIEVAL.map((row) => JSON.stringify(row)).join('\n'), 'user_data');
});

afterAll(async () => {
  await Promise.all(agents.map((one) => one.stop()));
  await server.stop();
});

async function upload(content: string, purpose: string): Promise<string> {
  const form = new FormData();
  form.set('purpose', purpose);
  form.set('file', new Blob([content]), 'input.jsonl');
  return (await client.call('POST', '/v1/files', form)).body.id;
}

const submit = async (body: object) => {
  const made = await client.post('/v1/jobs', body);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body.id as string;
};
const job = async (id: string) => (await client.get(`/v1/jobs/${id}`)).body;
const ended = async (id: string) => {
  await expect.poll(async () => (await job(id)).state, LONG).toBeOneOf(['succeeded', 'failed']);
  return job(id);
};
const versions = async (model: string) => (await client.get(`/v1/models/${model}/versions`)).body.data;
const embed = async (model: string, input: string): Promise<number[]> => {
  const { status, body } = await client.post('/v1/embeddings', { model, input });
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data[0].embedding;
};
const cosine = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

it('[J255] [J256] an encoder is quantised, judged and registered once, though its agent dies', async () => {
  const first = agent();
  const id = await submit({
    kind: 'quantize',
    model: 'encoder',
    gate: { retrieval_file: retrieval, overlap_min: 0.8, ndcg_min: 0.8 },
    register: { name: 'encoder' },
  });
  await expect.poll(async () => (await job(id)).state, LONG).toBeOneOf(['running', 'succeeded']);
  first.kill();
  agent();
  const { state, registered_model: registered, outputs, error } = await ended(id);
  expect([state, registered, error]).toEqual(['succeeded', 'encoder@2', null]);
  expect(outputs.map(({ path }: { path: string }) => path)).toEqual(['model.onnx', 'recipe.json', 'report.json']);
  const [one, two, ...others] = await versions('encoder');
  expect(others).toEqual([]);
  const graph = outputs[0];
  expect(two).toMatchObject({
    stage: 'verified',
    parents: ['encoder@1'],
    recipe: { job: id, parameters: { bits: 8 } },
    contract_hash: one.contract_hash,
  });
  expect(two.files).toContainEqual({ path: 'onnx/model.onnx', bytes: graph.bytes, sha256: graph.sha256 });
  expect(two.evaluation.gate.checks.map(({ name }: { name: string }) => name)).toContain('overlap@10');
  expect(cosine(await embed('encoder@1', 'the river'), await embed('encoder@2', 'the river'))).toBeGreaterThan(0.98);
});

it('[J256] one that its gate refuses fails with the report in its log, and registers nothing', async () => {
  const before = await versions('encoder');
  const id = await submit({
    kind: 'quantize',
    model: 'encoder@1',
    bits: 4,
    gate: { retrieval_file: retrieval, overlap_min: 1, ndcg_min: 1 },
    register: { name: 'encoder' },
  });
  expect(await ended(id)).toMatchObject({ state: 'failed', error: { reason: 'gate_refused' }, registered_model: null, outputs: [] });
  expect((await client.get(`/v1/jobs/${id}/logs`)).body).toContain('"passes": false');
  expect(await versions('encoder')).toEqual(before);
});

it('[J255] only keys that may register models submit such jobs, and only of registered models', async () => {
  const { client: limited } = await createTenant(server, { scopes: ['jobs', 'files', 'inference'] });
  const build = { kind: 'quantize', model: 'encoder', register: { name: 'own' } };
  const refused = await limited.post('/v1/jobs', build);
  expect([refused.status, refused.body.error?.code, refused.body.error?.param]).toEqual([403, 'scope_denied', 'register']);
  const builtin = await client.post('/v1/jobs', { ...build, model: 'glove-sif-100' });
  expect([builtin.status, builtin.body.error?.param]).toEqual([400, 'model']);
});

it('[J255] [M94] a fine-tuned model is registered, and its name is one that embeds', async () => {
  const training = await upload(TRAINING_PAIRS, 'fine-tune');
  const made = await client.post('/v1/fine_tuning/jobs', {
    model: 'glove-sif-100',
    training_file: training,
    hyperparameters: { n_epochs: 1 },
    register: { name: 'jargon', stage: 'serving' },
  });
  expect(made.status, JSON.stringify(made.body)).toBe(200);
  await ended(made.body.id.replace('ftjob_', 'job_'));
  const tuning = (await client.get(`/v1/fine_tuning/jobs/${made.body.id}`)).body;
  expect([tuning.status, tuning.fine_tuned_model, tuning.error]).toEqual(['succeeded', 'jargon@1', null]);
  const vector = await embed('jargon@1', 'river ledger');
  expect(vector).toHaveLength(100);
  // One epoch moves words of the pairs, and no other.
  expect(cosine(await embed('jargon', 'umbrella'), await embed('glove-sif-100', 'umbrella'))).toBeGreaterThan(0.9999);
  expect(cosine(vector, await embed('glove-sif-100', 'river ledger'))).toBeLessThan(0.9999);
  expect(await versions('jargon')).toMatchObject([{ stage: 'serving', parents: ['glove-sif-100@2'], owner: 'testers' }]);
});

import { join } from 'node:path';

import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';
import { TRAINING_PAIRS, VALIDATION_PAIRS } from '../support/fixtures/tuning-pairs.ts';

const MODEL = 'glove-sif-100';
/** As many as OpenAI's users send at once; the full run sends what the issue asks for. */
const LINES = process.env['SLUICE_TEST_FULL'] === '1' ? 10_000 : 500;
const WORDS = ['sluice', 'weir', 'lock', 'river', 'canal', 'dam', 'gate', 'water', 'flood', 'basin', 'spring'];

let server: Server;
let pool: { id: string; agent_token: string };
let agent: Agent | undefined;
/** An agent whose operator lets it train. */
let trainer: Agent | undefined;
let openai: OpenAI;
let apiKey: string;

beforeAll(async () => {
  server = await deploy();
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  pool = await admin.create('/v1/pools', { name: 'batches', owner: 'testers' });
  const { client } = await createTenant(server);
  apiKey = client.apiKey;
  openai = new OpenAI({ baseURL: `${client.url}/v1`, apiKey, maxRetries: 0 });
});

afterAll(async () => {
  await agent?.stop();
  await trainer?.stop();
  await server.stop();
});

/** The text of line `n`: as many words as `n` has digits in base 11, so all differ. */
const textOf = (n: number): string => Array.from(n.toString(11), (digit) => WORDS[Number.parseInt(digit, 11)]).join(' ');

const line = (id: string, input: unknown, rest: object = {}): string =>
  JSON.stringify({ custom_id: id, method: 'POST', url: '/v1/embeddings', body: { model: MODEL, input }, ...rest });

async function submit(lines: readonly string[], options: Partial<OpenAI.BatchCreateParams> = {}): Promise<OpenAI.Batch> {
  const file = await openai.files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'requests.jsonl'), purpose: 'batch' });
  return openai.batches.create({ input_file_id: file.id, endpoint: '/v1/embeddings', completion_window: '24h', ...options });
}

async function settled(id: string): Promise<OpenAI.Batch> {
  const statuses = ['completed', 'failed', 'expired', 'cancelled'];
  await expect.poll(async () => (await openai.batches.retrieve(id)).status, { timeout: 120_000, interval: 100 }).toBeOneOf(statuses);
  return openai.batches.retrieve(id);
}

interface Answer {
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly body: OpenAI.CreateEmbeddingResponse & { error?: { code: string } } };
  readonly error: unknown;
}

async function answersIn(fileId: string): Promise<Answer[]> {
  const text = await (await openai.files.content(fileId)).text();
  return text
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => JSON.parse(each) as Answer);
}

describe('the openai package, unmodified', () => {
  it('[J151] waits for a pool, is listed, and can be cancelled', async () => {
    const metadata = { purpose: 'nightly', 'any key': 'wäter' };
    const before = Math.floor(Date.now() / 1_000);
    const batch = await submit([line('a', 'water')], { metadata });
    expect(batch).toMatchObject({ object: 'batch', status: 'validating', metadata, model: MODEL, request_counts: { total: 0 } });
    // The window begins when the gateway takes the request, and the batch is on record after that.
    expect(batch.expires_at! - 86_400).toSatisfy((begun: number) => before <= begun && begun <= batch.created_at);
    const other = await submit([line('a', 'water')]);
    const seen = [];
    for await (const { id } of openai.batches.list({ limit: 1 })) seen.push(id);
    expect(seen).toEqual([other.id, batch.id]);
    for (const { id } of [batch, other]) expect((await openai.batches.cancel(id)).status).toBe('cancelled');
    await expect(openai.batches.retrieve(`batch_${'0'.repeat(26)}`)).rejects.toMatchObject({ status: 404, code: 'batch_not_found' });
  });

  it('[J151] is told what is wrong with a request at once', async () => {
    const window = submit([line('a', 'water')], { completion_window: '1 day' as '24h' });
    await expect(window).rejects.toMatchObject({ status: 400, param: 'completion_window' });
    const endpoint = submit([line('a', 'water')], { endpoint: '/v1/images/generations' });
    await expect(endpoint).rejects.toMatchObject({ status: 400, param: 'endpoint' });
    const pairs = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`${n}`, '']));
    await expect(submit([line('a', 'water')], { metadata: pairs })).rejects.toMatchObject({ status: 400, param: 'metadata' });
    const model = submit([line('a', 'x', { body: { model: 'text-embedding-3-small', input: 'x' } })]);
    await expect(model).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'input_file_id' });
  });

  it('[J151] [J152] gets every vector as the edge computes it, and failures in a file of their own', async () => {
    agent = startAgent(server, pool);
    const bad = [Math.floor(LINES / 3), LINES - 1];
    const lines = Array.from({ length: LINES }, (_, n) => line(`request ${n}`, bad.includes(n) ? [] : textOf(n)));
    const expiry = { anchor: 'created_at', seconds: 7200 } as const;
    const batch = await settled((await submit(lines, { output_expires_after: expiry })).id);
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: LINES, completed: LINES - bad.length, failed: bad.length },
    });
    const moments = [batch.created_at, batch.in_progress_at, batch.finalizing_at, batch.completed_at];
    expect(moments.toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual(moments);
    const answers = await answersIn(batch.output_file_id ?? '');
    expect(answers.map(({ custom_id }) => custom_id)).toEqual(lines.flatMap((_, n) => (bad.includes(n) ? [] : [`request ${n}`])));
    const good = lines.flatMap((_, n) => (bad.includes(n) ? [] : [n]));
    let tokens = 0;
    for (let from = 0; from < good.length; from += 1_000) {
      const part = good.slice(from, from + 1_000);
      const edge = await openai.embeddings.create({ model: MODEL, input: part.map(textOf), encoding_format: 'float' });
      tokens += edge.usage.total_tokens;
      const batched = answers.slice(from, from + 1_000).map(({ response }) => response.body.data[0]?.embedding);
      expect(batched).toEqual(edge.data.map(({ embedding }) => embedding));
    }
    expect(batch.usage?.total_tokens).toBe(tokens);
    const errors = await answersIn(batch.error_file_id ?? '');
    expect(errors.map(({ custom_id, response, error }) => [custom_id, response.status_code, error])).toEqual(
      bad.map((n) => [`request ${n}`, 400, null]),
    );
    expect(errors[0]?.response.body.error?.code).toBeDefined();
    for (const id of [batch.output_file_id, batch.error_file_id]) {
      const file = await openai.files.retrieve(id ?? '');
      expect(file).toMatchObject({ purpose: 'batch_output', expires_at: file.created_at + 7200 });
    }
    await expect(openai.batches.cancel(batch.id)).rejects.toMatchObject({ status: 409, code: 'state_conflict' });
  });

  it('[M98] [J151] embeds by the version that its lines name, as the edge does', async () => {
    agent ??= startAgent(server, pool);
    for (const model of [`${MODEL}@1`, `${MODEL}@2`, MODEL]) {
      const input = 'the wisest of unforeseeable rivers';
      const batch = await settled((await submit([line('a', input, { body: { model, input } })])).id);
      expect(batch).toMatchObject({ status: 'completed', model, request_counts: { total: 1, completed: 1 } });
      const [answer] = await answersIn(batch.output_file_id ?? '');
      const edge = await openai.embeddings.create({ model, input, encoding_format: 'float' });
      expect(answer?.response.body.data[0]?.embedding, model).toEqual(edge.data[0]?.embedding);
    }
  });

  it('[J153] learns which lines are malformed, and nothing is answered of them', async () => {
    agent ??= startAgent(server, pool);
    const lines = [line('a', 'water'), '{"custom_id":', line('a', 'river'), line('d', 'x', { url: '/v1/completions' })];
    const batch = await settled((await submit(lines)).id);
    expect(batch).toMatchObject({ status: 'failed', output_file_id: null, error_file_id: null });
    expect(batch.errors?.data?.map(({ line: at, code, param }) => [at, code, param])).toEqual([
      [2, 'invalid_json_line', null],
      [3, 'duplicate_custom_id', 'custom_id'],
      [4, 'invalid_url', 'url'],
    ]);
    const job = (await (
      await fetch(`${server.urls[0]}/v1/jobs/${batch.id.replace('batch_', 'job_')}`, { headers: { authorization: `Bearer ${apiKey}` } })
    ).json()) as { state: string; attempts: unknown[]; error: { reason: string; lines: unknown[] } };
    expect(job).toMatchObject({ state: 'failed', error: { reason: 'input_invalid' } });
    expect([job.attempts.length, job.error.lines.length]).toEqual([1, 3]);
  });
});

async function pairsFile(content: string, purpose: OpenAI.FilePurpose = 'fine-tune'): Promise<string> {
  return (await openai.files.create({ file: await toFile(Buffer.from(content), 'pairs.jsonl'), purpose })).id;
}

const HYPERPARAMETERS = { n_epochs: 4, batch_size: 8 };

describe('fine-tuning by the openai package, unmodified', () => {
  it('[J252] waits for an agent that may train, is listed, and can be cancelled', async () => {
    const training_file = await pairsFile(TRAINING_PAIRS);
    const metadata = { purpose: 'jargon' };
    const job = await openai.fineTuning.jobs.create({ model: MODEL, training_file, metadata });
    expect(job).toMatchObject({ object: 'fine_tuning.job', status: 'queued', model: `${MODEL}@2`, fine_tuned_model: null, metadata });
    expect(job).toMatchObject({ training_file, validation_file: null, result_files: [], seed: 0, hyperparameters: { n_epochs: 3 } });
    const other = await openai.fineTuning.jobs.create({ model: MODEL, training_file });
    const seen = [];
    for await (const { id } of openai.fineTuning.jobs.list({ limit: 1 })) seen.push(id);
    expect(seen).toEqual([other.id, job.id]);
    for (const { id } of [job, other]) expect((await openai.fineTuning.jobs.cancel(id)).status).toBe('cancelled');
    await expect(openai.fineTuning.jobs.retrieve(`ftjob_${'0'.repeat(26)}`)).rejects.toMatchObject({
      status: 404,
      code: 'fine_tuning_job_not_found',
    });
  });

  it('[J253] refuses a base that no pool trains, and files that are no pairs', async () => {
    const training_file = await pairsFile(TRAINING_PAIRS);
    for (const model of ['gpt-4o-mini', `${MODEL}-onnx`]) {
      const refused = openai.fineTuning.jobs.create({ model, training_file });
      await expect(refused).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    }
    const purpose = openai.fineTuning.jobs.create({ model: MODEL, training_file: await pairsFile(TRAINING_PAIRS, 'user_data') });
    await expect(purpose).rejects.toMatchObject({ status: 400, param: 'training_file' });
    const validation_file = await pairsFile('{"messages": []}\n');
    const form = openai.fineTuning.jobs.create({ model: MODEL, training_file, validation_file });
    await expect(form).rejects.toMatchObject({
      status: 400,
      param: 'validation_file',
      message: expect.stringContaining('line 1') as string,
    });
  });

  it('[J250] [J253] ends with a model, its figures and its tokens', async () => {
    trainer = startAgent(server, pool, ['--allow', 'training']);
    const [training_file, validation_file] = [await pairsFile(TRAINING_PAIRS), await pairsFile(VALIDATION_PAIRS)];
    const method = { type: 'supervised', supervised: { hyperparameters: HYPERPARAMETERS } } as const;
    const { id } = await openai.fineTuning.jobs.create({ model: MODEL, training_file, validation_file, suffix: 'jargon', seed: 7, method });
    await expect
      .poll(async () => (await openai.fineTuning.jobs.retrieve(id)).status, { timeout: 120_000, interval: 100 })
      .toBeOneOf(['succeeded', 'failed']);
    const job = await openai.fineTuning.jobs.retrieve(id);
    // Every pair has four words.
    const tokens = HYPERPARAMETERS.n_epochs * TRAINING_PAIRS.trimEnd().split('\n').length * 4;
    expect(job).toMatchObject({ status: 'succeeded', error: null, trained_tokens: tokens, hyperparameters: HYPERPARAMETERS });
    expect(job.fine_tuned_model).toMatch(/^ft:glove-sif-100:jargon:\w{10}$/);
    const csv = await (await openai.files.content(job.result_files[0] ?? '')).text();
    expect(csv.trimEnd().split('\n')).toHaveLength(2 + HYPERPARAMETERS.n_epochs);
    const [checkpoint, ...others] = (await openai.fineTuning.jobs.checkpoints.list(id)).data;
    expect([checkpoint?.fine_tuned_model_checkpoint, others]).toEqual([job.fine_tuned_model, []]);
    const events = [];
    for await (const event of openai.fineTuning.jobs.listEvents(id, { limit: 3 })) events.push(event);
    expect([events[0]?.message, events.at(-1)?.message]).toEqual(['The model was made', 'Fine-tuning job created']);
    const measured = events.filter(({ type }) => type === 'metrics').map(({ data }) => (data as { valid_loss: number }).valid_loss);
    expect(measured).toHaveLength(1 + HYPERPARAMETERS.n_epochs);
    expect(measured[0]).toBeLessThan(measured.at(-1)! / 2);
    await expect(openai.fineTuning.jobs.cancel(id)).rejects.toMatchObject({ status: 409, code: 'state_conflict' });
    // The job underneath has the model folder.
    const headers = { authorization: `Bearer ${apiKey}` };
    const under = (await (await fetch(`${server.urls[0]}/v1/jobs/${id.replace('ftjob_', 'job_')}`, { headers })).json()) as {
      outputs: { path: string; file: string; bytes: number; sha256: string }[];
    };
    const [manifest, model] = ['manifest.json', 'model.onnx'].map((path) => under.outputs.find((output) => output.path === path));
    const { models } = (await (await openai.files.content(manifest?.file ?? '')).json()) as { models: object[] };
    expect(models).toMatchObject([{ id: job.fine_tuned_model, file: { bytes: model?.bytes, sha256: model?.sha256 } }]);
  });

  it('[J253] names the file when a later line is no pair', async () => {
    trainer ??= startAgent(server, pool, ['--allow', 'training']);
    const { id } = await openai.fineTuning.jobs.create({
      model: MODEL,
      training_file: await pairsFile(`${TRAINING_PAIRS}{"anchor": 1}\n`),
    });
    await expect
      .poll(async () => (await openai.fineTuning.jobs.retrieve(id)).status, { timeout: 120_000, interval: 100 })
      .toBeOneOf(['succeeded', 'failed']);
    const { status, error, result_files } = await openai.fineTuning.jobs.retrieve(id);
    expect([status, error?.code, error?.param, result_files]).toEqual(['failed', 'invalid_training_file', 'training_file', []]);
  });
});

describe.skipIf(isWithoutPython('batches and fine-tuning by the openai package of Python'))(
  'the openai package of Python, unmodified',
  () => {
    it('[J16] [J150] [J151] [J152] [J153] drives files and batches from end to end', async () => {
      agent ??= startAgent(server, pool);
      const environment = { OPENAI_BASE_URL: `${server.urls[0]}/v1`, OPENAI_API_KEY: apiKey };
      const script = join(import.meta.dirname, 'openai-batches.py');
      const printed = await ranPython('python', [script, MODEL], environment);
      expect(JSON.parse(printed)).toEqual({
        file: { purpose: 'batch', status: 'processed', life: 3600 },
        listed: true,
        deleted: true,
        status: 'completed',
        counts: [3, 2, 1],
        ids: ['one', 'two'],
        equal: true,
        failed: ['three'],
        invalid: { status: 'failed', errors: [[2, 'invalid_json_line']] },
        cancelled: true,
        missing: 'batch_not_found',
      });
    });

    it('[J252] [J253] fine-tunes from end to end', async () => {
      trainer ??= startAgent(server, pool, ['--allow', 'training']);
      const environment = { OPENAI_BASE_URL: `${server.urls[0]}/v1`, OPENAI_API_KEY: apiKey };
      const script = join(import.meta.dirname, 'openai-fine-tuning.py');
      const printed = await ranPython('python', [script, MODEL, TRAINING_PAIRS], environment);
      expect(JSON.parse(printed)).toEqual({
        status: 'succeeded',
        named: true,
        epochs: 2,
        tokens: 2 * 21 * 4,
        rows: 4,
        measured: 3,
        listed: true,
        missing: 'fine_tuning_job_not_found',
      });
    });
  },
);

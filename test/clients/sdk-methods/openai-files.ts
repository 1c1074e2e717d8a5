import OpenAI, { toFile } from 'openai';
import { expect } from 'vitest';

import type { World } from './js-cases.ts';
import { casesOf } from './js-cases.ts';

const EDGE = 'glove-sif-100';
const PAIRS = Array.from({ length: 12 }, (_, n) => JSON.stringify({ anchor: `word ${n}`, positive: `term ${n}` })).join('\n');

const uploaded = async ({ openai }: World, content = '{}', purpose: OpenAI.FilePurpose = 'batch') =>
  openai.files.create({ file: await toFile(Buffer.from(content), 'lines.jsonl'), purpose });

function cosine(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0) / Math.hypot(...a) / Math.hypot(...b);
}

async function vectorOf({ openai }: World, input: string | number[][], more: object = {}): Promise<number[]> {
  return (await openai.embeddings.create({ model: EDGE, input, ...more })).data[0]!.embedding;
}

async function batchOf(world: World, endpoint: OpenAI.BatchCreateParams['endpoint'], bodies: readonly object[], more: object = {}) {
  const lines = bodies.map((body, n) => JSON.stringify({ custom_id: `r${n}`, method: 'POST', url: endpoint, body }));
  const { id } = await uploaded(world, lines.join('\n'));
  return world.openai.batches.create({ input_file_id: id, endpoint, completion_window: '24h', ...more });
}

const ENDED = ['completed', 'failed', 'expired', 'cancelled'];

async function completed(world: World, { id }: OpenAI.Batch, count: number): Promise<OpenAI.Batch> {
  await expect.poll(async () => (await world.openai.batches.retrieve(id)).status, { timeout: 60_000, interval: 200 }).toBeOneOf(ENDED);
  const batch = await world.openai.batches.retrieve(id);
  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: count } });
  return batch;
}

const tuning = async (world: World, more: object = {}) =>
  world.openai.fineTuning.jobs.create({ model: EDGE, training_file: (await uploaded(world, PAIRS, 'fine-tune')).id, ...more });

const gone = (call: Promise<unknown>) => expect(call).rejects.toBeInstanceOf(OpenAI.NotFoundError);

const UPLOAD = { bytes: 6, filename: 'a.jsonl', mime_type: 'text/jsonl', purpose: 'fine-tune' } as const;

export const OPENAI_FILES = casesOf(undefined, {
  'embeddings.create': async (w) => {
    const vector = await vectorOf(w, 'canal');
    expect(vector).toHaveLength(100);
    expect(cosine(vector, await vectorOf(w, 'canal', { encoding_format: 'float' }))).toBeGreaterThan(0.9999);
  },
  'embeddings.create dimensions': async (w) => {
    expect(await vectorOf(w, 'canal', { dimensions: 50 })).toHaveLength(50);
  },
  'embeddings.create token ids': async (w) => {
    expect(cosine(await vectorOf(w, 'hello world'), await vectorOf(w, [[15339, 1917]]))).toBeGreaterThan(0.9999);
  },
  'embeddings.create of an upstream': async ({ openai }) => {
    const { data } = await openai.embeddings.create({ model: 'emb-mock', input: ['canal', 'lock'], dimensions: 8 });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
  },
  'embeddings.create token ids of an upstream': async ({ openai }) => {
    expect((await openai.embeddings.create({ model: 'emb-mock', input: [[15339, 1917]] })).data[0]?.embedding).toHaveLength(8);
  },
  'models.list': async ({ openai }) => {
    const ids = (await Array.fromAsync(openai.models.list())).map(({ id }) => id);
    expect(ids).toContain(EDGE);
    expect(ids.join(' ')).toContain('gpt-mock');
  },
  'models.retrieve': async ({ openai }) => {
    expect((await openai.models.retrieve('gpt-mock')).id).toBe('gpt-mock');
  },
  'models.delete': async ({ openai }) => {
    await openai.models.delete('ft-no-such-model');
  },
  'files.create': async (w) => {
    expect(await uploaded(w, '{}\n', 'fine-tune')).toMatchObject({ object: 'file', bytes: 3, filename: 'lines.jsonl' });
    const file = await toFile(Buffer.from('text'), 'a.txt');
    const made = await w.openai.files.create({ file, purpose: 'user_data', expires_after: { anchor: 'created_at', seconds: 3600 } });
    expect(made.expires_at).toBe(made.created_at + 3600);
  },
  'files.create purposes': async (w) => {
    for (const purpose of ['assistants', 'batch', 'fine-tune', 'vision', 'user_data'] as const)
      expect((await uploaded(w, '{}', purpose)).purpose).toBe(purpose);
  },
  'files.retrieve': async (w) => {
    const made = await uploaded(w);
    expect(await w.openai.files.retrieve(made.id)).toEqual(made);
  },
  'files.content': async (w) => {
    const { id } = await uploaded(w, 'some text');
    expect(await (await w.openai.files.content(id)).text()).toBe('some text');
  },
  'files.list': async (w) => {
    const made: string[] = [];
    for (const n of [0, 1, 2]) made.push((await uploaded(w, `${n}`)).id);
    for (const order of ['asc', 'desc'] as const) {
      const listed = await Array.fromAsync(w.openai.files.list({ order, limit: 2, purpose: 'batch' }));
      const seen = listed.map(({ id }) => id).filter((id) => made.includes(id));
      expect(seen).toEqual(order === 'asc' ? made : made.toReversed());
    }
  },
  'files.delete': async (w) => {
    const { id } = await uploaded(w);
    expect((await w.openai.files.delete(id)).deleted).toBe(true);
    await gone(w.openai.files.retrieve(id));
  },
  'files.waitForProcessing': async (w) => {
    const { id } = await uploaded(w);
    expect((await w.openai.files.waitForProcessing(id, { pollInterval: 100, maxWait: 20_000 })).status).toBe('processed');
  },
  'uploads.create, parts, complete': async ({ openai }) => {
    const { id } = await openai.uploads.create(UPLOAD);
    const parts: string[] = [];
    for (const text of ['abc', 'def']) parts.push((await openai.uploads.parts.create(id, { data: await toFile(Buffer.from(text)) })).id);
    expect(await openai.uploads.complete(id, { part_ids: parts })).toMatchObject({ status: 'completed', file: { bytes: 6 } });
  },
  'uploads.cancel': async ({ openai }) => {
    const { id } = await openai.uploads.create(UPLOAD);
    expect((await openai.uploads.cancel(id)).status).toBe('cancelled');
  },
  'batches.create, retrieve, list, cancel: embeddings': async (w) => {
    const { id } = await batchOf(w, '/v1/embeddings', [{ model: EDGE, input: 'canal' }], { metadata: { a: 'b' } });
    expect((await w.openai.batches.retrieve(id)).metadata).toEqual({ a: 'b' });
    expect((await Array.fromAsync(w.openai.batches.list({ limit: 2 }))).map((batch) => batch.id)).toContain(id);
    expect((await w.openai.batches.cancel(id)).status).toMatch(/cancel/);
  },
  'batches.create: chats': async (w) => {
    const bodies = [0, 1].map((n) => ({ model: w.model.openai, messages: [{ role: 'user', content: `Hello ${n}` }] }));
    const batch = await completed(w, await batchOf(w, '/v1/chat/completions', bodies), 2);
    const text = await (await w.openai.files.content(batch.output_file_id ?? '')).text();
    expect(text.trim().split('\n')).toHaveLength(2);
    expect(text).toContain('t0 t1 t2 t3 t4');
  },
  'batches.create: responses': async (w) => {
    await completed(w, await batchOf(w, '/v1/responses', [{ model: w.model.openai, input: 'Hello' }]), 1);
  },
  'batches.create: moderations': async (w) => {
    await completed(w, await batchOf(w, '/v1/moderations', [{ model: 'mod-mock', input: 'Hello' }]), 1);
  },
  'fineTuning.jobs.create, retrieve, list, cancel': async (w) => {
    const { jobs } = w.openai.fineTuning;
    const method = { type: 'supervised', supervised: { hyperparameters: { n_epochs: 2 } } };
    const { id } = await tuning(w, { suffix: 'mine', metadata: { a: 'b' }, method });
    expect((await jobs.retrieve(id)).object).toBe('fine_tuning.job');
    expect((await Array.fromAsync(jobs.list({ limit: 20 }))).map((job) => job.id)).toContain(id);
    expect((await jobs.listEvents(id, { limit: 10 })).data).toBeDefined();
    expect((await jobs.checkpoints.list(id)).data).toEqual([]);
    expect((await jobs.cancel(id)).status).toBe('cancelled');
  },
  'fineTuning.jobs.list metadata': async (w) => {
    const { jobs } = w.openai.fineTuning;
    const metadata = { case: 'javascript' };
    const { id } = await tuning(w, { metadata });
    expect((await Array.fromAsync(jobs.list({ metadata }))).map((job) => job.id)).toEqual([id]);
    await jobs.cancel(id);
  },
  'fineTuning.jobs.pause, resume': async (w) => {
    const { jobs } = w.openai.fineTuning;
    const { id } = await tuning(w);
    expect((await jobs.pause(id)).status).toBe('paused');
    expect((await jobs.resume(id)).status).toMatch(/queued|running|validating_files/);
    await jobs.cancel(id);
  },
  'fineTuning.checkpoints.permissions.list': async ({ openai }) => {
    // The client asks for an admin's key first.
    await openai.get('/fine_tuning/checkpoints/ft-no-such-checkpoint/permissions');
  },
  'fineTuning.alpha.graders.run': async ({ openai }) => {
    const grader = { type: 'string_check', name: 'g', input: '{{item.a}}', reference: 'b', operation: 'eq' } as const;
    await openai.fineTuning.alpha.graders.run({ grader, model_sample: 'a' });
  },
});

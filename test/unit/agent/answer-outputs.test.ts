import { expect, it } from 'vitest';

import { paramOf } from '../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { ModelReplicas } from '../../../src/gateway/pools/model-replicas.ts';
import type { EmbeddingOutput } from '../../../src/inference/embedding-output.ts';
import { outputFor } from '../../../src/inference/embedding-output.ts';
import type { TextCalls } from '../../../src/inference/served/text-model.ts';
import { ok } from '../../../src/kernel/result.ts';
import { answerLine } from '../../../workers/agent/answer-line.ts';
import { registeredLineModel } from '../../../workers/agent/registered-line-model.ts';
import { manifestOf } from '../../support/fixtures/model-versions.ts';

const TEXTS = ['ab', 'c'];
const DIMENSIONS = 4;

/** Rows of texts, as a loaded model makes them. */
const ROWS: Readonly<Record<EmbeddingOutput, readonly (readonly number[])[]>> = {
  dense: [
    [1, 0, 0, 0],
    [0, 0.5, 0, 0.25],
  ],
  sparse: [[0, 3, 0.1, 2.5], []],
  tokens: [
    [1, 0, 0, 0, 0.1, 0.2, 0.3, 0.4],
    [0, 0, 0, 1],
  ],
};

function lineModel(output: EmbeddingOutput) {
  const manifest = manifestOf('m', output === 'sparse' ? { task: 'sparse-embedding', dimensions: DIMENSIONS } : { dimensions: DIMENSIONS });
  const embed: TextCalls['embed'] = async (texts, _type, { output: asked }) => {
    const form = outputFor('m', manifest, asked);
    if (!form.ok) return form;
    const rows = texts.map((text) => ROWS[form.value][TEXTS.indexOf(text)] ?? []);
    const lengths = form.value === 'dense' ? {} : { lengths: Int32Array.from(rows, ({ length }) => length) };
    return ok({
      vectors: Float32Array.from(rows.flat()),
      ...lengths,
      tokens: Int32Array.from(texts, ({ length }) => length),
      sharedTexts: 0,
    });
  };
  return registeredLineModel('m', { model: 'm', version: '1', manifest }, { embed });
}

async function answered(output: EmbeddingOutput, fields: object, form: 'openai' | 'replica' = 'openai') {
  const body = { model: 'm', input: TEXTS, ...fields };
  const line = JSON.stringify({ custom_id: 'c', method: 'POST', url: '/v1/embeddings', body });
  const { response } = JSON.parse((await answerLine(line, 'id', lineModel(output), form)).json);
  return response.body;
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;

/** What the gateway reads of a replica's answer. */
async function readAs(output: EmbeddingOutput, change: (body: Body, request: string) => unknown) {
  const work = { kind: 'online_inference', model: 'm' };
  const job = { id: 'job_1', work, attempt: { group: { members: [{ serving: { isHealthy: true } }] } } };
  const router = {
    embed: async (_tenant: string, _job: string, _model: string, request: string) =>
      ok(change(await answered(output, JSON.parse(request), 'replica'), request)),
  };
  const parts = { serving: async () => ok([job]), router, wakes: { wake: async () => undefined }, clock: { nowMs: () => 0 } };
  const contracts = [manifestOf('m').contractHash];
  const call = {
    names: ['m'],
    texts: TEXTS,
    inputType: undefined,
    isTruncating: false,
    output,
    dimensions: DIMENSIONS,
    contracts,
    waitMs: 0,
  };
  return new ModelReplicas(parts as never).embedOnReplica('tn_one' as never, call);
}

const refusalOf = (outcome: Outcome<unknown>): string => (outcome.ok ? 'done' : `${outcome.error.code} ${paramOf(outcome.error)}`);
const floats = (row: readonly number[]): number[] => [...Float32Array.from(row)];

it.each(['dense', 'sparse', 'tokens'] as const)('[M186] %s vectors of a replica are read back as they were', async (output) => {
  const read = await readAs(output, (body) => body);
  if (!read.ok) throw new Error(read.error.message);
  const { vectors, lengths, tokens } = read.value;
  expect([...vectors]).toEqual(floats(ROWS[output].flat()));
  expect(lengths === undefined ? undefined : [...lengths]).toEqual(
    output === 'dense' ? undefined : ROWS[output].map(({ length }) => length),
  );
  expect([...tokens]).toEqual([2, 1]);
});

it('[M186] what a replica answers in another form than asked, or out of order, is not taken', async () => {
  const first = (embedding: unknown) => (body: Body) => ({ ...body, data: [{ ...body.data[0], embedding }, body.data[1]] });
  const bad: [EmbeddingOutput, unknown][] = [
    ['sparse', { indices: [3, 0], values: [1, 1] }],
    ['sparse', { indices: [0, 0], values: [1, 1] }],
    ['sparse', { indices: [0, DIMENSIONS], values: [1, 1] }],
    ['sparse', { indices: [0], values: [1, 1] }],
    ['sparse', { indices: [0.5], values: [1] }],
    ['sparse', { indices: [0], values: [null] }],
    ['sparse', 'AACAPw=='],
    ['tokens', []],
    ['tokens', 'AACAPwAAgD8AAIA/AACAPw=='],
    ['tokens', ['AACAPw==']],
    ['dense', { indices: [0], values: [1] }],
  ];
  for (const [output, embedding] of bad)
    expect(refusalOf(await readAs(output, first(embedding))), JSON.stringify(embedding)).toBe('no_healthy_replica model');
});

it('[M186] lines of jobs and batches have the forms and refusals of /v1/embeddings', async () => {
  expect((await answered('sparse', {})).data.map(({ embedding }: Body) => embedding)).toEqual([
    { indices: [0, 3], values: [0.1, 2.5] },
    { indices: [], values: [] },
  ]);
  expect((await answered('tokens', { output: 'tokens' })).data[0].embedding).toEqual([
    [1, 0, 0, 0],
    [0.1, 0.2, 0.3, 0.4],
  ]);
  const [token] = (await answered('tokens', { return_multivector: true, encoding_format: 'base64', dimensions: 2 })).data[0].embedding;
  expect(token).toBe(Buffer.from(Float32Array.of(1, 0).buffer).toString('base64'));
  expect((await answered('tokens', { output: 'sparse' })).error).toMatchObject({ code: 'invalid_value', param: 'output' });
  expect((await answered('sparse', { output: 'dense' })).error).toMatchObject({ code: 'invalid_value', param: 'output' });
  expect((await answered('sparse', { dimensions: 2 })).error).toMatchObject({ code: 'invalid_value', param: 'dimensions' });
});

it('[M155] [M156] an agent cuts where a line says so, counts it, and tells the gateway of each text', async () => {
  const asked: unknown[] = [];
  const manifest = manifestOf('m', { dimensions: DIMENSIONS });
  const embed: TextCalls['embed'] = async (_texts, _type, options) => {
    asked.push(options.isTruncating);
    const cutTokens = options.isTruncating === true ? { cutTokens: Int32Array.of(0, 5) } : {};
    return ok({ vectors: Float32Array.from(ROWS.dense.flat()), tokens: Int32Array.of(2, 4), ...cutTokens, sharedTexts: 0 });
  };
  const model = registeredLineModel('m', { model: 'm', version: '1', manifest }, { embed });
  const answer = async (fields: object, form: 'openai' | 'replica') => {
    const body = { model: 'm', input: TEXTS, ...fields };
    const line = JSON.stringify({ custom_id: 'c', method: 'POST', url: '/v1/embeddings', body });
    return JSON.parse((await answerLine(line, 'id', model, form)).json).response.body;
  };
  expect((await answer({}, 'openai')).truncated).toBeUndefined();
  for (const truncate of ['end', true])
    expect((await answer({ truncate }, 'openai')).truncated).toEqual({ count: 1, tokens: 5, inputs: [{ index: 1, tokens: 5 }] });
  expect((await answer({ truncate: true }, 'replica')).sluice).toMatchObject({ tokens: [2, 4], cut_tokens: [0, 5] });
  expect(asked).toEqual([false, true, true, true]);
});

it('[M157] what a replica says of cut tokens is taken only as one count for each text', async () => {
  const counted = (cut: unknown) => readAs('dense', (body) => ({ ...body, sluice: { ...body.sluice, cut_tokens: cut } }));
  const read = await counted([0, 7]);
  expect(read.ok && [...(read.value.cutTokens ?? [])]).toEqual([0, 7]);
  const old = await counted(undefined);
  expect(old.ok && old.value.cutTokens).toBeUndefined();
  for (const bad of [[1], [1, 2, 3], [1, -1], [0.5, 0], 'many', null])
    expect(refusalOf(await counted(bad)), JSON.stringify(bad)).toBe('no_healthy_replica model');
});

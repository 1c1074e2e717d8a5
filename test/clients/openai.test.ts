import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';

import { createTenant } from '../support/deployment/tenant.ts';

const MODEL = 'glove-sif-100';

const server = sharedDeployment();
let apiKey: string;
let openai: OpenAI;

beforeAll(async () => {
  apiKey = (await createTenant(server)).client.apiKey;
  openai = clientOf(apiKey);
});

const clientOf = (key: string, fetch?: typeof globalThis.fetch): OpenAI =>
  new OpenAI({ baseURL: `${server.urls[0]}/v1`, apiKey: key, ...(fetch === undefined ? {} : { fetch }) });

/** The error that the client throws, or undefined. */
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

const norm = (vector: number[]): number => Math.hypot(...vector);

describe('the unmodified openai client', () => {
  it('creates embeddings in the order of the inputs, in its default base64 format', async () => {
    const input = ['canal', 'lock gate', 'canal', 'a weir across the river'];
    const { data, usage, model, object } = await openai.embeddings.create({ model: MODEL, input });
    expect({ object, model }).toEqual({ object: 'list', model: MODEL });
    expect(data.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    for (const { embedding } of data) {
      expect(embedding).toHaveLength(100);
      expect(norm(embedding)).toBeCloseTo(1, 5);
    }
    expect(data[2]?.embedding).toEqual(data[0]?.embedding);
    expect(data[1]?.embedding).not.toEqual(data[0]?.embedding);
    expect(usage).toEqual({ prompt_tokens: 9, total_tokens: 9 });
  });

  it('reads the same numbers as floats', async () => {
    const base64 = await openai.embeddings.create({ model: MODEL, input: 'sluice gate' });
    const float = await openai.embeddings.create({ model: MODEL, input: 'sluice gate', encoding_format: 'float' });
    expect(float.data[0]?.embedding.map(Math.fround)).toEqual(base64.data[0]?.embedding);
  });

  it('asks for fewer dimensions and gets unit vectors', async () => {
    const { data } = await openai.embeddings.create({ model: MODEL, input: 'sluice', dimensions: 32 });
    expect(data[0]?.embedding).toHaveLength(32);
    expect(norm(data[0]?.embedding ?? [])).toBeCloseTo(1, 5);
  });

  it('lists and retrieves models', async () => {
    const models = await openai.models.list();
    expect(models.data.map(({ id }) => id)).toContain(MODEL);
    expect(await openai.models.retrieve(MODEL)).toMatchObject({ id: MODEL, object: 'model' });
  });

  it('uploads, lists, downloads and deletes files', async () => {
    const file = await openai.files.create({ file: new File(['{"id":"a","text":"weir"}\n'], 'in.jsonl'), purpose: 'batch' });
    expect(file).toMatchObject({ object: 'file', filename: 'in.jsonl', purpose: 'batch', bytes: 25, owner: 'testers' });
    expect((await openai.files.list()).data.map(({ id }) => id)).toContain(file.id);
    expect(await (await openai.files.content(file.id)).text()).toBe('{"id":"a","text":"weir"}\n');
    expect(await openai.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
  });

  it('throws AuthenticationError for a bad key', async () => {
    const error = await failure(clientOf('sk_nonsense').models.list());
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' });
  });

  it('throws NotFoundError for a bad model', async () => {
    const error = await failure(openai.embeddings.create({ model: 'no-such-model', input: 'x' }));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ status: 404, code: 'model_not_found' });
  });

  it('throws BadRequestError, naming the limit, for too many inputs', async () => {
    const error = await failure(openai.embeddings.create({ model: MODEL, input: Array.from({ length: 2049 }, () => 'x') }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ status: 400, code: 'limit_exceeded', param: 'input' });
    expect((error as Error).message).toContain('2048');
  });

  it('throws RateLimitError, without retrying, when the quota is spent', async () => {
    const poor = await createTenant(server, { quota: { tokens: { month: 3 } } });
    let calls = 0;
    const client = clientOf(poor.client.apiKey, (...call) => {
      calls += 1;
      return fetch(...call);
    });
    await client.embeddings.create({ model: MODEL, input: 'one two three' });
    const error = await failure(client.embeddings.create({ model: MODEL, input: 'one two four' }));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: 'insufficient_quota' });
    expect((error as InstanceType<typeof OpenAI.APIError>).headers?.get('x-should-retry')).toBe('false');
    expect(calls, 'one that was served and one that was refused').toBe(2);
  });
});

import { join } from 'node:path';

import { encode as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { encode as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';

const MODEL = 'glove-sif-100';
const TEXTS = ['The lock keeper opens the gates at dawn.', '运河的水门 🚢', 'const a = (b) => b;\n'];

const server = sharedDeployment();
let client: ApiClient;

const renew = async (): Promise<void> => {
  ({ client } = await createTenant(server));
};

beforeAll(renew);

const cosine = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, at) => sum + x * b[at]!, 0) / (Math.hypot(...a) * Math.hypot(...b));

const embed = async (input: unknown, more: object = {}) =>
  underLease(await client.post('/v1/embeddings', { model: MODEL, input, ...more }));

describe('token ids over HTTP', () => {
  it("[M114] have the vectors, tokens and cache entries of their text, and none of another encoding's", () =>
    leased(async () => {
      await renew();
      const own = await embed(TEXTS);
      const ids = await embed(TEXTS.map((text) => cl100k(text)));
      expect(ids.body).toEqual(own.body);
      expect([own, ids].map(({ headers }) => headers.get('cache-status')?.startsWith('sluice-l1; hit'))).toEqual([false, true]);
      const stated = await embed(o200k(TEXTS[0]!), { token_ids: 'o200k_base' });
      expect(stated.body.data[0].embedding).toEqual(own.body.data[0].embedding);
      const wrong = await embed(o200k(TEXTS[0]!));
      expect(cosine(wrong.body.data[0].embedding, own.body.data[0].embedding)).toBeLessThan(0.9);
    }));

  it('[M115] are refused by their place where no token has them', async () => {
    const { status, body } = await client.post('/v1/embeddings', { model: MODEL, input: [[5], [5, 100_300]] });
    expect([status, body.error]).toMatchObject([
      400,
      { code: 'limit_exceeded', param: 'input[1][1]', limit: { bound: 100_276 }, value: 100_300 },
    ]);
  });

  it("[M114] are those of the model's own vocabulary where the caller says so", async () => {
    const openai = new OpenAI({ baseURL: `${client.url}/v1`, apiKey: client.apiKey });
    const ask = { model: MODEL, input: [7, 8], encoding_format: 'float' as const };
    const own = await openai.embeddings.create({ ...ask, token_ids: 'model' } as typeof ask);
    const read = await openai.embeddings.create(ask);
    expect(own.usage.total_tokens).toBe(2);
    expect(cosine(own.data[0]!.embedding, read.data[0]!.embedding)).toBeLessThan(0.9);
  });
});

describe.skipIf(isWithoutPython('OpenAIEmbeddings of langchain-openai'))('OpenAIEmbeddings of LangChain, unmodified', () => {
  it('[M114] makes the vectors of the texts by its default settings, which send token ids', async () => {
    const script = join(import.meta.dirname, 'langchain-embeddings.py');
    const encodings = join(import.meta.dirname, '../../node_modules/gpt-tokenizer/data');
    const printed = await ranPython('python', [script, `${client.url}/v1`, client.apiKey, MODEL, encodings, JSON.stringify(TEXTS)]);
    const { vectors, sent_ids: sentIds } = JSON.parse(printed) as { vectors: number[][]; sent_ids: boolean };
    expect(sentIds).toBe(true);
    const own = await embed(TEXTS);
    for (const [at, vector] of vectors.entries()) expect(cosine(vector, own.body.data[at].embedding)).toBeGreaterThan(0.9999);
    expect(vectors).toHaveLength(TEXTS.length);
  });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

/** A request as a client of Python has sent it, called by its own documentation with the address and the key changed. */
interface Recorded {
  /** Its name and version. */
  readonly client: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;
  readonly text?: string;
  readonly base64?: string;
  readonly isBareKey?: true;
}

const recorded: readonly Recorded[] = JSON.parse(
  await readFile(join(import.meta.dirname, '../support/fixtures/recorded-requests.json'), 'utf8'),
);
const server = sharedDeployment();
let client: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server));
});

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;

interface Answer {
  readonly status: number;
  readonly body: Body;
  /** What follows the JSON. */
  readonly behind: ArrayBuffer;
}

async function sent({ method, path, headers, text, base64, isBareKey }: Recorded): Promise<Answer> {
  const body = base64 === undefined ? new TextEncoder().encode(text ?? '') : Buffer.from(base64, 'base64');
  const answer = await fetch(`${client.url}${path}`, {
    method,
    headers: { ...headers, authorization: isBareKey === true ? client.apiKey : `Bearer ${client.apiKey}` },
    ...(method === 'GET' ? {} : { body }),
  });
  const bytes = await answer.arrayBuffer();
  const jsonBytes = Number(answer.headers.get('inference-header-content-length') ?? bytes.byteLength);
  const json = new TextDecoder().decode(bytes.slice(0, jsonBytes));
  return { status: answer.status, body: JSON.parse(json), behind: bytes.slice(jsonBytes) };
}

/** What a client reads of an answer that is no refusal, by the end of the path. */
const READS: readonly (readonly [RegExp, (answer: Answer, asked: Recorded) => void | Promise<void>])[] = [
  [/\/health\/live$/, ({ body }) => expect(body.live).toBe(true)],
  [/\/ready$/, ({ body }) => expect(body.ready).toBe(true)],
  [/^\/v2$/, ({ body }) => expect(body.extensions).toContain('binary_tensor_data')],
  [/\/config$/, ({ body }) => expect(body.max_batch_size).toBe(0)],
  [/\/repository\/index$/, ({ body }) => expect(body[0]).toMatchObject({ state: 'READY', reason: '' })],
  [/\/infer$/, vectorsInFull],
  [/^\/v2\/models\/[^/]+(\/versions\/\d)?$/, ({ body }) => expect(body.inputs).toEqual([{ name: 'text', datatype: 'BYTES', shape: [-1] }])],
  [
    /^(\/tei\/[^/]+)?\/rerank$/,
    ({ body }) =>
      expect(body.map(({ index, score }: Body) => [index, typeof score])).toEqual([
        [1, 'number'],
        [0, 'number'],
      ]),
  ],
  [/\/v.\/rerank$/, ({ body }) => expect(typeof body.results[0].relevance_score).toBe('number')],
  [/\/v.\/embed$/, ({ body }) => expect(body.texts.length).toBe((body.embeddings.float ?? body.embeddings).length)],
  [/\/embeddings$/, ({ body }) => expect(body.data.map(({ index }: Body) => index)).toEqual(body.data.map((_: Body, at: number) => at))],
  [/^(\/tei\/[^/]+)?(\/embed)?$/, ({ body }, { path }) => expect(body[0].length).toBe(path.startsWith('/tei/') ? 100 : 256)],
];

/** [M110] Each vector of the answer is that of the same text alone, whichever way texts and vectors went. */
async function vectorsInFull({ body, behind }: Answer, asked: Recorded): Promise<void> {
  const [{ shape, datatype, data, parameters }] = body.outputs;
  const flat = parameters === undefined ? data.map(Math.fround) : [...new Float32Array(behind)];
  expect([datatype, shape, flat.length]).toEqual(['FP32', [shape[0], 100], shape[0] * 100]);
  if (shape[0] === 1 || asked.path.includes('/versions/')) return;
  const embedded = await client.post('/v1/embeddings', { model: 'glove-sif-100', input: 'canal' });
  expect(flat.slice(0, 100)).toEqual(embedded.body.data[0].embedding.map(Math.fround));
}

/** Where a client looks for the text of a refusal. */
function messageIn(path: string, body: Body): unknown {
  if (/^\/v2\/(rerank|embed)|^\/v1\/embed$/.test(path)) return body.message;
  return path.startsWith('/v1/') ? body.detail : body.error;
}

const titled = recorded.map((one, at) => [`${one.method} ${one.path} of ${one.client}, ${at}`, one] as const);

it.each(titled)('[M110] [M111] [M112] [G101] [G102] [G103] %s', async (_, asked) => {
  const answer = await sent(asked);
  expect(answer.status, JSON.stringify(answer.body)).toBe(asked.status);
  if (asked.status >= 400) {
    expect(typeof messageIn(asked.path, answer.body)).toBe('string');
    return;
  }
  const read = READS.find(([pattern]) => pattern.test(asked.path));
  expect(read, asked.path).toBeDefined();
  await read?.[1](answer, asked);
});

it('[M112] the same vectors and scores come by every API, metered alike', async () => {
  const texts = ['a weir holds back the river', 'the lock keeper opens the gates at dawn'];
  const model = 'bge-static-256';
  const [own, cohere, old, tei, jina] = await Promise.all([
    client.post('/v1/embeddings', { model, input: texts }),
    client.post('/v2/embed', { model, texts, input_type: null, embedding_types: null }),
    client.post('/v1/embed', { model, texts, input_type: 'search_document' }),
    client.post(`/tei/${model}/embed`, { inputs: texts, normalize: true, dimensions: null }),
    client.post('/v1/embeddings', { model, input: texts, task: 'text-matching', embedding_type: 'float', normalized: true }),
  ]);
  const vectors = own.body.data.map(({ embedding }: Body) => embedding);
  expect([cohere.body.embeddings.float, old.body.embeddings, tei.body]).toEqual([vectors, vectors, vectors]);
  expect(jina.body.data).toEqual(own.body.data);
  expect([cohere.body.meta.billed_units.input_tokens, old.headers.get('x-sluice-model')]).toEqual([
    own.body.usage.total_tokens,
    own.headers.get('x-sluice-model'),
  ]);

  const query = 'who opens the lock?';
  const ranked = await client.post('/v1/rerank', { model, query, documents: texts, top_n: null });
  const byCohere = await client.post('/v2/rerank', { model, query, documents: texts, top_n: 1 });
  const byTei = await client.post('/rerank', { query, texts, return_text: true, raw_scores: false });
  const scores = ranked.body.results.map(({ index, relevance_score: score }: Body) => ({ index, score, text: texts[index] }));
  expect(byTei.body).toEqual(scores);
  expect(byCohere.body.results).toEqual(ranked.body.results.slice(0, 1));
  const used = await client.get('/v1/usage?group_by=route');
  if (used.status === 200) expect(used.body.data.map(({ route }: Body) => route)).toContain('/v2/rerank');
});

it.each<[string, string, object, string]>([
  ['images', '/v2/embed', { images: ['data:image/png;base64,AA=='] }, 'images'],
  ['neither texts nor inputs', '/v2/embed', {}, 'texts'],
  ['both of them', '/v2/embed', { texts: ['a'], inputs: [{ content: [{ type: 'text', text: 'a' }] }] }, 'texts'],
  ['a part that is no text', '/v2/embed', { inputs: [{ content: [{ type: 'image_url', text: 'a' }] }] }, 'inputs[0].content[0].type'],
  ['raw scores', '/rerank', { query: 'a', texts: ['b'], raw_scores: true }, 'raw_scores'],
  ['vectors of another length', '/embed', { inputs: 'a', normalize: false }, 'normalize'],
  ['late chunking', '/v1/embeddings', { input: 'a', late_chunking: true }, 'late_chunking'],
  ['two words for one thing', '/v1/embeddings', { input: 'a', task: 'separation', input_type: 'query' }, 'task'],
])('[M112] %s are refused by their field', async (_, path, body, param) => {
  const { status, body: refused } = await client.post(path, { model: 'glove-sif-100', ...body });
  expect([status, refused.param ?? refused.error.param]).toEqual([400, param]);
});

it('[M113] every form of a vector is of the same one, and base64 reads back as its floats', async () => {
  const forms = ['float', 'int8', 'uint8', 'binary', 'ubinary', 'base64'];
  const { body } = await client.post('/v2/embed', {
    model: 'glove-sif-100',
    texts: ['canal'],
    input_type: 'search_query',
    embedding_types: forms,
  });
  expect(Object.keys(body.embeddings)).toEqual(forms);
  const { float, int8, uint8, binary, ubinary, base64 } = body.embeddings;
  const bytes = Buffer.from(base64[0], 'base64');
  expect([...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))]).toEqual(float[0].map(Math.fround));
  expect(int8[0]).toEqual(float[0].map((x: number) => Math.round(x * 127) || 0));
  expect(uint8[0]).toEqual(int8[0].map((x: number) => x + 128));
  expect(binary[0]).toEqual(ubinary[0].map((x: number) => x - 128));
  const bits = ubinary[0].flatMap((byte: number) => byte.toString(2).padStart(8, '0').split('')).slice(0, 100);
  expect(bits).toEqual(float[0].map((x: number) => (x > 0 ? '1' : '0')));
});

import { beforeAll, describe, expect, it } from 'vitest';

import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { Folder } from '../support/models/model-folder.ts';
import { bertFolder } from '../support/models/model-folder.ts';
import { spladeFolder } from '../support/models/splade-folder.ts';

const server = sharedDeployment();
let client: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server, { scopes: ['inference', 'files', 'models:write', 'index:read', 'index:write'] }));
  const serve = async (name: string, folder: Folder) => promoteModel(client, name, await registerModel(client, name, folder));
  await serve('minilm', bertFolder().files);
  await serve('splade', spladeFolder().files);
  await serve('cross', bertFolder('cross-encoder').files);
  expect((await client.post('/v1/indexes', { name: 'cut', model: 'minilm' })).status).toBe(201);
});

type Mode = 'absent' | 'none' | 'end';

interface Cut {
  readonly count: number;
  readonly tokens: number;
}

/** A way by which texts come in, of which each has a word of its own: what one has computed answers no other. */
interface Surface {
  /** Tokens of the longest text, special ones and prompts included; those around the words of a text. */
  readonly tokensMax: number;
  readonly around: number;
  readonly word: string;
  ask(texts: readonly string[], mode: Mode): Promise<ApiAnswer>;
  /** What an answer says was cut; undefined: nothing of it. */
  cutOf(answer: ApiAnswer): Cut | undefined;
}

const ofField = ({ body }: ApiAnswer): Cut | undefined =>
  body.truncated === undefined ? undefined : { count: body.truncated.count, tokens: body.truncated.tokens };

function ofHeader({ headers }: ApiAnswer): Cut | undefined {
  const [, count, tokens] = /^(\d+); tokens=(\d+)$/.exec(headers.get('x-sluice-truncated') ?? '') ?? [];
  return count === undefined ? undefined : { count: Number(count), tokens: Number(tokens) };
}

/** The field of a call, by the words of its API. */
const said = (mode: Mode, none: unknown, end: unknown): object => (mode === 'absent' ? {} : { truncate: mode === 'none' ? none : end });

const embeddings = (model: string, word: string, fields: object = {}, limits = { tokensMax: 32, around: 2 }): Surface => ({
  ...limits,
  word,
  ask: (input, mode) => client.post('/v1/embeddings', { model, input, ...fields, ...said(mode, 'none', 'end') }),
  cutOf: ofField,
});

const SPLADE = { tokensMax: 64, around: 2 };

const cohere = (path: string, word: string): Surface => ({
  tokensMax: 32,
  around: 2,
  word,
  ask: (texts, mode) => client.post(path, { model: 'minilm', texts, ...said(mode, 'NONE', 'END') }),
  cutOf: ofHeader,
});

const tei = (path: string, word: string, limits = { tokensMax: 32, around: 2 }): Surface => ({
  ...limits,
  word,
  ask: (inputs, mode) => client.post(path, { inputs, ...said(mode, false, true) }),
  cutOf: ofHeader,
});

const reranking = (path: string, model: string, word: string, limits: Pick<Surface, 'tokensMax' | 'around'>): Surface => ({
  ...limits,
  word,
  ask: (texts, mode) =>
    path === '/v1/rerank'
      ? client.post(path, { model, query: 'keeper', documents: texts, ...said(mode, 'none', 'end') })
      : client.post(path, { query: 'keeper', texts, ...said(mode, false, true) }),
  cutOf: path === '/v1/rerank' ? ofField : ofHeader,
});

const PASSAGE = { tokensMax: 32, around: 3 };
let written = 0;
const vectorsOf = (texts: readonly string[]) => texts.map((text) => ({ id: `v${(written += 1)}`, text }));

const SURFACES: Readonly<Record<string, Surface>> = {
  'POST /v1/embeddings': embeddings('minilm', 'river'),
  'POST /v1/embeddings by a flag': {
    ...embeddings('minilm', 'lock'),
    ask: (input, mode) => client.post('/v1/embeddings', { model: 'minilm', input, ...said(mode, false, true) }),
  },
  'POST /v1/embeddings, a prompt': embeddings('minilm', 'gate', { input_type: 'query' }, PASSAGE),
  'POST /v1/embeddings, token vectors': embeddings('minilm', 'water', { output: 'tokens' }),
  'POST /v1/embeddings, sparse': embeddings('splade', 'river', {}, SPLADE),
  'POST /v1/embeddings, a static model': embeddings('glove-sif-100', 'canal', {}, { tokensMax: 8_192, around: 0 }),
  'POST /v1/embeddings, ids of a static model': {
    ...embeddings('glove-sif-100', '7', {}, { tokensMax: 8_192, around: 0 }),
    ask: (texts, mode) => {
      const input = texts.map((text) => text.split(' ').map(Number));
      return client.post('/v1/embeddings', { model: 'glove-sif-100', input, token_ids: 'model', ...said(mode, 'none', 'end') });
    },
  },
  'POST /v2/embed': cohere('/v2/embed', 'boat'),
  'POST /v1/embed': cohere('/v1/embed', 'opens'),
  'POST /tei/minilm': tei('/tei/minilm', 'weir'),
  'POST /tei/minilm/embed': tei('/tei/minilm/embed', 'bank'),
  'POST /tei/minilm/embed_all': tei('/tei/minilm/embed_all', 'dawn'),
  'POST /tei/splade/embed_sparse': tei('/tei/splade/embed_sparse', 'lock', SPLADE),
  'POST /v1/rerank by vectors': reranking('/v1/rerank', 'minilm', 'rain', PASSAGE),
  'POST /v1/rerank by a cross-encoder': reranking('/v1/rerank', 'cross', 'low', { tokensMax: 64, around: 4 }),
  'POST /tei/cross/rerank': reranking('/tei/cross/rerank', 'cross', 'high', { tokensMax: 64, around: 4 }),
  'POST /v1/indexes/{index}/upsert': {
    ...PASSAGE,
    word: 'flow',
    ask: (texts, mode) => client.post('/v1/indexes/cut/upsert', { vectors: vectorsOf(texts), ...said(mode, 'none', 'end') }),
    cutOf: ofField,
  },
  'POST /v1/indexes/{index}/import': {
    ...PASSAGE,
    word: 'closes',
    ask: async (texts, mode) => {
      const lines = vectorsOf(texts).map((vector) => JSON.stringify(vector));
      const path = `/v1/indexes/cut/import${mode === 'absent' ? '' : `?truncate=${mode}`}`;
      const answer = await client.call('POST', path, new Blob([lines.join('\n')], { type: 'application/x-ndjson' }));
      const last = JSON.parse(String(answer.body).trim().split('\n').at(-1) ?? '{}');
      // A line that is refused is the last of the stream, as a refusal of the call would be.
      return last.error === undefined ? { ...answer, body: last } : { ...answer, status: 400, body: { error: last.error } };
    },
    cutOf: ofField,
  },
  'POST /v1/indexes/{index}/query': {
    ...PASSAGE,
    word: 'spills',
    ask: (texts, mode) => client.post('/v1/indexes/cut/query', { text: texts.at(-1), ...said(mode, 'none', 'end') }),
    cutOf: ofField,
  },
  'POST /v1/indexes/{index}/query/batch': {
    ...PASSAGE,
    word: 'canal',
    ask: (texts, mode) =>
      client.post('/v1/indexes/cut/query/batch', { searches: texts.map((text) => ({ text, ...said(mode, 'none', 'end') })) }),
    cutOf: ({ body }) => {
      const each = (body.results as { truncated?: Cut }[]).flatMap(({ truncated }) => (truncated === undefined ? [] : [truncated]));
      return each.length === 0
        ? undefined
        : each.reduce((sum, { count, tokens }) => ({ count: sum.count + count, tokens: sum.tokens + tokens }), { count: 0, tokens: 0 });
    },
  },
};

const repeated = (word: string, count: number): string => Array.from({ length: count }, () => word).join(' ');
const OVER = 5;

describe.each(Object.entries(SURFACES))('[M155] [M156] [M157] %s', (_, surface) => {
  const { tokensMax, around, word } = surface;
  const fitting = repeated(word, tokensMax - around);
  const long = repeated(word, tokensMax - around + OVER);

  it('takes a text of as many tokens as fit in every mode, and cuts nothing', async () => {
    for (const mode of ['absent', 'none', 'end'] as const) {
      const answer = await surface.ask([fitting], mode);
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      const counted = surface.cutOf(answer) ?? 'nothing';
      expect([mode, counted]).toEqual([mode, mode === 'end' && counted !== 'nothing' ? { count: 0, tokens: 0 } : 'nothing']);
    }
  });

  it('refuses a longer text unless it says end, cached or not, and counts what it cuts', async () => {
    for (let times = 0; times < 2; times += 1) {
      for (const mode of ['absent', 'none'] as const) {
        const refused = await surface.ask([word, long], mode);
        expect([refused.status, JSON.stringify(refused.body)], mode).toEqual([400, expect.stringContaining('the limit is')]);
      }
      const answer = await surface.ask([word, long], 'end');
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      expect(surface.cutOf(answer)).toEqual({ count: 1, tokens: OVER });
    }
  });
});

it('[M155] a cut text has the vector of its beginning, and is charged for that alone', async () => {
  const ask = (input: unknown, fields: object = {}) => client.post('/v1/embeddings', { model: 'minilm', input, ...fields });
  const whole = await ask(repeated('keeper', 30));
  const cut = await ask(['a', repeated('keeper', 41), repeated('keeper', 31)], { truncate: 'end' });
  for (const at of [1, 2]) expect(cut.body.data[at].embedding).toEqual(whole.body.data[0].embedding);
  expect(cut.body.truncated).toEqual({
    count: 2,
    tokens: 12,
    inputs: [
      { index: 1, tokens: 11 },
      { index: 2, tokens: 1 },
    ],
  });
  expect(cut.body.usage.total_tokens).toBe(3 + 32 + 32);
});

it('[M156] each text that was cut is named by its position in an upsert, and in its search', async () => {
  const texts = ['a', repeated('of', 31), 'the', repeated('of', 33)];
  const upserted = await client.post('/v1/indexes/cut/upsert', { vectors: vectorsOf(texts), truncate: 'end' });
  const inputs = [
    { index: 1, tokens: 2 },
    { index: 3, tokens: 4 },
  ];
  expect(upserted.body).toMatchObject({ upserted: 4, truncated: { count: 2, tokens: 6, inputs } });
  const key = { 'idempotency-key': 'cut-once' };
  const body = { vectors: vectorsOf(texts), truncate: 'end' };
  const [first, again] = [await client.post('/v1/indexes/cut/upsert', body, key), await client.post('/v1/indexes/cut/upsert', body, key)];
  expect([first.status, again.status, again.body]).toEqual([200, 200, first.body]);
  const searches = [{ text: 'a' }, { text: repeated('of', 31), truncate: 'end' }, { text: 'the', truncate: 'end' }];
  const { body: found } = await client.post('/v1/indexes/cut/query/batch', { searches });
  expect(found.results.map((one: { truncated?: object }) => one.truncated)).toEqual([
    undefined,
    { count: 1, tokens: 2, inputs: [{ index: 0, tokens: 2 }] },
    { count: 0, tokens: 0, inputs: [] },
  ]);
  const cached = { 'x-sluice-cache-ttl-ms': '60000' };
  const query = { text: repeated('of', 31), truncate: 'end' };
  const answers = [await client.post('/v1/indexes/cut/query', query, cached), await client.post('/v1/indexes/cut/query', query, cached)];
  expect(answers.map(({ body: one }) => one.truncated?.tokens)).toEqual([2, 2]);
});

it('[M158] what has no beginning to keep is refused by its field: a query of a ranking, START and Left', async () => {
  const rank = (model: string, query: string) => client.post('/v1/rerank', { model, query, documents: ['a'], truncate: 'end' });
  expect((await rank('minilm', repeated('of', 40))).body.error).toMatchObject({ code: 'limit_exceeded', param: 'query' });
  expect((await rank('cross', repeated('of', 62))).body.error).toMatchObject({ code: 'limit_exceeded', param: 'documents[0]' });
  const start = await client.post('/v2/embed', { model: 'minilm', texts: ['a'], truncate: 'START' });
  expect(JSON.stringify(start.body)).toContain('must be NONE or END: texts are cut at their end only');
  const left = await client.post('/tei/minilm/embed', { inputs: 'a', truncate: true, truncation_direction: 'Left' });
  expect(left.body).toMatchObject({ param: 'truncation_direction', code: 'invalid_value' });
  const mode = await client.post('/v1/embeddings', { model: 'minilm', input: 'a', truncate: 'start' });
  expect(mode.body.error).toMatchObject({ code: 'invalid_value', param: 'truncate' });
});

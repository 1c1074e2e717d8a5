import { beforeAll, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { Folder } from '../support/models/model-folder.ts';
import { bertFolder, VOCABULARY } from '../support/models/model-folder.ts';
import { spladeFolder } from '../support/models/splade-folder.ts';

const server = sharedDeployment();
let client: ApiClient;
const splade = spladeFolder({ answer: 'pooled' });

beforeAll(async () => {
  ({ client } = await createTenant(server, { scopes: ['inference', 'files', 'models:write', 'index:read', 'index:write', 'cache:purge'] }));
  const serve = async (name: string, folder: Folder) => promoteModel(client, name, await registerModel(client, name, folder));
  await serve('splade', splade.files);
  await serve('minilm', bertFolder().files);
});

const ask = (model: string, input: unknown, fields: object = {}) => client.post('/v1/embeddings', { model, input, ...fields });

/** The weights of a text by its definition: the largest log(1 + max(0, x)) of its tokens' logits. */
function weightsOf(text: string): Map<number, number> {
  const logits = splade.logits([2, ...text.split(' ').map((word) => VOCABULARY[word] ?? 1), 3]);
  const weights = (logits[0] ?? []).map((_, at) => Math.log1p(Math.max(0, ...logits.map((row) => row[at] ?? 0))));
  return new Map([...weights.entries()].filter(([, weight]) => weight > 0));
}

it('[M180] [M181] [M184] sparse vectors over HTTP are the model’s, cached, purged, and TEI’s alike', async () => {
  const texts = ['river lock', 'the keeper opens the gate'];
  const { status, body, headers } = await ask('splade', texts);
  expect(status, JSON.stringify(body)).toBe(200);
  expect(body.usage.total_tokens).toBe(4 + 7);
  expect(headers.get('cache-status')).toContain('computed=2');
  for (const [i, text] of texts.entries()) {
    const wanted = weightsOf(text);
    expect(body.data[i].embedding.indices).toEqual([...wanted.keys()]);
    for (const [at, value] of body.data[i].embedding.values.entries()) expect(value).toBeCloseTo([...wanted.values()][at] ?? 0, 4);
  }
  const again = await ask('splade', texts, { output: 'sparse', encoding_format: 'base64' });
  expect([again.body.data, again.headers.get('etag') === headers.get('etag')]).toEqual([body.data, false]);
  expect(again.headers.get('cache-status')).toMatch(/hit/);
  const tei = await client.post('/tei/splade/embed_sparse', { inputs: texts });
  const { indices, values } = body.data[1].embedding;
  expect(tei.body[1]).toEqual(indices.map((index: number, i: number) => ({ index, value: values[i] })));
  expect((await client.post('/v1/cache/purge', { text: [texts[0]] })).status).toBe(200);
  expect((await ask('splade', texts)).headers.get('cache-status')).toContain('computed=1');
});

it('[M183] each token charged has a vector, as floats, as base64 and by the names of Jina and TEI', async () => {
  const { body, headers } = await ask('minilm', ['river lock', 'a'], { output: 'tokens' });
  const counts = body.data.map(({ embedding }: { embedding: number[][] }) => embedding.length);
  expect([counts, body.usage.total_tokens, headers.get('cache-status')]).toEqual([[4, 3], 7, expect.stringContaining('fwd=bypass')]);
  for (const vector of body.data[0].embedding) expect(Math.hypot(...vector)).toBeCloseTo(1, 4);
  const packed = await ask('minilm', 'river lock', { return_multivector: true, encoding_format: 'base64' });
  const first = Buffer.from(packed.body.data[0].embedding[0], 'base64');
  expect([...new Float32Array(new Uint8Array(first).buffer)]).toEqual([...Float32Array.from(body.data[0].embedding[0])]);
  expect((await client.post('/tei/minilm/embed_all', { inputs: 'river lock' })).body).toEqual([body.data[0].embedding]);
});

it('[M183] [M185] what a model does not make, and what needs dense vectors, is refused by its field', async () => {
  const refused: [Promise<{ body: { error: { code: string; param: string } } }>, string, string][] = [
    [ask('glove-sif-100', 'a', { output: 'tokens' }), 'invalid_value', 'output'],
    [ask('minilm', 'a', { output: 'sparse' }), 'invalid_value', 'output'],
    [ask('splade', 'a', { output: 'tokens' }), 'invalid_value', 'output'],
    [ask('splade', 'a', { dimensions: 8 }), 'invalid_value', 'dimensions'],
    [ask('splade', 'a', { embedding_type: 'binary' }), 'invalid_value', 'embedding_type'],
    [ask('nothing-here', 'a', { output: 'sparse' }), 'invalid_value', 'output'],
    [ask('minilm', 'a', { output: 'tokens', return_multivector: true }), 'invalid_value', 'return_multivector'],
    [client.post('/v1/rerank', { model: 'splade', query: 'a', documents: ['b'] }), 'invalid_value', 'model'],
    [client.post('/v1/indexes', { name: 'sparse-index', model: 'splade' }), 'invalid_value', 'model'],
  ];
  for (const [call, code, param] of refused) {
    const { error } = (await call).body;
    expect({ code: error.code, param: error.param }, JSON.stringify(error)).toEqual({ code, param });
  }
  for (const path of ['/v2/embed', '/tei/splade/embed']) {
    const answer = await client.post(path, path === '/v2/embed' ? { model: 'splade', texts: ['a'] } : { inputs: 'a' });
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([400, expect.stringContaining('sparse-embedding')]);
  }
});

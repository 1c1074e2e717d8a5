import { describe, expect, it } from 'vitest';

import type { UpsertBatch } from '../../../../../src/ann/shard-protocol.ts';
import type { IndexFields } from '../../../../../src/contract/indexes/index-fields.ts';
import { carriedValues, isCarried, takesContents } from '../../../../../src/gateway/indexes/generations/carried-fields.ts';
import type { CopyParts } from '../../../../../src/gateway/indexes/generations/copy-vectors.ts';
import { copyVectors } from '../../../../../src/gateway/indexes/generations/copy-vectors.ts';
import type { EmbedTexts } from '../../../../../src/gateway/embeddings/text-embedder.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { sparseRow } from '../../../../../src/inference/served/sparse-rows.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { indexShards } from '../../../../support/fakes/index-shards.ts';

const text = { kind: 'text', analysis: { language: 'english', stemming: true }, weight: 1, source: 'field' } as IndexFields[string];
const sparse = (model: string | null): IndexFields[string] =>
  model === null ? { kind: 'sparse', idf: false, model } : { kind: 'sparse', idf: false, model, contractHash: `hash-${model}` };
const tokens = (dimensions: number): IndexFields[string] => ({ kind: 'multi_vector', dimensions, model: null });
const dense = (dimensions: number): IndexFields[string] => ({ kind: 'vector', dimensions, metric: 'dot', model: null });
const VECTOR = { vector: 'AACAPwAAAEA=' };

const NUMBERS = { indices: [1], values: [2] };
const carried = (from: IndexFields, to: IndexFields, contents: object) =>
  Object.fromEntries(carriedValues({ from: { fields: from }, to: { fields: to } }, JSON.stringify(contents)));

describe('fields of another generation', () => {
  it.each<[string, IndexFields, IndexFields, object, object]>([
    ['the same', { f: text }, { f: text }, { f: 'x' }, { f: { kind: 'text', text: 'x' } }],
    ['one that is dropped', { f: text }, {}, { f: 'x' }, {}],
    ['one that is new', {}, { f: text }, {}, {}],
    ['numbers of no model', { f: sparse(null) }, { f: sparse(null) }, { f: NUMBERS }, { f: { kind: 'sparse', ...NUMBERS } }],
    ['numbers of the same model', { f: sparse('a') }, { f: sparse('a') }, { f: NUMBERS }, { f: { kind: 'sparse', ...NUMBERS } }],
    [
      'a text of another model',
      { f: sparse('a') },
      { f: sparse('b') },
      { f: { ...NUMBERS, text: 'x' } },
      { f: { kind: 'text', text: 'x' } },
    ],
    ['numbers of another model', { f: sparse('a') }, { f: sparse('b') }, { f: NUMBERS }, {}],
    ['a text for a model', { f: text }, { f: sparse('b') }, { f: 'x' }, { f: { kind: 'text', text: 'x' } }],
    [
      'a vector',
      { f: dense(2) },
      { f: { ...dense(2), metric: 'l2' } as IndexFields[string] },
      { f: VECTOR },
      { f: { kind: 'vector', vector: Float32Array.of(1, 2) } },
    ],
    ['a vector of another length', { f: dense(2) }, { f: dense(3) }, { f: VECTOR }, {}],
    ['vectors of another length', { f: tokens(3) }, { f: tokens(2) }, { f: { codes: 'AQL/', scales: [1] } }, {}],
  ])('[TX246] of %s', (_, from, to, contents, expected) => {
    expect(carried(from, to, contents)).toEqual(expected);
  });

  it('[TX246] are known by their texts, whatever a model has made of these', () => {
    const carrying = { from: { fields: { f: sparse('a') } }, to: { fields: { f: sparse('b') } } };
    const source = JSON.stringify({ f: { ...NUMBERS, text: 'x' } });
    const made = (of: string) => JSON.stringify({ f: { indices: [9], values: [1], text: of } });
    expect([isCarried(carrying, source, made('x')), isCarried(carrying, source, made('y')), isCarried(carrying, source, null)]).toEqual([
      true,
      false,
      false,
    ]);
    expect([takesContents(carrying), takesContents({ ...carrying, to: carrying.from })]).toEqual([false, true]);
  });

  it('[TX246] are encoded by their own model, billed once under the work', async () => {
    const [held, billed]: [UpsertBatch[], unknown[]] = [[], []];
    const settle = (used: object, { usageId }: { usageId?: string }) => billed.push([used, usageId]);
    const parts = {
      shards: indexShards({ upsert: async (_: IndexManifest, batch: UpsertBatch) => (held.push(batch), ok({ count: 1, lsn: 1 })) }),
      embedder: {
        embed: async ({ model, texts, output }: EmbedTexts) => {
          expect([model, output, texts]).toEqual(['b', 'sparse', ['lock']]);
          return ok({ vectors: new Float32Array(0), rows: [sparseRow(Float32Array.of(0, 0, 5))], tokens: 3, cachedTokens: 1, cut: [] });
        },
      },
      budget: { reserve: async () => ok({ extend: async () => ok(undefined), settle }) },
      authorityOf: () => IN_FORCE,
    } as unknown as CopyParts;
    const from = { id: 'ix_1', dimensions: 1, embedding: null, fields: { f: sparse('a'), t: text } } as unknown as IndexManifest;
    const to = { ...from, id: 'ix_2', fields: { f: sparse('b') } } as unknown as IndexManifest;
    const contents = [JSON.stringify({ f: { ...NUMBERS, text: 'lock' }, t: 'gone' }), null];
    const columns = { ids: ['a', 'b'], values: Float32Array.of(1, 2), metadata: null, texts: null, contents };
    const copied = await copyVectors(parts, { from, to, owner: {} as never, isTruncating: false, run: 1 }, '', columns, 'fill');
    expect(copied).toMatchObject({ ok: true, value: { count: 2, tokens: 3 } });
    expect(held.map((batch) => batch.contents)).toEqual([['{"f":{"indices":[2],"values":[5],"text":"lock"}}', null]]);
    expect(billed).toEqual([[{ embedding_tokens: 2, embedding_cached_tokens: 1 }, 'fill:fields']]);
  });
});

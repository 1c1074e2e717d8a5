import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../../../src/contract/api/outcome.ts';
import { paramOf, refusal } from '../../../../../src/contract/api/errors.ts';
import type { IndexField, IndexFields, NewFields } from '../../../../../src/contract/indexes/index-fields.ts';
import { embeddedPortions } from '../../../../../src/gateway/embeddings/embedded-portions.ts';
import { FieldSpace } from '../../../../../src/gateway/vectors/field-space.ts';
import type { TextEmbedder } from '../../../../../src/gateway/embeddings/text-embedder.ts';
import { pinnedFields } from '../../../../../src/gateway/indexes/pinned-fields.ts';
import type { TenantId } from '../../../../../src/kernel/ids.ts';
import { err, ok } from '../../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { contracts, FieldsWorld } from '../../../../support/worlds/fields-world.ts';
import { principal } from '../../../../support/worlds/memory-cache-world.ts';

const FIELDS = { terms: { kind: 'sparse', model: 'sparse' }, tokens: { kind: 'multi_vector', model: 'tokens' } };
const CALLER = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined), isTruncating: false };
const shown = (outcome: Outcome<unknown>): string =>
  outcome.ok ? 'ok' : `${outcome.error.code} ${paramOf(outcome.error)}: ${outcome.error.message}`;

describe('texts of fields that name a model', () => {
  it('[TX236] are encoded by it, and kept beside what it made', async () => {
    const world = await FieldsWorld.of(FIELDS);
    const fields = { terms: 'ab ac b', tokens: 'ab c' };
    const written = await world.upsert([
      { id: 'a', values: [1, 2], fields },
      { id: 'b', text: 'one two', fields: { tokens: 'd' } },
    ]);
    expect(written).toMatchObject({ ok: true, value: { count: 2, tokens: 3 + 2 + 1 + 2 } });
    expect(await world.fieldsOf('a', 'b')).toMatchObject([
      {
        terms: { indices: [97, 98], values: [2, 1], text: 'ab ac b' },
        tokens: { scales: [Math.fround(2 / 127), Math.fround(1 / 127)], text: 'ab c' },
      },
      { tokens: { text: 'd' } },
    ]);
    expect(world.calls).toEqual({ dense: 1, sparse: 1, tokens: 1 });
  });

  it('[TX236] [TX247] become vectors of the dimensions of the model', async () => {
    const world = await FieldsWorld.of({ image: { kind: 'vector', metric: 'l2', model: 'dense' } });
    expect(world.fields).toEqual({ image: { kind: 'vector', metric: 'l2', dimensions: 2, model: 'dense', contractHash: 'hash-dense' } });
    const vectors = ['ab', 'c d', 'efg'].map((image, i) => ({ id: `v${i}`, values: [1, 2], fields: { image } }));
    expect(await world.upsert(vectors)).toMatchObject({ ok: true, value: { tokens: 4 } });
    const kept = [2, 3, 3].map((length) => Buffer.from(Float32Array.of(length, 1).buffer).toString('base64'));
    expect(await world.fieldsOf('v0', 'v1', 'v2')).toEqual(
      vectors.map(({ fields }, i) => ({ image: { vector: kept[i], text: fields.image } })),
    );
    expect(world.calls.dense).toBe(1);
  });

  it('[TX236] numbers that come with a text are not made of it', async () => {
    const world = await FieldsWorld.of(FIELDS);
    const fields = { terms: { indices: [5], values: [9], text: 'ab' }, tokens: [[1, 2, 3]] };
    expect(shown(await world.upsert([{ id: 'a', values: [1, 2], fields }]))).toBe('ok');
    expect([world.calls, await world.fieldsOf('a')]).toMatchObject([{ sparse: 0, tokens: 0 }, [{ terms: fields.terms }]]);
  });

  it('[TX236] one that its model refuses is named; with `truncate` it is cut, and counted', async () => {
    const world = await FieldsWorld.of(FIELDS);
    const long = Array.from({ length: 50 }, () => 'w').join(' ');
    const vectors = [
      { id: 'a', values: [1, 2], fields: { terms: 'w' } },
      { id: 'b', values: [1, 2], fields: { terms: long } },
    ];
    expect(shown(await world.upsert(vectors))).toBe('limit_exceeded vectors[1].fields.terms: has more than 40 words');
    expect(await world.listedFields()).toEqual([]);
    const cut = await world.upsert(vectors, { truncate: 'end' });
    expect(cut).toMatchObject({ ok: true, value: { tokens: 41, cut: [{ index: 1, tokens: 10 }] } });
  });

  it('[TX236] those of imports are billed with the rest', async () => {
    const world = await FieldsWorld.of(FIELDS);
    const lines = ['{"id":"a","text":"x y","fields":{"terms":"lock keeper opens"}}', '{"id":"b","values":[1,2],"fields":{"terms":"lock"}}'];
    expect(await world.import(lines.join('\n'))).toMatchObject({ status: 'done', written: 2 });
    expect(world.billed).toEqual([{ vectors_written: 2, embedding_tokens: 2 + 3 + 1, embedding_cached_tokens: 0 }]);
  });

  it.each([
    ['sparse', 2 * 8_193, 'becomes a sparse vector of 8193 numbers; the limit is 8192 (sparseNumbersMaxCount)'],
    ['multi_vector', 131_076, 'becomes vectors of 131076 numbers; the limit is 131072 (multiVectorNumbersMaxCount)'],
  ] as const)('[TX238] more than a %s field holds is refused by the text that became it', async (kind, count, why) => {
    const made = new Float32Array(count).map((_, i) => i);
    const embed = async () =>
      ok({ vectors: new Float32Array(0), rows: [made], dimensions: 3, contractHash: 'h', tokens: 1, cut: [], cachedTokens: 0 });
    const pin = { model: 'm', contractHash: 'h' };
    const field: IndexField = kind === 'sparse' ? { kind: 'sparse', idf: false, ...pin } : { kind: 'multi_vector', dimensions: 3, ...pin };
    const rows = [{ fields: new Map([['f', { kind: 'text' as const, text: 'lock' }]]), at: ['vectors', 0, 'fields'] }];
    expect(shown(await new FieldSpace({ ...contracts, embed }).contentsOf(CALLER, { f: field }, rows))).toBe(
      `limit_exceeded vectors[0].fields.f: ${why}`,
    );
  });

  it('[TX236] stay with their rows, in whatever portions they are encoded', async () => {
    const embed: TextEmbedder['embed'] = async ({ texts }) => {
      if (texts.length > 2) return err({ ...refusal('limit_exceeded', 'too many'), limit: { name: 'embeddingNumbersMaxCount', bound: 1 } });
      const rows = texts.map((text) => Float32Array.of(Number(text), 1));
      const cut = [{ index: texts.length - 1, tokens: 7 }];
      return ok({ vectors: new Float32Array(0), rows, dimensions: 3, contractHash: 'h', tokens: texts.length, cut, cachedTokens: 0 });
    };
    const fields: IndexFields = { f: { kind: 'sparse', idf: false, model: 'm', contractHash: 'h' } };
    const rowOf = (text: string) => ({ fields: new Map([['f', { kind: 'text' as const, text }]]), at: [] });
    const rows = [rowOf('5'), { at: [] }, rowOf('6'), rowOf('7'), rowOf('8')];
    const made = await new FieldSpace({ ...contracts, embed }).contentsOf(CALLER, fields, rows);
    const indices = made.ok
      ? made.value.contents?.map((text) => (JSON.parse(text ?? '{}') as { f?: { indices: number[] } }).f?.indices)
      : [];
    expect(indices).toEqual([[5], undefined, [6], [7], [8]]);
    expect(made).toMatchObject({ ok: true, value: { tokens: 4, cut: [{ index: 2 }, { index: 4 }] } });
  });

  it('[B46] go in portions, which are halved where one is too much for a call', async () => {
    const sizes: number[] = [];
    const texts = ['aa', 'bb', 'cc', 'dd', 'eeeeeeee'].map((text, row) => ({ row, text }));
    const portions = embeddedPortions(texts, 6, async (portion) => {
      sizes.push(portion.length);
      if (portion.length > 2)
        return err({ ...refusal('limit_exceeded', 'too many'), limit: { name: 'embeddingNumbersMaxCount', bound: 1 } });
      return ok({ vectors: new Float32Array(0), dimensions: 1, contractHash: 'h', tokens: 1, cut: [], cachedTokens: 0 });
    });
    const rows = (await Array.fromAsync(portions)).map((portion) => (portion.ok ? portion.value.rows : portion.error.code));
    expect([rows, sizes]).toEqual([
      [[0, 1], [2], [3], [4]],
      [3, 2, 1, 1, 1],
    ]);
  });
});

describe('models of fields', () => {
  const pinned = (fields: NewFields) => pinnedFields(contracts, 'tn_one' as TenantId, fields);

  it('[TX231] are pinned by their contracts, and give the dimensions', async () => {
    const fields = await pinned({
      constructor: { kind: 'sparse', idf: true, model: 'sparse' } as const,
      tokens: { kind: 'multi_vector', model: 'tokens' },
    });
    expect(fields.ok && Object.entries(fields.value)).toEqual([
      ['constructor', { kind: 'sparse', idf: true, model: 'sparse', contractHash: 'hash-sparse' }],
      ['tokens', { kind: 'multi_vector', dimensions: 3, model: 'tokens', contractHash: 'hash-tokens' }],
    ]);
  });

  it.each<[string, NewFields[string], string]>([
    ['that is not there', { kind: 'sparse', idf: false, model: 'none' }, 'model_not_found fields.f.model: there is no model none'],
    ['of another form', { kind: 'sparse', idf: false, model: 'tokens' }, 'invalid_value fields.f.model: tokens makes no sparse vectors'],
    [
      'of other dimensions',
      { kind: 'multi_vector', dimensions: 4, model: 'tokens' },
      'dimension_mismatch fields.f.dimensions: is 4; the vectors of tokens have 3 numbers',
    ],
  ])('[TX231] one %s is refused by the field that names it', async (_, field, refused) => {
    expect(shown(await pinned({ f: field }))).toBe(refused);
  });
});

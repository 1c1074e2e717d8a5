import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../../../src/contract/api/outcome.ts';
import { paramOf } from '../../../../../src/contract/api/errors.ts';
import { FieldsWorld } from '../../../../support/worlds/fields-world.ts';

const FIELDS = {
  title: { kind: 'text' },
  body: { kind: 'text', source: 'text' },
  terms: { kind: 'sparse' },
  tokens: { kind: 'multi_vector', dimensions: 2 },
  image: { kind: 'vector', dimensions: 3 },
};
const row = (fields: unknown, id = 'a') => ({ id, values: [1, 2], fields });

const shown = (outcome: Outcome<unknown>): string =>
  outcome.ok ? 'written' : `${outcome.error.code} ${paramOf(outcome.error)}: ${outcome.error.message}`;

describe('fields of written vectors', () => {
  it('[TX241] are answered as they are kept, by fetches and lists, and null where there are none', async () => {
    const world = await FieldsWorld.of(FIELDS);
    const given = { title: 'The lock', terms: { indices: [7, 2], values: [1.5, 0.1] }, tokens: { codes: 'f4EBAg==', scales: [0.5, 1] } };
    expect(shown(await world.upsert([row(given), row(undefined, 'b'), row({}, 'c')]))).toBe('written');
    const kept = { ...given, terms: { indices: [2, 7], values: [0.1, 1.5] } };
    expect(await world.fieldsOf('a', 'b', 'c')).toEqual([kept, null, null]);
    expect(await world.listedFields()).toEqual([kept, null, null]);
  });

  it('[TX248] vectors are kept to the bit, whether they come as numbers or as base64', async () => {
    const world = await FieldsWorld.of(FIELDS);
    const image = Float32Array.of(0.1, -0, 1e-42);
    const vector = Buffer.from(image.buffer).toString('base64');
    expect(shown(await world.upsert([row({ image: [0.1, -0, 1e-42] }), row({ image: { vector, text: 'a lock' } }, 'b')]))).toBe('written');
    // JSON has no minus zero.
    const positive = Buffer.from(Float32Array.of(0.1, 0, 1e-42).buffer).toString('base64');
    expect(await world.fieldsOf('a', 'b')).toEqual([{ image: { vector: positive } }, { image: { vector, text: 'a lock' } }]);
    expect((await world.import(await world.export())).status).toBe('done');
    expect(await world.fieldsOf('b')).toEqual([{ image: { vector, text: 'a lock' } }]);
  });

  it('[TX237] a text stands beside values, kept and not embedded', async () => {
    const world = await FieldsWorld.of(FIELDS);
    expect(shown(await world.upsert([{ id: 'a', values: [1, 2], text: 'the lock' }]))).toBe('written');
    expect([world.calls.dense, JSON.parse(await world.export())]).toMatchObject([0, { values: [1, 2], text: 'the lock' }]);
  });

  it('[TX245] are those of the last write alone', async () => {
    const world = await FieldsWorld.of(FIELDS);
    await world.upsert([row({ title: 'The lock', terms: { indices: [1], values: [1] } })]);
    await world.upsert([row({ title: 'The weir' })]);
    expect(await world.fieldsOf('a')).toEqual([{ title: 'The weir' }]);
  });

  it('[TX242] stay when metadata or values change', async () => {
    const world = await FieldsWorld.of(FIELDS);
    await world.upsert([row({ title: 'The lock' })]);
    expect(await world.setMetadata('a', '{"page":3}')).toMatchObject({ ok: true, value: { count: 1 } });
    expect(await world.setValues('a', [3, 4])).toMatchObject({ ok: true, value: { count: 1 } });
    expect(JSON.parse(await world.export())).toMatchObject({ values: [3, 4], metadata: { page: 3 }, fields: { title: 'The lock' } });
  });

  it.each<[string, object, string]>([
    [
      'an unknown field',
      { titel: 'x' },
      'invalid_value vectors[1].fields.titel: is no field of the index, which has "title", "body", "terms", "tokens", "image": did you mean "title"?',
    ],
    ['a name of every object', { constructor: 'x' }, 'invalid_value vectors[1].fields.constructor: is no field of the index'],
    ['a text of the row', { body: 'x' }, "invalid_value vectors[1].fields.body: is made of the row's own `text`: give that instead"],
    ['numbers as a text', { title: { indices: [1], values: [1] } }, 'invalid_value vectors[1].fields.title: must be a text'],
    ['a text without a model', { terms: 'x' }, 'invalid_value vectors[1].fields.terms: must be a sparse vector'],
    ['vectors as a sparse vector', { terms: [[1, 2]] }, 'invalid_value vectors[1].fields.terms: must be a sparse vector'],
    [
      'a sparse vector as vectors',
      { tokens: { indices: [1], values: [1] } },
      'invalid_value vectors[1].fields.tokens: must be an array of vectors',
    ],
    [
      'vectors of another length',
      { tokens: [[1, 2, 3]] },
      'dimension_mismatch vectors[1].fields.tokens: has vectors of 3 numbers; the field has 2 dimensions',
    ],
    [
      'a vector of another length',
      { image: [1, 2] },
      'dimension_mismatch vectors[1].fields.image: has 2 numbers; the field has 3 dimensions',
    ],
    ['vectors as a vector', { image: [[1, 2, 3]] }, 'invalid_value vectors[1].fields.image: must be a vector'],
    [
      'a text for a vector',
      { image: 'x' },
      'invalid_value vectors[1].fields.image: must be a vector: the field names no model that encodes texts',
    ],
  ])('[TX233] %s is refused by its place, and nothing is written', async (_, fields, refusal) => {
    const world = await FieldsWorld.of(FIELDS);
    expect(shown(await world.upsert([row({ title: 'x' }), row(fields, 'b')]))).toContain(refusal);
    expect(await world.listedFields()).toEqual([]);
  });

  it('[TX239] all of a call are checked before its first slice is written', async () => {
    const world = await FieldsWorld.of(FIELDS);
    const many = Array.from({ length: 1_500 }, (_, i) => row({ title: 'x' }, `v${i}`));
    expect(shown(await world.upsert([...many, row({ other: 'x' }, 'last')]))).toContain('vectors[1500].fields.other');
    expect(await world.listedFields()).toEqual([]);
  });

  it('[TX238] a row holds at most 512 KiB of them', async () => {
    const world = await FieldsWorld.of(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}`, { kind: 'text' }])));
    const texts = (chars: number) => Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}`, 'x'.repeat(chars)]));
    expect(shown(await world.upsert([row(texts(58_000))]))).toBe('written');
    expect(shown(await world.upsert([row(texts(65_000))]))).toBe(
      'limit_exceeded vectors[0].fields: takes 585073 bytes or more as JSON; the limit is 524288 (rowFieldsBytesMax): give the row fewer or shorter fields',
    );
  });

  it('[TX233] an index without fields takes none', async () => {
    const world = await FieldsWorld.of({});
    expect(shown(await world.upsert([row({ title: 'x' })]))).toBe(
      'invalid_value vectors[0].fields.title: is no field of the index, which has none',
    );
    expect(shown(await world.upsert([row({})]))).toBe('written');
  });
});

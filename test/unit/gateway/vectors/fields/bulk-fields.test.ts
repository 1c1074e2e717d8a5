import { expect, it } from 'vitest';

import { writeFrame } from '../../../../../src/kernel/vector-frame.ts';
import { FieldsWorld } from '../../../../support/worlds/fields-world.ts';

const FIELDS = { title: { kind: 'text' }, terms: { kind: 'sparse', model: 'sparse' }, tokens: { kind: 'multi_vector', dimensions: 2 } };

it('[TX243] an export has them as they are kept, and an import takes it as it is', async () => {
  const world = await FieldsWorld.of(FIELDS);
  await world.upsert([
    {
      id: 'a',
      values: [1, 2],
      text: 'kept',
      metadata: { page: 1 },
      fields: { title: 'é "q"', terms: 'lock keeper', tokens: [[0.3, -0.7]] },
    },
    { id: 'b', values: [3, 4] },
  ]);
  const exported = await world.export();
  const other = await FieldsWorld.of(FIELDS);
  expect(await other.import(exported)).toMatchObject({ status: 'done', written: 2 });
  expect(await other.export()).toBe(exported);
  expect(other.calls).toEqual({ dense: 0, sparse: 0, tokens: 0 });
  expect(await other.export({ include_values: true, include_metadata: true, include_text: true, include_fields: false })).not.toContain(
    'title',
  );
});

it('[TX243] the vectors of a frame have fields as lines have', async () => {
  const world = await FieldsWorld.of(FIELDS);
  const head = {
    vectors: [
      { id: 'a', values: 1, fields: { title: 'x' } },
      { id: 'b', values: 0 },
    ],
  };
  expect(await world.import(writeFrame(head, Float32Array.of(1, 2, 3, 4), 2), true)).toMatchObject({ status: 'done', written: 2 });
  expect(await world.fieldsOf('a', 'b')).toEqual([{ title: 'x' }, null]);
});

it.each([
  ['that the index does not have', '{"other":"x"}', 'is no field of the index', 'fields.other'],
  ['that do not fit theirs', '{"tokens":[[1,2,3]]}', 'has vectors of 3 numbers', 'fields.tokens'],
  ['that are faulty', '{"terms":{"indices":[1,1],"values":[1,1]}}', 'is there twice: 1; it is 1', 'fields.terms.indices[1]'],
])('[TX243] fields %s end an import at their line', async (_, fields, message, param) => {
  const world = await FieldsWorld.of(FIELDS);
  const done = await world.import(`{"id":"a","values":[1,2],"fields":{"title":"x"}}\n{"id":"b","values":[1,2],"fields":${fields}}`);
  expect(done).toMatchObject({ status: 'stopped', written: 1, error: { line: 2, param } });
  expect(done.error?.message).toContain(message);
  expect(await world.listedFields()).toEqual([{ title: 'x' }]);
});

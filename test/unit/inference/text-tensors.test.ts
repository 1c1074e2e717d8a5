import { expect, it } from 'vitest';

import { paramOf } from '../../../src/contract/api/errors.ts';
import { EMBEDDING_LIMITS } from '../../../src/contract/embeddings/embedding-limits.ts';
import { textPorts, textsOf, vectorTensor } from '../../../src/inference/kserve/text-tensors.ts';
import type { NamedTensor } from '../../../src/inference/tensor.ts';

const tensor = (change: Partial<NamedTensor> = {}): NamedTensor => ({
  name: 'text',
  type: 'string',
  shape: [2],
  data: ['a', 'b'],
  ...change,
});

it('[M110] texts are one tensor, in a row or one to a row', () => {
  expect(textsOf([tensor()], undefined)).toEqual({ ok: true, value: ['a', 'b'] });
  expect(textsOf([tensor({ shape: [2, 1] })], ['embedding'])).toEqual({ ok: true, value: ['a', 'b'] });
});

const { embeddingInputsMaxCount: countMax, embeddingTextCharsMax: charsMax } = EMBEDDING_LIMITS;

it.each<[string, readonly NamedTensor[], string | undefined, string, string]>([
  ['none', [], undefined, 'inputs', 'invalid_value'],
  ['two tensors', [tensor(), tensor({ name: 'other' })], undefined, 'inputs', 'invalid_value'],
  ['another name', [tensor({ name: 'input_ids' })], undefined, 'inputs', 'invalid_value'],
  ['numbers', [tensor({ type: 'float32', data: Float32Array.of(1, 2) })], undefined, 'inputs[0].datatype', 'invalid_value'],
  ['two in a row', [tensor({ shape: [1, 2] })], undefined, 'inputs[0].shape', 'invalid_value'],
  ['no text', [tensor({ shape: [0], data: [] })], undefined, 'inputs[0].shape', 'invalid_value'],
  ['an empty text', [tensor({ data: ['a', ''] })], undefined, 'inputs[0].data[1]', 'invalid_value'],
  [
    'too many',
    [tensor({ shape: [countMax + 1], data: Array.from({ length: countMax + 1 }, () => 'a') })],
    undefined,
    'inputs[0].data',
    'limit_exceeded',
  ],
  ['too long', [tensor({ data: ['a', 'a'.repeat(charsMax + 1)] })], undefined, 'inputs[0].data[1]', 'limit_exceeded'],
  ['an unknown output', [tensor()], 'logits', 'outputs[0].name', 'invalid_value'],
])('[M110] %s is refused by its field', (_, tensors, output, param, code) => {
  const texts = textsOf(tensors, output === undefined ? undefined : [output]);
  expect(texts.ok ? undefined : [paramOf(texts.error), texts.error.code]).toEqual([param, code]);
});

it('[M110] vectors are one tensor, a row for each text, as the metadata says', () => {
  const { outputs } = textPorts(3);
  expect(outputs).toEqual([{ name: 'embedding', type: 'float32', shape: ['texts', 3] }]);
  expect(vectorTensor(new Float32Array(6), 3)).toMatchObject({ name: 'embedding', shape: [2, 3] });
});

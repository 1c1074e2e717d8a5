import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { paramOf } from '../../../src/contract/api/errors.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { readTensors } from '../../../src/inference/kserve/read-tensors.ts';
import type { StatedTensor } from '../../../src/inference/kserve/read-tensors.ts';
import { writeTensors } from '../../../src/inference/kserve/write-tensors.ts';
import type { NamedTensor, TensorData } from '../../../src/inference/tensor.ts';
import { joinedBytes } from '../../../src/kernel/bytes.ts';
import { parseExactJson } from '../../../src/kernel/exact-json.ts';
import { jsonText } from '../../../src/kernel/float32-text.ts';
import { effort } from '../../support/fixtures/effort.ts';

const whole = (min: number, max: number) => fc.integer({ min, max });
const listOf =
  <T>(value: fc.Arbitrary<T>) =>
  ({ minLength, maxLength }: { minLength: number; maxLength: number }) =>
    fc.array(value, { minLength, maxLength });

/** What makes `count` values of each type. */
const VALUES: Readonly<Record<NamedTensor['type'], (count: number) => fc.Arbitrary<TensorData>>> = {
  bool: (count) => exactly(whole(0, 1), count).map((values) => Uint8Array.from(values)),
  uint8: (count) => exactly(whole(0, 255), count).map((values) => Uint8Array.from(values)),
  uint16: (count) => exactly(whole(0, 65_535), count).map((values) => Uint16Array.from(values)),
  uint32: (count) => exactly(whole(0, 2 ** 32 - 1), count).map((values) => Uint32Array.from(values)),
  int8: (count) => exactly(whole(-128, 127), count).map((values) => Int8Array.from(values)),
  int16: (count) => exactly(whole(-32_768, 32_767), count).map((values) => Int16Array.from(values)),
  int32: (count) => exactly(whole(-(2 ** 31), 2 ** 31 - 1), count).map((values) => Int32Array.from(values)),
  int64: (count) => exactly(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), count).map((values) => BigInt64Array.from(values)),
  uint64: (count) => exactly(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), count).map((values) => BigUint64Array.from(values)),
  float32: (count) =>
    exactly(fc.float({ noNaN: true, noDefaultInfinity: true }).map(unsignedZero), count).map((values) => Float32Array.from(values)),
  float64: (count) =>
    exactly(fc.double({ noNaN: true, noDefaultInfinity: true }).map(unsignedZero), count).map((values) => Float64Array.from(values)),
  string: (count) => exactly(fc.string({ unit: 'grapheme', maxLength: 12 }), count),
};

const exactly = <T>(value: fc.Arbitrary<T>, count: number) => listOf(value)({ minLength: count, maxLength: count });
/** JSON writes -0 as 0. */
const unsignedZero = (value: number): number => (value === 0 ? 0 : value);

const shape = fc.array(whole(0, 4), { maxLength: 3 });
const tensor = fc
  .tuple(fc.constantFrom(...(Object.keys(VALUES) as NamedTensor['type'][])), shape, fc.string({ maxLength: 5 }))
  .chain(([type, dims, name]) =>
    VALUES[type](dims.reduce((count, length) => count * length, 1)).map((data): NamedTensor => ({ name, type, shape: dims, data })),
  );

/** What a server answers, as a client would send it. */
function sent(tensors: readonly NamedTensor[], isBinary: (name: string) => boolean): { stated: StatedTensor[]; binary: Uint8Array } {
  const { outputs, binary } = writeTensors(tensors, isBinary);
  return { stated: parseExactJson(jsonText(outputs)) as StatedTensor[], binary: joinedBytes(binary) };
}

it('[M27] tensors of each type come back as they were sent, as JSON and as bytes', () => {
  fc.assert(
    fc.property(fc.array(tensor, { maxLength: 4 }), fc.func(fc.boolean()), (tensors, isBinary) => {
      const { stated, binary } = sent(tensors, isBinary);
      const read = readTensors(stated, binary);
      expect(read.ok ? read.value : read.error).toEqual(tensors);
    }),
    { numRuns: effort(300) },
  );
});

/** Values in nested arrays of the given lengths, as numpy's `tolist` makes them. */
function nested(values: readonly unknown[], [length, ...rest]: readonly number[]): unknown {
  if (length === undefined) return values[0];
  const part = values.length / length;
  return Array.from({ length }, (_, at) => nested(values.slice(at * part, (at + 1) * part), rest));
}

it('[M27] nested arrays are read as flat ones', () => {
  fc.assert(
    fc.property(fc.array(whole(1, 4), { maxLength: MODEL_LIMITS.tensorRankMax - 2 }), (dims) => {
      const values = Array.from({ length: dims.reduce((count, length) => count * length, 1) }, (_, at) => at);
      const stated = { name: 'x', shape: dims, datatype: 'INT32' as const, data: nested(values, dims) };
      const read = readTensors([stated], new Uint8Array());
      expect(read.ok ? [...(read.value[0]?.data ?? [])] : read.error).toEqual(values);
    }),
    { numRuns: effort(100) },
  );
});

const FAULTS: readonly [string, Partial<StatedTensor>, string][] = [
  ['too few values', { data: [1] }, 'inputs[0].data'],
  ['too many values', { data: [1, 2, 3] }, 'inputs[0].data'],
  ['neither data nor bytes', {}, 'inputs[0]'],
  ['both', { data: [1, 2], parameters: { binary_data_size: 8 } }, 'inputs[0]'],
  ['bytes that are not there', { parameters: { binary_data_size: 8 } }, 'inputs[0].parameters.binary_data_size'],
  ['a text for a number', { data: [1, '2'] }, 'inputs[0].data'],
  ['null for a number', { data: [1, null] }, 'inputs[0].data'],
  ['a number beyond float32', { data: [1, 1e39] }, 'inputs[0].data'],
  ['a whole number beyond its type', { datatype: 'INT8', data: [1, 128] }, 'inputs[0].data'],
  ['a fraction of a whole type', { datatype: 'UINT8', data: [1, 0.5] }, 'inputs[0].data'],
  ['a negative unsigned number', { datatype: 'UINT64', data: [1, -1] }, 'inputs[0].data'],
  ['a number that JSON has rounded', { datatype: 'INT64', data: [1, 2 ** 60] }, 'inputs[0].data'],
  ['two for a bool', { datatype: 'BOOL', data: [true, 2] }, 'inputs[0].data'],
  ['a number for a text', { datatype: 'BYTES', data: ['a', 1] }, 'inputs[0].data'],
  ['a shape of more than a call may have', { shape: [2 ** 31, 2 ** 31, 2 ** 31], data: [1] }, 'inputs[0].shape'],
];

it.each(FAULTS)('[M27] %s is refused by its field', (_, fault, param) => {
  const read = readTensors([{ name: 'x', shape: [2], datatype: 'FP32', ...fault }], new Uint8Array());
  expect(read.ok ? 'read' : paramOf(read.error)).toBe(param);
});

it('[M27] values nested deeper than a tensor has dimensions are refused, not followed', () => {
  let data: unknown = 1;
  for (let depth = 0; depth < 100_000; depth += 1) data = [data];
  const read = readTensors([{ name: 'x', shape: [1], datatype: 'FP32', data }], new Uint8Array());
  expect(read.ok ? 'read' : read.error.message).toContain('nested deeper');
});

it('[M27] bytes that no input claims, or that do not fit its shape, are refused', () => {
  const stated = { name: 'x', shape: [2], datatype: 'FP32' as const, parameters: { binary_data_size: 8 } };
  expect(readTensors([stated], new Uint8Array(8)).ok).toBe(true);
  expect(readTensors([stated], new Uint8Array(9)).ok).toBe(false);
  expect(readTensors([{ ...stated, shape: [3] }], new Uint8Array(8)).ok).toBe(false);
});

it('[M27] bytes cut or changed anywhere give tensors or a refusal, never an exception', () => {
  fc.assert(
    fc.property(exactly(fc.string({ maxLength: 6 }), 3), whole(0, 60), whole(0, 255), (texts, at, byte) => {
      const { stated, binary } = sent([{ name: 't', type: 'string', shape: [3], data: texts }], () => true);
      const changed = binary.slice();
      changed[at % changed.length] = byte;
      readTensors(stated, changed);
      const cut = binary.subarray(0, at % binary.length);
      const [first] = stated;
      expect(first === undefined || readTensors([{ ...first, parameters: { binary_data_size: cut.length } }], cut).ok).toBe(false);
    }),
    { numRuns: effort(300) },
  );
});

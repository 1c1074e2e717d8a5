import { describe, expect, it } from 'vitest';

import { parse } from '../../../../src/contract/api/parse.ts';
import { paramOf } from '../../../../src/contract/api/errors.ts';
import { FIELD_LIMITS } from '../../../../src/contract/indexes/field-limits.ts';
import { fieldValues } from '../../../../src/contract/vectors/field-values.ts';
import { quantiseTokens } from '../../../../src/contract/vectors/token-codes.ts';
import { fromBase64 } from '../../../../src/kernel/bytes.ts';

/** What a body's `fields` is refused with: the field, and why. */
function refusalOf(value: unknown): string {
  const read = parse(fieldValues, { f: value });
  return read.ok ? 'taken' : `${read.error.code} ${paramOf(read.error)}: ${read.error.message}`;
}

const sparse = (indices: unknown, values: unknown) => ({ indices, values });
const { sparseNumbersMaxCount, multiVectorNumbersMaxCount } = FIELD_LIMITS;
const many = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('values of fields', () => {
  it.each<[string, unknown]>([
    ['a text', 'the lock'],
    ['an empty text', ''],
    ['a sparse vector', sparse([1, 5], [0.5, -2])],
    ['a sparse vector of nothing', sparse([], [])],
    ['the most numbers of a sparse vector', sparse(many(sparseNumbersMaxCount), many(sparseNumbersMaxCount))],
    ['the last dimension', sparse([4_294_967_295], [1])],
    ['a sparse vector and its text', { ...sparse([1], [1]), text: 'lock' }],
    ['vectors', [[1, 2]]],
    ['a vector', [1, -2.5]],
    ['a vector as base64', { vector: 'AACAPwAAAEA=' }],
    ['a vector and its text', { vector: [1, 2], text: 'lock' }],
    ['codes', { codes: 'AQL/', scales: [1] }],
    ['codes and their text', { codes: 'AQL/', scales: [1], text: 'lock' }],
  ])('[TX233] %s is taken', (_, value) => {
    expect(refusalOf(value)).toBe('taken');
  });

  it.each<[string, unknown, string]>([
    ['a number', 1, 'invalid_value f: must be a text, a vector, a sparse vector {indices, values}, or an array of vectors'],
    ['null', null, 'invalid_value f: must be a text, a vector, a sparse vector {indices, values}, or an array of vectors'],
    ['no array of indices', sparse('1', [1]), 'invalid_value f.indices: must be an array of whole numbers'],
    ['no values', { indices: [1] }, 'invalid_value f.values: must be an array of numbers'],
    [
      'an unknown member',
      { ...sparse([1], [1]), weights: [1] },
      'invalid_value f.weights: is not a known field; there are: indices, values, text',
    ],
    ['values too few', sparse([1, 2], [1]), 'invalid_value f.values: has 1 numbers; `indices` has 2'],
    ['a negative index', sparse([2, -1], [1, 1]), 'invalid_value f.indices[1]: must be a whole number from 0 to 4294967295'],
    ['an index of 33 bits', sparse([4_294_967_296], [1]), 'invalid_value f.indices[0]: must be a whole number from 0 to 4294967295'],
    ['half an index', sparse([0.5], [1]), 'invalid_value f.indices[0]: must be a whole number from 0 to 4294967295'],
    ['an index twice', sparse([7, 3, 7], [1, 1, 1]), 'invalid_value f.indices[2]: is there twice: 7'],
    ['a NaN', sparse([1], [Number.NaN]), 'invalid_value f.values[0]: must be a finite number in the range of float32'],
    ['a double', sparse([1], [1e39]), 'invalid_value f.values[0]: must be a finite number in the range of float32'],
    [
      'too many numbers',
      sparse(many(sparseNumbersMaxCount + 1), many(sparseNumbersMaxCount + 1)),
      'limit_exceeded f.indices: has 8193 numbers, more than sparseNumbersMaxCount (8192)',
    ],
    ['no vectors', [], 'invalid_value f: must be an array of one vector or more, each an array of numbers'],
    ['a vector among numbers', [1, [2]], 'invalid_value f[1]: must be a finite number in the range of float32'],
    ['a number beyond float32', [1, 1e39], 'invalid_value f[1]: must be a finite number in the range of float32'],
    ['a vector of one number', [1], 'invalid_value f: must have at least 2 numbers'],
    ['too long a vector', many(8_193), 'limit_exceeded f: has 8193 numbers, more than dimensionsMaxCount (8192)'],
    ['a vector of no numbers', { vector: 5 }, 'invalid_value f.vector: must be an array of numbers'],
    ['base64 of no floats', { vector: 'AAAA' }, 'invalid_value f.vector: has 3 bytes as base64, which are no 32-bit floats'],
    ['an infinite float', { vector: 'AACAfwAAAAA=' }, 'invalid_value f.vector[0]: must be a finite number in the range of float32'],
    ['more than a vector', { vector: [1, 2], codes: 'AQL/' }, 'invalid_value f.codes: is not a known field; there are: vector, text'],
    ['vectors of several lengths', [[1, 2], [1]], 'invalid_value f[1]: has 1 numbers, the vector before 2'],
    ['an infinite number', [[1, Infinity]], 'invalid_value f[0][1]: must be a finite number in the range of float32'],
    ['vectors of nothing', [[], []], 'invalid_value f[0]: must have numbers'],
    [
      'too many numbers of vectors',
      many(multiVectorNumbersMaxCount + 1).map(() => [1]),
      'limit_exceeded f: has 131073 numbers, more than multiVectorNumbersMaxCount (131072)',
    ],
    ['codes that are no base64', { codes: 'a?==', scales: [1] }, 'invalid_value f.codes: must be base64, padded'],
    ['codes without scales', { codes: 'AQL/' }, 'invalid_value f.scales: must be an array of numbers, one a vector'],
    ['codes of no length', { codes: 'AQL/', scales: [1, 2] }, 'invalid_value f.codes: has 3 bytes, which are no 2 vectors of one length'],
    ['a scale below zero', { codes: 'AQL/', scales: [-1] }, 'invalid_value f.scales[0]: must be a finite number, not below zero'],
    ['a text too long', 'x'.repeat(65_537), 'limit_exceeded f: has 65537 bytes or more, more than vectorTextBytesMax (65536)'],
    ['no text beside numbers', { ...sparse([1], [1]), text: 5 }, 'invalid_value f.text: must be a string'],
  ])('[TX233] %s is refused by its place', (_, value, refusal) => {
    expect(refusalOf(value)).toBe(refusal);
  });

  it('[TX233] fields are an object of at most 16, whatever their names', () => {
    const read = (given: unknown) => {
      const values = parse(fieldValues, given);
      return values.ok ? [...values.value.keys()] : values.error.code;
    };
    expect(read([])).toBe('invalid_value');
    expect(read(Object.fromEntries(many(17).map((i) => [`f${i}`, 'x'])))).toBe('limit_exceeded');
    expect(read(JSON.parse('{"__proto__":"a","constructor":"b"}'))).toEqual(['__proto__', 'constructor']);
  });

  it('[TX234] the numbers of a sparse vector come in any order and are kept by rising index', () => {
    const read = parse(fieldValues, { f: sparse([9, 0, 4], [0.1, -2, 3]) });
    expect(read.ok && read.value.get('f')).toEqual({ kind: 'sparse', indices: [0, 4, 9], values: [-2, 3, 0.1] });
  });

  it('[TX235] vectors become bytes and a scale each, of which the largest number is 127', () => {
    const { codes, scales, dimensions } = quantiseTokens(Float32Array.of(1, -0.5, 0.25, 0, 0, 0, -1e-44, 0, 0), 3);
    expect([...new Int8Array(fromBase64(codes)!.buffer)]).toEqual([127, -64, 32, 0, 0, 0, 0, 0, 0]);
    expect([scales, dimensions]).toEqual([[Math.fround(1 / 127), 0, 0], 3]);
  });
});

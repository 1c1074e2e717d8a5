import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { StaticEncoder } from '../../../src/inference/static/static-model.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { truncate } from '../../../src/inference/unit-vectors.ts';
import { defaultModel, manifestOf } from '../../support/fixtures/default-model.ts';

const SEED = { seed: 20261124 };
const { encoder } = defaultModel;
const { dimensions, vocabularySize } = manifestOf('static');

const text = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.nat(vocabularySize - 1), { maxLength: 40 }) },
  { weight: 1, arbitrary: fc.array(fc.constant(0), { maxLength: 3 }) },
);
const texts = fc.array(text, { maxLength: 20 }).map((rows) => rows.map((ids) => Int32Array.from(ids)));
const rowOf = (vectors: Float32Array, row: number, columns: number) => vectors.subarray(row * columns, (row + 1) * columns);
const lengthOf = (vector: Float32Array) => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));

it('[M10] each text has its own unit vector, or zero without a known token, at its own index', () => {
  const seen = { unit: 0, zero: 0 };
  fc.assert(
    fc.property(texts, (rows) => {
      const vectors = encoder.embed(tokenBatch(rows));
      expect(vectors).toHaveLength(rows.length * dimensions);
      rows.forEach((ids, row) => {
        const vector = rowOf(vectors, row, dimensions);
        const known = ids.some((id) => id !== 0);
        expect(lengthOf(vector)).toBeCloseTo(known ? 1 : 0, 5);
        expect(vector).toEqual(encoder.embed(tokenBatch([ids])));
        seen[known ? 'unit' : 'zero']++;
      });
    }),
    SEED,
  );
  expect(seen.unit).toBeGreaterThan(200);
  expect(seen.zero).toBeGreaterThan(50);
});

it('[M10] tokens that cancel out give zero, not NaN', () => {
  const table = {
    dimensions: 2,
    codes: Int8Array.of(0, 0, 127, 5, -127, -5),
    scales: Float32Array.of(0, 0.5, 0.5),
    tokeniser: 'word-1',
    vocabulary: new Uint8Array(),
  };
  const tiny = new StaticEncoder({ ...manifestOf('static'), dimensions: 2 }, table);
  expect([...tiny.embed(tokenBatch([Int32Array.of(1, 2), Int32Array.of(1)]))].map((x) => Math.fround(x))).toEqual(
    [0, 0, 127 / Math.hypot(127, 5), 5 / Math.hypot(127, 5)].map(Math.fround),
  );
});

it('[M10] an id outside the vocabulary is a defect of the caller', () => {
  for (const id of [-1, vocabularySize]) expect(() => encoder.embed(tokenBatch([Int32Array.of(id)]))).toThrow('checked');
});

it('[M11] a prefix points where the vector points in those dimensions, and is a unit vector or zero', () => {
  let cut = 0;
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: dimensions }), (rows, to) => {
      const vectors = encoder.embed(tokenBatch(rows));
      const prefixes = truncate(vectors, dimensions, to);
      expect(prefixes).toHaveLength(rows.length * to);
      rows.forEach((_, row) => {
        const expected = rowOf(vectors, row, dimensions).slice(0, to);
        const length = lengthOf(expected);
        const prefix = rowOf(prefixes, row, to);
        expect(lengthOf(prefix)).toBeCloseTo(length === 0 ? 0 : 1, 5);
        prefix.forEach((x, d) => expect(x * length).toBeCloseTo(expected[d]!, 5));
        if (length > 0 && to < dimensions) cut++;
      });
    }),
    SEED,
  );
  expect(cut).toBeGreaterThan(100);
});

import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Matrix } from '../../../src/inference/build/matrix.ts';
import { multiply, rowCount, rowOf, secondMoment, quantiseRows } from '../../../src/inference/build/matrix.ts';
import { principalAxes, partialWhitening } from '../../../src/inference/build/principal-axes.ts';
import { overlapAt10, retrievalQuality } from '../../../src/inference/build/retrieval-quality.ts';
import { zipfProbabilities } from '../../../src/inference/build/build-static-model.ts';

const SEED = { seed: 20261124 };
const number = fc.double({ min: -100, max: 100, noNaN: true });

const matrices = fc
  .integer({ min: 1, max: 12 })
  .chain((columns) =>
    fc
      .array(fc.array(number, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 30 })
      .map((rows): Matrix => ({ columns, values: Float64Array.from(rows.flat()) })),
  );

const at = (matrix: Matrix, row: number, column: number) => matrix.values[row * matrix.columns + column]!;
const columnOf = (matrix: Matrix, column: number) => Float64Array.from({ length: rowCount(matrix) }, (_, row) => at(matrix, row, column));
const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);

it('[M15] principal axes are orthonormal eigenvectors in falling order with a fixed sign', () => {
  fc.assert(
    fc.property(matrices, (matrix) => {
      const moment = secondMoment(matrix);
      const { axes, variances } = principalAxes(moment);
      const scale = Math.max(1, ...variances);
      for (let k = 0; k < moment.columns; k++) {
        const axis = columnOf(axes, k);
        for (let j = 0; j <= k; j++) expect(dot(axis, columnOf(axes, j))).toBeCloseTo(j === k ? 1 : 0, 9);
        const image = columnOf(multiply(moment, { columns: 1, values: axis }), 0);
        image.forEach((x, i) => expect(Math.abs(x - variances[k]! * axis[i]!)).toBeLessThan(1e-9 * scale));
        expect(variances[k]).toBeLessThanOrEqual(variances[k - 1] ?? Infinity);
        expect(Math.max(...axis)).toBeGreaterThanOrEqual(-Math.min(...axis));
      }
    }),
    SEED,
  );
});

it('[M15] partial whitening leaves the fourth root of each variance', () => {
  const rows = Float64Array.from({ length: 400 }, (_, i) => Math.sin(i * i) * (1 + (i % 4) * 3));
  const matrix = { columns: 4, values: rows };
  const axes = principalAxes(secondMoment(matrix));
  const whitened = secondMoment(multiply(matrix, partialWhitening(axes)));
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) expect(at(whitened, i, j)).toBeCloseTo(i === j ? axes.variances[i]! ** 0.25 : 0, 9);
  }
});

it('[M15] the probabilities of all words of a language sum to 1 and fall with rank', () => {
  const words = 5000;
  const probabilities = zipfProbabilities(
    Array.from({ length: words }, (_, i) => i + 1),
    words,
  );
  expect(probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 12);
  expect(probabilities[0]! / probabilities[99]!).toBeCloseTo(100, 9);
});

it('[M16] quantising moves no number by more than half a scale', () => {
  let zeroRows = 0;
  fc.assert(
    fc.property(matrices, (matrix) => {
      const { codes, scales } = quantiseRows(matrix);
      scales.forEach((scale, r) => {
        const largest = rowOf(matrix, r).reduce((max, x) => Math.max(max, Math.abs(x)), 0);
        rowOf(matrix, r).forEach((x, d) => {
          const error = Math.abs(codes[r * matrix.columns + d]! * scale - x);
          expect(error).toBeLessThanOrEqual(0.5 * scale + largest * 1e-6 + 1e-40);
        });
        if (scale === 0) zeroRows++;
      });
    }),
    { ...SEED, examples: [[{ columns: 3, values: new Float64Array(6) }]] },
  );
  expect(zeroRows).toBeGreaterThan(0);
});

it('[M17] the quality measure counts ties against the model', () => {
  const constant = { dimensions: 1, queries: new Float64Array(40).fill(1), documents: new Float64Array(40).fill(1) };
  expect(retrievalQuality(constant).recallAt10).toBe(0);
  expect(retrievalQuality(constant).mrr).toBeCloseTo(1 / 40, 12);
  const identity = new Float64Array(40 * 40);
  for (let i = 0; i < 40; i++) identity[i * 41] = 1;
  const perfect = { dimensions: 40, queries: identity, documents: identity };
  expect(retrievalQuality(perfect)).toEqual({ recallAt10: 1, mrr: 1 });
  const mirrored = { ...perfect, documents: Float64Array.from(identity.keys(), (i) => identity[(i + 40) % 1600]!) };
  expect(overlapAt10(perfect, perfect)).toBe(1);
  expect(overlapAt10(perfect, mirrored)).toBeLessThan(1);
  const unknown = { dimensions: 1, queries: new Float64Array(3).fill(Number.NaN), documents: new Float64Array(3).fill(1) };
  expect(retrievalQuality(unknown).mrr).toBeCloseTo(1 / 3);
});

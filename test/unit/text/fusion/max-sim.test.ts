import { expect, it } from 'vitest';

import { MaxSim } from '../../../../src/text/fusion/max-sim.ts';

it('adds the best product of each token of the query [TX85]', () => {
  const similarity = new MaxSim(Float32Array.of(1, 0, 0, -1), 2);
  const document = { codes: Int8Array.of(100, 0, 0, 50, -20, -127), scales: [0.01, 0.1, 0.01] };
  expect(similarity.score(document)).toBeCloseTo(1 + 1.27, 3);
});

it('of a document without tokens, and of a query of zeros, it is 0 [TX85]', () => {
  expect(new MaxSim(Float32Array.of(1, 0), 2).score({ codes: new Int8Array(), scales: [] })).toBe(0);
  expect(new MaxSim(new Float32Array(2), 2).score({ codes: Int8Array.of(1, 2), scales: [1] })).toBe(0);
});

it('keeps sums exact at the most dimensions and the largest numbers [TX85]', () => {
  const dimensions = 1_024;
  const query = new Float32Array(9 * dimensions).fill(-1);
  const document = { codes: new Int8Array(3 * dimensions).fill(-128), scales: [0.5, 1, 0.25] };
  expect(new MaxSim(query, dimensions).score(document)).toBe(9 * 128 * dimensions);
});

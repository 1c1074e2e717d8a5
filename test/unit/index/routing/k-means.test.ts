import { expect, it } from 'vitest';

import type { Means } from '../../../../src/index/routing/k-means.ts';
import { kMeans } from '../../../../src/index/routing/k-means.ts';

const FEW = 10;
const MANY = 970;

function meansOf(values: Float32Array, dimensions: number, count: number, seed: number): Means {
  const steps = kMeans(values, dimensions, count, seed);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

it.each([1, 2, 3, 4, 5])('[RT18] means start far apart: at most one at each of many equal vectors (seed %i)', (seed) => {
  const groups = [0, 5, 9, 14].map((x) => Array.from({ length: x === 5 ? MANY : FEW }, () => x));
  const values = Float32Array.from(groups.flat().flatMap((x) => [x, 1]));
  const { centroids, counts } = meansOf(values, 2, 4, seed);
  expect(counts.toSorted((a, b) => a - b)).toEqual([FEW, FEW, FEW, MANY]);
  expect([...centroids].filter((_, i) => i % 2 === 0).toSorted((a, b) => a - b)).toEqual([0, 5, 9, 14]);
  expect(meansOf(values, 2, 9, seed).counts.length).toBe(4);
});

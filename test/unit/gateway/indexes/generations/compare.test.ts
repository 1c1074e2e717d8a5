import { expect, it } from 'vitest';

import { ndcgOf, overlapOf } from '../../../../../src/gateway/indexes/generations/compare.ts';

const FIRST = ['a', 'b', 'c', 'd'];

it('[B37] the overlap of two lists is the share of the first in the second, in any order', () => {
  expect(overlapOf(FIRST, ['d', 'c', 'b', 'a'])).toBe(1);
  expect(overlapOf(FIRST, ['a', 'x', 'b', 'y'])).toBe(0.5);
  expect(overlapOf(FIRST, [])).toBe(0);
});

it('[B37] the gain is 1 for the same order, and lower the later the best of the first list come', () => {
  expect(ndcgOf(FIRST, FIRST)).toBe(1);
  const ideal = 4 + 3 / Math.log2(3) + 2 / 2 + 1 / Math.log2(5);
  expect(ndcgOf(FIRST, ['b', 'a', 'c', 'd'])).toBeCloseTo((3 + 4 / Math.log2(3) + 2 / 2 + 1 / Math.log2(5)) / ideal, 12);
  expect(ndcgOf(FIRST, ['x', 'a'])).toBeCloseTo(4 / Math.log2(3) / ideal, 12);
  expect(ndcgOf(FIRST, ['x', 'y', 'z', 'u', 'a'])).toBe(0);
  expect(ndcgOf(FIRST, ['d', 'c', 'b', 'a'])).toBeGreaterThan(ndcgOf(FIRST, ['d', 'c', 'b', 'x']));
});

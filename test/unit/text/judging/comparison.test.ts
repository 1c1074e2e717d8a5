import { describe, expect, it } from 'vitest';

import { Seeded } from '../../../../src/kernel/seeded.ts';
import { comparePairs } from '../../../../src/text/judging/paired-comparison.ts';

const noise = (count: number, seed: number): Float64Array => {
  const rng = new Seeded(seed);
  return Float64Array.from({ length: count }, () => rng.next());
};

describe('a comparison of two settings', () => {
  const first = noise(60, 1);
  const second = first.map((value, at) => value + (at % 3 === 0 ? 0.2 : -0.05));

  it('has the difference of the means within its interval, and the opposite one with places changed [TX102]', () => {
    const { difference, pValue } = comparePairs(first, second, 7);
    expect(difference.value).toBeCloseTo((20 * 0.2 - 40 * 0.05) / 60, 12);
    expect(difference.low).toBeLessThan(difference.value);
    expect(difference.high).toBeGreaterThan(difference.value);
    const opposite = comparePairs(second, first, 7);
    expect(opposite.difference.value).toBeCloseTo(-difference.value, 12);
    expect(opposite.pValue).toBe(pValue);
  });

  it('of a setting with itself finds nothing [TX102]', () => {
    expect(comparePairs(first, first, 7)).toMatchObject({ difference: { value: 0, low: 0, high: 0 }, pValue: 1, isSignificant: false });
  });

  it('is the same with the same seed, and never certain [TX103]', () => {
    expect(comparePairs(first, second, 7)).toEqual(comparePairs(first, second, 7));
    const far = comparePairs(new Float64Array(500), new Float64Array(500).fill(1), 7);
    expect(far.pValue).toBeGreaterThan(0);
    expect(far.pValue).toBeLessThan(0.001);
  });

  it('pairs: a small gain of every query is significant where queries differ far more [TX104]', () => {
    expect(
      comparePairs(
        first,
        first.map((value) => value + 0.01),
        7,
      ).isSignificant,
    ).toBe(true);
    expect(comparePairs(new Float64Array(6), new Float64Array(6).fill(0.1), 7).isSignificant).toBe(true);
    expect(comparePairs(new Float64Array(4), new Float64Array(4).fill(0.1), 7).isSignificant).toBe(false);
  });

  it('finds noise significant in about one of twenty cases [TX104]', () => {
    const found = Array.from({ length: 200 }, (_, at) => comparePairs(noise(40, 2 * at), noise(40, 2 * at + 1), at)).filter(
      ({ isSignificant }) => isSignificant,
    );
    expect(found.length).toBeGreaterThan(2);
    expect(found.length).toBeLessThan(22);
  });

  it('refuses settings that were measured with other queries [TX102]', () => {
    expect(() => comparePairs(first, second.slice(1), 7)).toThrow('same queries');
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interestOfRepaired, interestOfTouched, multiplierOf, priorityOf } from '../../../src/debt/price.ts';
import { assessedRatio, ratingOf, SIGNAL_RATIO_MAX } from '../../../src/debt/rules/rating.ts';
import { evenSpread, productOf, quantileOf, spreadOf } from '../../../src/debt/spread.ts';
import { effort } from '../../support/fixtures/effort.ts';

const minutes = fc.double({ min: 0, max: 10_000, noNaN: true });
const runs = { numRuns: effort(200), seed: 7 };

describe('[D4] the multiplier of a rule', () => {
  it('is a range of a factor of two without closed items', () => {
    expect(multiplierOf([])).toEqual({ p10: 0.5, p50: 1, p90: 2 });
  });

  it('goes half the way to the median of ten closed items, in logarithms', () => {
    const ratios = [...Array<number>(5).fill(4), ...Array<number>(5).fill(1)];
    expect(multiplierOf(ratios).p50).toBeCloseTo(Math.sqrt(2), 10);
    expect(multiplierOf(Array<number>(10).fill(4)).p50).toBeCloseTo(2, 10);
  });

  it('stays within 1/4 and 4, and ignores what is no ratio', () => {
    expect(multiplierOf(Array<number>(1_000).fill(100))).toEqual({ p10: 4, p50: 4, p90: 4 });
    expect(multiplierOf(Array<number>(1_000).fill(0.001)).p50).toBe(0.25);
    expect(multiplierOf([0, -1, Number.NaN, Infinity])).toEqual(multiplierOf([]));
  });
});

describe('[D5] interest and priority', () => {
  it('interest is touches x minutes a change x extra time x severity, and no more than at severity 1', () => {
    const change = evenSpread(30);
    expect(interestOfTouched(2, change, 0.5).p50).toBeCloseTo(2 * 30 * 0.62 * 0.5, 10);
    expect(interestOfTouched(2, change, 0.5).p90).toBeCloseTo(2 * 30 * 1.24 * 0.5, 10);
    expect(interestOfTouched(2, change, 7)).toEqual(interestOfTouched(2, change, 1));
    expect(interestOfTouched(2, change, -1)).toEqual(evenSpread(0));
  });

  it('priority is positive exactly when a quarter of interest exceeds the principal', () => {
    expect(priorityOf(1, evenSpread(130), evenSpread(10)).p50).toBe(0);
    expect(priorityOf(1, evenSpread(26), evenSpread(4)).p50).toBeCloseTo(1, 10);
    expect(priorityOf(3, evenSpread(26), evenSpread(4)).p50).toBeCloseTo(3, 10);
    expect(priorityOf(1, evenSpread(0), evenSpread(1)).p50).toBeCloseTo(13 / 15, 10);
  });

  it('keeps percentiles in order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.001, max: 1_000, noNaN: true })), minutes, minutes, minutes, (ratios, a, b, c) => {
        const sorted = [a, b, c].sort((x, y) => x - y) as [number, number, number];
        for (const { p10, p50, p90 } of [
          multiplierOf(ratios),
          priorityOf(2, spreadOf(...sorted), interestOfTouched(a, evenSpread(b), 0.3)),
        ]) {
          expect(p10 <= p50 && p50 <= p90).toBe(true);
        }
      }),
      runs,
    );
  });

  it('[D107] multiplies ranges as those of quantities that do not depend on each other', () => {
    const both = productOf(spreadOf(50, 100, 200), spreadOf(1, 2, 4));
    expect(both.p50).toBe(200);
    // Two factors of two, each as rare as one in ten, are one of 2 ^ sqrt(2), not of 4.
    expect(both.p90 / both.p50).toBeCloseTo(2 ** Math.SQRT2, 10);
    expect(both.p50 / both.p10).toBeCloseTo(2 ** Math.SQRT2, 10);
    const even = productOf(evenSpread(3), spreadOf(1, 2, 4));
    expect([even.p10, even.p50, even.p90].map((one) => Math.round(one * 1e9) / 1e9)).toEqual([3, 6, 12]);
    expect(productOf(evenSpread(0), spreadOf(1, 2, 4))).toEqual(evenSpread(0));
    expect(interestOfRepaired(0.1, evenSpread(130), 1).p90).toBeCloseTo((0.1 * 130 * 14) / 15, 10);
  });

  it('interpolates quantiles', () => {
    expect(quantileOf([0, 10], 0.25)).toBe(2.5);
    expect(quantileOf([], 0.5)).toBeNaN();
  });
});

describe('ratings', () => {
  it('[D7] have the grid of SonarQube', () => {
    expect([0.05, 0.051, 0.1, 0.11, 0.2, 0.21, 0.5, 0.51].map(ratingOf)).toEqual(['A', 'B', 'B', 'C', 'C', 'D', 'D', 'E']);
    expect(assessedRatio([3_000], 1_000)).toBeCloseTo(0.1, 10);
    expect(assessedRatio([48], 0)).toBeCloseTo(0.1, 10);
  });

  it('[D8] never improve when a signal becomes unknown', () => {
    fc.assert(
      fc.property(fc.array(minutes, { minLength: 1 }), fc.nat(), fc.nat(100_000), (signals, at, lines) => {
        const without: (number | undefined)[] = [...signals];
        without[at % signals.length] = undefined;
        expect(assessedRatio(without, lines)).toBeGreaterThanOrEqual(assessedRatio(signals, lines) - 1e-12);
      }),
      runs,
    );
    expect(ratingOf(assessedRatio([undefined], 1_000_000))).toBe('C');
    expect(assessedRatio([1e9], 1)).toBe(SIGNAL_RATIO_MAX);
  });
});

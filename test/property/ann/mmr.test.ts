import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { compareScores, score } from '../../../src/ann/metric.ts';
import type { Candidate } from '../../../src/ann/shard/mmr.ts';
import { maximalMarginalRelevance, mmrProducts } from '../../../src/ann/shard/mmr.ts';
import { effort } from '../../support/fixtures/effort.ts';

const closeness = (metric: Metric, a: Float32Array, b: Float32Array): number => (metric === 'l2' ? -1 : 1) * score(metric, a, b);

/** The value of choosing `next` after `chosen`, by the definition. */
function worth(metric: Metric, query: Float32Array, chosen: readonly Candidate[], next: Candidate, diversity: number): number {
  const redundancy = chosen.map(({ values }) => closeness(metric, values, next.values));
  return (1 - diversity) * closeness(metric, query, next.values) - diversity * Math.max(...redundancy);
}

const candidatesOf = (metric: Metric, query: Float32Array, vectors: readonly Float32Array[]): Candidate[] =>
  vectors.map((values) => ({ values, score: score(metric, query, values) })).sort((a, b) => compareScores(metric, a.score, b.score));

const world = (component: fc.Arbitrary<number>) =>
  fc.integer({ min: 2, max: 6 }).chain((dimensions) => {
    const vector = fc
      .array(component, { minLength: dimensions, maxLength: dimensions })
      .map((values) => Float32Array.from(values))
      .filter((values) => values.some((x) => x !== 0));
    return fc.record({
      metric: fc.constantFrom(...METRICS),
      query: vector,
      vectors: fc.array(vector, { minLength: 1, maxLength: 24 }),
      count: fc.integer({ min: 1, max: 26 }),
      // In quarters, so that products with integers are exact.
      diversity: fc.integer({ min: 0, max: 4 }).map((quarters) => quarters / 4),
    });
  });

const FINE = world(fc.float({ min: -10, max: 10, noNaN: true, noDefaultInfinity: true }));
const WHOLE = world(fc.integer({ min: -3, max: 3 }));

describe('maximal marginal relevance', () => {
  it('[V152] chooses at every step a candidate of the highest value by the definition', () => {
    const seen = { reordered: 0, steps: 0 };
    fc.assert(
      fc.property(FINE, ({ metric, query, vectors, count, diversity }) => {
        const candidates = candidatesOf(metric, query, vectors);
        const positions = maximalMarginalRelevance(metric, candidates, count, diversity);
        expect(positions).toHaveLength(Math.min(count, candidates.length));
        expect(new Set(positions).size).toBe(positions.length);
        const chosen: Candidate[] = [];
        for (const position of positions) {
          const next = candidates[position];
          if (next === undefined) throw new Error('a position is that of a candidate');
          if (chosen.length > 0) {
            const others = candidates.filter((other) => !chosen.includes(other));
            const best = Math.max(...others.map((other) => worth(metric, query, chosen, other, diversity)));
            expect(worth(metric, query, chosen, next, diversity)).toBeGreaterThanOrEqual(best - 1e-9 * (1 + Math.abs(best)));
            seen.steps += 1;
          }
          chosen.push(next);
        }
        if (positions.some((position, at) => position !== at)) seen.reordered += 1;
      }),
      { seed: 152, numRuns: effort(600) },
    );
    expect(seen.reordered).toBeGreaterThan(200);
    expect(seen.steps).toBeGreaterThan(2_000);
  });

  it('[V152] chooses among candidates of equal value the one closest to the query', () => {
    let ties = 0;
    fc.assert(
      fc.property(WHOLE, ({ query, vectors, count, diversity }) => {
        // Products of small integers are exact, so ties are exact too.
        const candidates = candidatesOf('dot', query, vectors);
        const expected = [0];
        while (expected.length < Math.min(count, candidates.length)) {
          const chosen = expected.flatMap((at) => candidates[at] ?? []);
          const worths = candidates.map((next, at) => (expected.includes(at) ? -Infinity : worth('dot', query, chosen, next, diversity)));
          const best = Math.max(...worths);
          if (worths.filter((value) => value === best).length > 1) ties += 1;
          expected.push(worths.indexOf(best));
        }
        expect(maximalMarginalRelevance('dot', candidates, count, diversity)).toEqual(expected);
      }),
      { seed: 153, numRuns: effort(400) },
    );
    expect(ties).toBeGreaterThan(100);
  });

  it('[V152] is the plain ranking at diversity 0, and takes the farthest from those chosen at 1', () => {
    fc.assert(
      fc.property(FINE, ({ metric, query, vectors, count }) => {
        const candidates = candidatesOf(metric, query, vectors);
        const plain = candidates.slice(0, count).map((_, at) => at);
        expect(maximalMarginalRelevance(metric, candidates, count, 0)).toEqual(plain);
      }),
      { seed: 154, numRuns: effort(200) },
    );
    const line = candidatesOf(
      'l2',
      Float32Array.of(0, 0),
      [1, 2, 3, 10, 11].map((x) => Float32Array.of(x, 0)),
    );
    expect(maximalMarginalRelevance('l2', line, 5, 1)).toEqual([0, 4, 2, 1, 3]);
  });

  it('[V153] makes exactly as many multiplications as estimated', () => {
    let products = 0;
    const counted = (values: number[]) =>
      new Proxy(Float32Array.from(values), {
        get(target, key) {
          if (typeof key === 'string' && /^\d+$/.test(key)) products += 1;
          return Reflect.get(target, key, target) as unknown;
        },
      });
    const candidates = Array.from({ length: 9 }, (_, i) => ({ values: counted([i, 1, 2]), score: -i }));
    maximalMarginalRelevance('dot', candidates, 4, 0.5);
    expect(products / 2).toBe(mmrProducts(9, 4, 3));
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { Fusion, Leg } from '../../../src/text/fusion/fuse.ts';
import { fuse } from '../../../src/text/fusion/fuse.ts';
import { MaxSim } from '../../../src/text/fusion/max-sim.ts';

const anyLeg: fc.Arbitrary<Leg> = fc
  .record({
    found: fc.uniqueArray(fc.record({ id: fc.string({ maxLength: 3 }), score: fc.integer({ min: -50, max: 50 }) }), {
      selector: ({ id }) => id,
    }),
    weight: fc.constantFrom(0, 0.5, 1, 3),
  })
  .map(({ found, weight }) => {
    const ranked = found.toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
    return { ids: ranked.map(({ id }) => id), scores: ranked.map(({ score }) => score), weight };
  });
const anyLegs = fc.array(anyLeg, { maxLength: 4 });
const anyFusion = fc.constantFrom<Fusion>(
  { kind: 'rrf', k: 60 },
  { kind: 'rrf', k: 1 },
  { kind: 'sum', normaliser: 'min_max' },
  { kind: 'dbsf' },
  { kind: 'sum', normaliser: 'none' },
);

it('a fusion has every id once, by descending score and then by id, and agrees with its legs [TX82] [TX83]', () => {
  fc.assert(
    fc.property(anyLegs, anyFusion, (legs, fusion) => {
      const { ids, scores, ranks } = fuse(legs, fusion);
      expect(new Set(ids)).toEqual(new Set(legs.flatMap((leg) => leg.ids)));
      expect(new Set(ids).size).toBe(ids.length);
      for (let at = 1; at < ids.length; at++) {
        const isAfter = scores[at - 1]! > scores[at]! || (scores[at - 1] === scores[at] && ids[at - 1]! < ids[at]!);
        expect(isAfter, `${ids[at]} comes behind ${ids[at - 1]}`).toBe(true);
      }
      ids.forEach((id, at) => expect(legs.map((leg) => leg.ids.indexOf(id) + 1)).toEqual(ranks.map((rank) => rank[at])));
    }),
  );
});

it('one leg keeps its order under every fusion, whatever the scale of its scores [TX82]', () => {
  fc.assert(
    fc.property(anyLeg, anyFusion, fc.constantFrom(0.25, 4), fc.constantFrom(0, 64), (leg, fusion, factor, moved) => {
      fc.pre(leg.weight > 0);
      const scaled = { ...leg, scores: Array.from(leg.scores, (score) => score * factor + moved) };
      expect(fuse([scaled], fusion).ids).toEqual(leg.ids);
    }),
  );
});

it('the order of the legs does not matter where sums are exact [TX82]', () => {
  fc.assert(
    fc.property(anyLegs, (legs) => {
      const fusion: Fusion = { kind: 'sum', normaliser: 'none' };
      expect(fuse(legs.toReversed(), fusion).ids).toEqual(fuse(legs, fusion).ids);
    }),
  );
});

const anyNumbers = (count: number): fc.Arbitrary<number[]> =>
  fc.array(fc.float({ noNaN: true, min: -1, max: 1 }), { minLength: count, maxLength: count });

it('MaxSim is the sum of the greatest products, for any number of tokens on either side [TX85]', () => {
  const anyCase = fc.record({
    dimensions: fc.integer({ min: 1, max: 40 }),
    asked: fc.integer({ min: 1, max: 19 }),
    kept: fc.integer({ min: 0, max: 7 }),
  });
  fc.assert(
    fc.property(
      anyCase.chain(({ dimensions, asked, kept }) =>
        fc.record({
          dimensions: fc.constant(dimensions),
          query: anyNumbers(asked * dimensions),
          codes: fc.array(fc.integer({ min: -128, max: 127 }), { minLength: kept * dimensions, maxLength: kept * dimensions }),
          scales: fc.array(fc.double({ noNaN: true, min: 0, max: 0.1 }), { minLength: kept, maxLength: kept }),
        }),
      ),
      ({ dimensions, query, codes, scales }) => {
        const document = { codes: Int8Array.from(codes), scales };
        const [expected, bound] = naiveMaxSim(query, dimensions, document);
        const score = new MaxSim(Float32Array.from(query), dimensions).score(document);
        expect(Math.abs(score - expected)).toBeLessThanOrEqual(0.001 * bound);
      },
    ),
  );
});

/** In float64; and the most that the sums could be, which errors are measured by. */
function naiveMaxSim(query: readonly number[], dimensions: number, { codes, scales }: { codes: Int8Array; scales: readonly number[] }) {
  let [sum, bound] = [0, 0];
  if (scales.length === 0) return [0, 0] as const;
  for (let from = 0; from < query.length; from += dimensions) {
    const token = query.slice(from, from + dimensions);
    const products = scales.map((scale, at) => token.reduce((total, x, d) => total + x * codes[at * dimensions + d]! * scale, 0));
    const largest = Math.max(...token.map(Math.abs));
    const weights = scales.map((scale, at) =>
      codes.slice(at * dimensions, (at + 1) * dimensions).reduce((total, code) => total + Math.abs(code) * scale, 0),
    );
    sum += Math.max(...products);
    bound += largest * Math.max(...weights);
  }
  return [sum, bound] as const;
}

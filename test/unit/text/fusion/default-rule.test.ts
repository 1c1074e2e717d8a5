import { describe, expect, it } from 'vitest';

import { Seeded } from '../../../../src/kernel/seeded.ts';
import type { KnownLeg } from '../../../../src/text/fusion/default-rule.ts';
import { chooseFusion, EXPECTED_QUALITY } from '../../../../src/text/fusion/default-rule.ts';
import { fuse } from '../../../../src/text/fusion/fuse.ts';
import { measured } from '../../../../src/text/judging/measures.ts';

/** A leg of a hundred results whose best stand out (`steep`), or hardly do. */
const legOf = (known: Partial<KnownLeg> = {}, shape: 'steep' | 'flat' = 'steep'): KnownLeg => ({
  scores: Array.from({ length: 100 }, (_, at) => (shape === 'steep' ? 1 / (at + 1) : 1 - at / 100)),
  judged: null,
  expected: 1,
  ...known,
});
const EMPTY: KnownLeg = { scores: [], judged: 0.9, expected: 1 };

describe('the default rule', () => {
  it('weighs by judged quality to the power of 5, whatever the legs look like [TX86]', () => {
    const choice = chooseFusion([legOf({ judged: 0.6 }, 'flat'), legOf({ judged: 0.3, expected: 9 })]);
    expect(choice).toMatchObject({ fusion: { kind: 'sum', normaliser: 'min_max' }, basis: 'judged' });
    expect(choice.weights[0]! / choice.weights[1]!).toBeCloseTo(32, 9);
    expect(choice.legs).toEqual([
      { quality: 0.6, level: null },
      { quality: 0.3, level: null },
    ]);
  });

  it('weighs by expected quality and level where a leg was not judged [TX86]', () => {
    const { basis, weights, legs } = chooseFusion([legOf({ judged: 0.9 }), legOf({ expected: 0.75 }, 'flat')]);
    expect(basis).toBe('expected');
    const [steep, flat] = legs.map(({ level }) => level!);
    // Relative scores of 0 to 1 in even steps have the mean ½; ten results of the usual level draw it down.
    expect(flat).toBeCloseTo((100 * 0.5 + 10 * 0.2) / 110, 9);
    expect(weights[1]! / weights[0]!).toBeCloseTo(0.75 ** 5 * Math.exp(-6 * (flat! - steep!)), 9);
  });

  it('gives weights that add up to 1, more to better legs and to those whose best stand out [TX86] [TX87]', () => {
    const weightOf = (known: Partial<KnownLeg>, shape: 'steep' | 'flat' = 'steep'): number => {
      const { weights } = chooseFusion([legOf(), legOf(known, shape), legOf({}, 'flat')]);
      expect(weights.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 12);
      return weights[1]!;
    };
    expect(weightOf({ expected: EXPECTED_QUALITY.encoder })).toBeGreaterThan(weightOf({}));
    expect(weightOf({})).toBeGreaterThan(weightOf({}, 'flat'));
  });

  it('gives nothing to a leg judged worthless, and the same to all if every one is [TX87]', () => {
    expect(chooseFusion([legOf({ judged: 0 }), legOf({ judged: 0.2 })]).weights).toEqual([0, 1]);
    expect(chooseFusion([legOf({ judged: 0 }), legOf({ judged: 0 })]).weights).toEqual([0.5, 0.5]);
    expect(chooseFusion([EMPTY, EMPTY, EMPTY]).weights).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });

  it('leaves a leg without results out of the choice [TX88]', () => {
    expect(chooseFusion([EMPTY, legOf()])).toMatchObject({ basis: 'expected', weights: [0, 1], legs: [{ level: null }, {}] });
    expect(chooseFusion([{ ...EMPTY, judged: null }, legOf({ judged: 0.5 })])).toMatchObject({ basis: 'judged', weights: [0, 1] });
  });

  it('takes the level of few results for little [TX88]', () => {
    const levelOf = (scores: readonly number[]): number => chooseFusion([legOf({ scores }), legOf()]).legs[0]!.level!;
    expect(levelOf([7])).toBeCloseTo((1 + 2) / 11, 12);
    expect(levelOf([7, 7, 7])).toBeCloseTo((3 + 2) / 13, 12);
  });
});

/** A search of 400 documents for one that is relevant, whose score is so much higher on average than the others', which spread by 1. */
function simulatedLeg(rng: Seeded, strength: number) {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
  const scored = Array.from({ length: 400 }, (_, at) => ({ id: `d${at}`, score: normal() + (at === 0 ? strength : 0) }));
  const best = scored.toSorted((a, b) => b.score - a.score).slice(0, 100);
  return { ids: best.map(({ id }) => id), scores: best.map(({ score }) => score) };
}

describe.each([0, 1, 2, 3, 4])('beside a leg of strength %d', (first) => {
  it.each([0, 1, 2, 3, 4])('judged weights lose nothing to the better leg where the other has strength %d [TX89]', (second) => {
    const rng = new Seeded(10 * first + second);
    const queries = Array.from({ length: 300 }, () => [simulatedLeg(rng, first), simulatedLeg(rng, second)]);
    const ndcgOf = (ids: readonly string[]): number => measured(ids, new Map([['d0', 1]]), { kind: 'ndcg', k: 10 });
    const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value) / values.length;
    const alone = [0, 1].map((leg) => meanOf(queries.map((legs) => ndcgOf(legs[leg]!.ids))));
    const fused = queries.map((legs) => {
      const { fusion, weights } = chooseFusion(legs.map((leg, at) => ({ ...leg, judged: alone[at]!, expected: 1 })));
      const weighed = legs.map((leg, at) => ({ ...leg, weight: weights[at]! }));
      return ndcgOf(fuse(weighed, fusion).ids);
    });
    expect(meanOf(fused)).toBeGreaterThan(Math.max(...alone) - 0.01);
  });
});

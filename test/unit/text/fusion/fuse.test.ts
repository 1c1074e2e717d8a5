import { describe, expect, it } from 'vitest';

import type { Fusion, Leg } from '../../../../src/text/fusion/fuse.ts';
import { fuse } from '../../../../src/text/fusion/fuse.ts';

const legOf = (found: Readonly<Record<string, number>>, weight = 1): Leg => ({
  ids: Object.keys(found),
  scores: Object.values(found),
  weight,
});

const scoresOf = (legs: readonly Leg[], fusion: Fusion): Record<string, number> => {
  const { ids, scores } = fuse(legs, fusion);
  return Object.fromEntries(ids.map((id, at) => [id, scores[at]!]));
};

const WORDS = legOf({ a: 10, b: 6, c: 2 }, 2);
const VECTOR = legOf({ b: 0.9, d: 0.5 });

describe('scores of a fusion', () => {
  it('rrf adds the weighted reciprocals of ranks behind k [TX80]', () => {
    expect(scoresOf([WORDS, VECTOR], { kind: 'rrf', k: 60 })).toEqual({ b: 2 / 62 + 1 / 61, a: 2 / 61, c: 2 / 63, d: 1 / 62 });
  });

  it('sum by min_max adds where scores lie between the least and the greatest of their leg [TX80]', () => {
    expect(scoresOf([WORDS, VECTOR], { kind: 'sum', normaliser: 'min_max' })).toEqual({ a: 2, b: 2, c: 0, d: 0 });
  });

  it('dbsf adds where scores lie within three deviations of the mean of their leg [TX80]', () => {
    const scores = scoresOf([WORDS, VECTOR], { kind: 'dbsf' });
    // Mean 6 and deviation 4; mean .7 and deviation .2 * sqrt(2).
    expect(scores['a']).toBeCloseTo(2 * (0.5 + 4 / 24), 12);
    expect(scores['b']).toBeCloseTo(2 * 0.5 + 0.5 + 0.2 / (6 * 0.2 * Math.SQRT2), 12);
    expect(scores['d']).toBeCloseTo(0.5 - 0.2 / (6 * 0.2 * Math.SQRT2), 12);
  });

  it('dbsf cuts what lies beyond three deviations [TX80]', () => {
    const leg = legOf(Object.fromEntries([['far', 100], ...Array.from({ length: 30 }, (_, i) => [`near${i}`, 1])]));
    expect(scoresOf([leg], { kind: 'dbsf' })['far']).toBe(1);
  });

  it('sum by none adds scores as they are [TX80]', () => {
    expect(scoresOf([WORDS, VECTOR], { kind: 'sum', normaliser: 'none' })).toEqual({ a: 20, b: 12.9, c: 4, d: 0.5 });
  });
});

const EACH: readonly Fusion[] = [
  { kind: 'rrf', k: 60 },
  { kind: 'sum', normaliser: 'min_max' },
  { kind: 'dbsf' },
  { kind: 'sum', normaliser: 'none' },
];

describe.each(EACH)('$kind $normaliser', (fusion) => {
  it('has nothing from a leg that found nothing [TX81]', () => {
    expect(scoresOf([WORDS, legOf({}, 5), VECTOR], fusion)).toEqual(scoresOf([WORDS, VECTOR], fusion));
    expect(fuse([legOf({}), legOf({})], fusion).ids).toEqual([]);
  });

  it('orders equal scores by id, by code units [TX82]', () => {
    // A surrogate comes before U+FF5E by code units, behind it by code points.
    const [left, right] = [legOf({ '～': 1 }), legOf({ '😀': 1 })];
    expect(fuse([left, right], fusion).ids).toEqual(['😀', '～']);
    expect(fuse([right, left], fusion).ids).toEqual(['😀', '～']);
  });

  it('tells the rank of every id in every leg, 0 where it was not found [TX83]', () => {
    const { ids, ranks } = fuse([WORDS, VECTOR], fusion);
    expect(Object.fromEntries(ids.map((id, at) => [id, ranks.map((rank) => rank[at])]))).toEqual({
      a: [1, 0],
      b: [2, 1],
      c: [3, 0],
      d: [0, 2],
    });
  });

  it('puts what a leg of weight 0 alone found behind all that score [TX83]', () => {
    const { ids, scores } = fuse([legOf({ z: 3, y: 1 }, 0), legOf({ b: 3, a: 2, c: 1 }, 1)], fusion);
    expect(ids.slice(0, 2)).toEqual(['b', 'a']);
    expect(new Set(ids.slice(-2))).toEqual(new Set(['y', 'z']));
    expect(scores.at(-1)).toBe(0);
  });
});

it('documents of equal scores have equal shares: 1 by min_max, half by dbsf [TX84]', () => {
  const equal = legOf({ a: 0.1, b: 0.1, c: 0.1 }, 3);
  expect(scoresOf([equal], { kind: 'sum', normaliser: 'min_max' })).toEqual({ a: 3, b: 3, c: 3 });
  expect(scoresOf([equal], { kind: 'dbsf' })).toEqual({ a: 1.5, b: 1.5, c: 1.5 });
  expect(scoresOf([legOf({ only: 7 }, 2)], { kind: 'dbsf' })).toEqual({ only: 1 });
});

it('an id that a leg names twice, and a weight below 0, are defects [TX83]', () => {
  const twice: Leg = { ids: ['a', 'a'], scores: [2, 1], weight: 1 };
  expect(() => fuse([twice], { kind: 'sum', normaliser: 'none' })).toThrow('once');
  expect(() => fuse([legOf({ a: 1 }, -1)], { kind: 'sum', normaliser: 'none' })).toThrow('not negative');
});

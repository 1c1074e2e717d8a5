import { expect, it } from 'vitest';

import { facetOf } from '../../../../../src/gateway/vectors/plans/facets.ts';
import { fuseLegs } from '../../../../../src/gateway/vectors/plans/fuse-legs.ts';
import { ranked } from '../../../../../src/gateway/vectors/plans/ranking.ts';
import { grouped, ordered } from '../../../../../src/gateway/vectors/plans/stages/arrange.ts';
import { evaluate } from '../../../../../src/gateway/vectors/plans/stages/evaluate-formula.ts';

const RANKING = ['a', 'b', 'c', 'd'].map((id, i) => ({ id, score: 4 - i }));
const METADATA = new Map(Object.entries({ a: { n: 2 }, b: { n: 10 }, c: { n: 2 }, d: {} }));
const ids = (ranking: readonly { readonly id: string }[]) => ranking.map(({ id }) => id).join('');

it('[TX263] one leg is taken as it is, and several are merged as was asked for or by the default rule', () => {
  const leg = { kind: 'text', ranking: RANKING, weight: undefined, vectorQuality: 1.05, tunedKey: null } as const;
  expect(fuseLegs([leg], { kind: 'auto' }, null)).toMatchObject({ ranking: RANKING, decision: { fusion: null } });
  const other = { ...leg, kind: 'vector', ranking: [] } as const;
  expect(fuseLegs([leg, other], { kind: 'rrf', k: 60 }, null).decision).toMatchObject({ basis: 'asked', weights: [1, 1] });
  expect(fuseLegs([leg, other], { kind: 'auto' }, null).decision).toMatchObject({ basis: 'expected', weights: [1, 0] });
  expect(fuseLegs([{ ...leg, weight: 3 }, other], { kind: 'auto' }, null).decision.weights).toEqual([3, 0]);
  const near = (vectorQuality: number) => ({ ...leg, kind: 'vector', vectorQuality }) as const;
  const shareOf = (vectorQuality: number) => fuseLegs([leg, near(vectorQuality)], { kind: 'auto' }, null).decision.weights[1];
  expect(shareOf(1.05)).toBeGreaterThan(0.5);
  expect(shareOf(0.69)).toBeLessThan(0.25);
  const [, ofEncoder = 0, ofTable = 0] = fuseLegs([leg, near(1.05), near(0.69)], { kind: 'auto' }, null).decision.weights;
  expect(ofEncoder).toBeGreaterThan(ofTable);
});

it('[TX260] equal scores are in the order of their ids, by code units', () => {
  const matches = ['b', 'a', 'B', 'é'].map((id) => ({ id, score: 1 }));
  expect(ids(ranked([...matches, { id: 'z', score: 2 }]))).toBe('zBabé');
});

it('[TX274] a group keeps so many of each value, and all without one', () => {
  expect(ids(grouped(RANKING, { kind: 'group', by: 'n', size: 1, depth: 4 }, METADATA).ranking)).toBe('abd');
});

it('[TX275] an order is by numbers: equal ones as they were, those without one last', () => {
  const stage = { kind: 'order_by', property: 'n', depth: 4 } as const;
  expect(ids(ordered(RANKING, { ...stage, direction: 'ascending' }, METADATA))).toBe('acbd');
  expect(ids(ordered(RANKING, { ...stage, direction: 'descending' }, METADATA))).toBe('bacd');
});

it('[TX276] a facet counts a row once for each of its values', () => {
  const rows = [{ tag: ['x', 'x', 'y'] }, { tag: 'x' }, { tag: { no: 1 } }, {}];
  expect(facetOf(rows, { property: 'tag', limit: 1 })).toEqual({ property: 'tag', values: [{ value: 'x', count: 2 }], others: 1 });
});

it('[TX278] a formula is a finite number, whatever the metadata holds', () => {
  const input = { score: 2, legScore: () => 0, metadata: { at: '1970-01-01T00:00:10Z', huge: 1e308 } };
  const time = { kind: 'time', property: 'at', missing: 0 } as const;
  const decay = { of: time, origin: 0, scale: 10, at_scale: 0.25 } as const;
  expect(evaluate({ kind: 'decay_exp', ...decay }, input)).toBe(0.25);
  expect(evaluate({ kind: 'decay_gauss', ...decay, scale: 5 }, input)).toBe(0.25 ** 4);
  expect(evaluate({ kind: 'decay_linear', ...decay, scale: 1 }, input)).toBe(0);
  const huge = { kind: 'property', property: 'huge', missing: 0 } as const;
  expect(evaluate({ kind: 'product', of: [huge, huge] }, input)).toBe(Number.MAX_VALUE);
  expect(evaluate({ kind: 'max', of: [{ kind: 'score' }, { kind: 'property', property: 'at', missing: 3 }] }, input)).toBe(3);
});

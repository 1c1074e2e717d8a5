import { expect, it } from 'vitest';

import { parse } from '../../../../src/contract/api/parse.ts';
import { pointQuery } from '../../../../src/contract/qdrant/query.ts';

const valuesOf = (...values: number[]) => ({ kind: 'values', values: Float32Array.from(values) });

it.each([
  ['nothing', undefined, { kind: 'listed' }],
  ['null', null, { kind: 'listed' }],
  ['a vector', [1, 0], { kind: 'nearest', to: valuesOf(1, 0), mmr: null }],
  ['a point', 7, { kind: 'nearest', to: { kind: 'id' }, mmr: null }],
  ['what is near', { nearest: [1, 0], mmr: {} }, { kind: 'nearest', to: valuesOf(1, 0), mmr: { diversity: 0.5, candidates: null } }],
  ['examples', { recommend: { positive: [[0, 1]] } }, { kind: 'recommend', positive: [valuesOf(0, 1)], strategy: 'average_vector' }],
])('[Q40] [Q41] a query of points is %s', (_, query, read) => {
  expect(parse(pointQuery, query)).toMatchObject({ ok: true, value: read });
});

it.each([
  ['a sparse vector', { indices: [1], values: [1] }, '', 'nearest'],
  ['a sparse vector to be near to', { nearest: { indices: [1], values: [1] } }, 'nearest', 'dense vector'],
  ['a text among numbers', ['x', 1], '0', 'number'],
  ['another member beside what is near', { nearest: [1, 0], mrr: {} }, 'mrr', 'known field'],
  ['another way to use examples', { recommend: { strategy: 'best_score' } }, 'recommend.strategy', 'average_vector'],
])('[Q44] a query of points that has %s is refused for the form that was meant', (_, query, param, message) => {
  const read = parse(pointQuery, query);
  if (read.ok) throw new Error('it was taken');
  expect((read.error.path ?? []).join('.')).toBe(param);
  expect(read.error.message).toContain(message);
});

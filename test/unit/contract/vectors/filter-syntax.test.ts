import * as z from 'zod';
import { describe, expect, it } from 'vitest';

import { filter } from '../../../../src/contract/vectors/filter-syntax.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { faultOf } from '../../../support/fixtures/fault-of.ts';

const body = z.strictObject({ filter });
const many = (count: number) => Array.from({ length: count }, (_, i) => i);
const nested = (depth: number): object => many(depth).reduce<object>((inner) => ({ $not: inner }), { a: 1 });
const elements = (depth: number): object => many(depth).reduce<object>((inner) => ({ a: { $elemMatch: inner } }), { a: 1 });
const polygon = (points: number): object => ({
  a: { $geoWithin: { polygon: many(points).map((i) => ({ lat: i / 10, lon: (i % 7) / 10 })) } },
});

describe('the syntax of filters', () => {
  it.each([
    [5, 'filter'],
    [[], 'filter'],
    [{ $nor: [] }, 'filter.$nor'],
    [{ $and: [] }, 'filter.$and'],
    [{ $or: [{ a: 1 }, 3] }, 'filter.$or[1]'],
    [{ a: {} }, 'filter.a'],
    [{ a: { $regex: 'x' } }, 'filter.a.$regex'],
    [{ a: { b: 1 } }, 'filter.a.b'],
    [{ a: [1] }, 'filter.a'],
    [{ a: { $in: 1 } }, 'filter.a.$in'],
    [{ a: { $in: [1, {}] } }, 'filter.a.$in[1]'],
    [{ a: { $exists: 1 } }, 'filter.a.$exists'],
    [{ a: { $lt: true } }, 'filter.a'],
    [{ a: { $lt: 1, $gt: 'x' } }, 'filter.a'],
    [{ a: { $lt: 1, $lte: 2 } }, 'filter.a'],
    [{ a: { $lt: '2024-01-01', $gt: 'x' } }, 'filter.a'],
    [{ 'a..b': 1 }, 'filter.a..b'],
    [{ a: { $lt: Infinity } }, 'filter.a.$lt'],
    [{ $not: { $and: [{ a: 'x\0' }] } }, 'filter.$not.$and[0].a'],
    [{ a: { $empty: 1 } }, 'filter.a.$empty'],
    [{ a: { $size: -1 } }, 'filter.a.$size'],
    [{ a: { $size: 1.5 } }, 'filter.a.$size'],
    [{ a: { $size: {} } }, 'filter.a.$size'],
    [{ a: { $size: { $eq: 1 } } }, 'filter.a.$size.$eq'],
    [{ a: { $size: { $lt: 'x' } } }, 'filter.a.$size.$lt'],
    [{ a: { $size: { $lt: 1, $lte: 2 } } }, 'filter.a.$size'],
    [{ a: { $elemMatch: 3 } }, 'filter.a.$elemMatch'],
    [{ a: { $elemMatch: { $gte: 1, b: 2 } } }, 'filter.a.$elemMatch.b'],
    [{ a: { $elemMatch: { b: { $gte: true } } } }, 'filter.a.$elemMatch.b'],
    [{ a: { $elemMatch: { $id: 'x' } } }, 'filter.a.$elemMatch.$id'],
    [{ $id: {} }, 'filter.$id'],
    [{ $id: 7 }, 'filter.$id.$eq'],
    [{ $id: { $in: ['x', ''] } }, 'filter.$id.$in[1]'],
    [{ $id: { $in: 'x' } }, 'filter.$id.$in'],
    [{ $id: { $gt: 'x' } }, 'filter.$id.$gt'],
    [{ $atLeast: [{ a: 1 }] }, 'filter.$atLeast'],
    [{ $atLeast: { count: 1, of: [] } }, 'filter.$atLeast.of'],
    [{ $atLeast: { of: [{ a: 1 }] } }, 'filter.$atLeast.count'],
    [{ $atLeast: { count: 1, of: [{ a: 1 }], min: 1 } }, 'filter.$atLeast.min'],
    [{ a: { $geoWithin: 1 } }, 'filter.a.$geoWithin'],
    [{ a: { $geoWithin: { center: { lat: 91, lon: 0 }, radius_m: 1 } } }, 'filter.a.$geoWithin.center.lat'],
    [{ a: { $geoWithin: { center: { lat: 1, lon: 0 }, radius_m: -1 } } }, 'filter.a.$geoWithin.radius_m'],
    [{ a: { $geoWithin: { center: { lat: 1, lon: 0 } } } }, 'filter.a.$geoWithin.radius_m'],
    [{ a: { $geoWithin: { radius_m: 1 } } }, 'filter.a.$geoWithin.center'],
    [{ a: { $geoWithin: { top_left: { lat: 1, lon: 0 }, bottom_right: { lat: 2, lon: 0 } } } }, 'filter.a.$geoWithin'],
    [{ a: { $geoWithin: { polygon: [{ lat: 1, lon: 0 }] } } }, 'filter.a.$geoWithin.polygon'],
    [{ a: { $geoWithin: { polygon: [], radius_m: 1 } } }, 'filter.a.$geoWithin.polygon'],
  ])('[V65] refuses %j, naming the path', (written, param) => {
    expect(faultOf(parse(body, { filter: written }))).toMatchObject({ code: 'invalid_value', param });
  });

  it.each([
    ['filterDepthMax', nested(VECTOR_LIMITS.filterDepthMax - 1), nested(VECTOR_LIMITS.filterDepthMax)],
    ['filterDepthMax', { a: 1 }, nested(10_000)],
    [
      'filterConditionsMaxCount',
      { $and: many(VECTOR_LIMITS.filterConditionsMaxCount / 2 - 1).map((i) => ({ a: i })) },
      { $and: many(VECTOR_LIMITS.filterConditionsMaxCount / 2).map((i) => ({ a: i })) },
    ],
    ['filterConditionsMaxCount', {}, { $and: many(VECTOR_LIMITS.filterConditionsMaxCount).map(() => ({})) }],
    [
      'filterValuesMaxCount',
      { a: { $in: many(VECTOR_LIMITS.filterValuesMaxCount) } },
      { a: { $in: many(VECTOR_LIMITS.filterValuesMaxCount + 1) } },
    ],
    [
      'filterValuesMaxCount',
      { $id: { $in: many(VECTOR_LIMITS.filterValuesMaxCount).map(String) } },
      { $id: { $in: many(VECTOR_LIMITS.filterValuesMaxCount + 1).map(String) } },
    ],
    [
      'filterPolygonPointsMaxCount',
      polygon(VECTOR_LIMITS.filterPolygonPointsMaxCount),
      polygon(VECTOR_LIMITS.filterPolygonPointsMaxCount + 1),
    ],
    ['filterDepthMax', elements(VECTOR_LIMITS.filterDepthMax - 1), elements(VECTOR_LIMITS.filterDepthMax)],
    [
      'filterStringCharsMax',
      { a: 'x'.repeat(VECTOR_LIMITS.filterStringCharsMax) },
      { a: 'x'.repeat(VECTOR_LIMITS.filterStringCharsMax + 1) },
    ],
    [
      'filterPathCharsMax',
      { ['x'.repeat(VECTOR_LIMITS.filterPathCharsMax)]: 1 },
      { ['x'.repeat(VECTOR_LIMITS.filterPathCharsMax + 1)]: 1 },
    ],
  ])('[V65] accepts a filter that reaches %s and refuses one above it', (name, within, beyond) => {
    expect(parse(body, { filter: within })).toMatchObject({ ok: true });
    expect(parse(body, { filter: beyond })).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', message: expect.stringContaining(name) },
    });
  });
});

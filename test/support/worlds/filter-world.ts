import * as fc from 'fast-check';

import type { JsonValue } from '../../../src/contract/api/json-value.ts';

/** Filters and metadata from small value sets, so that many filters match. */

const TIMES = ['2024-01-01', '2024-01-01T00:00:00Z', '2023-12-31T23:30:00-00:30', '2024-01-01T00:00:00.001Z', '2024-02-30T00:00:00Z'];
const TEXTS = ['', 'x', 'xy', 'y', '\uffff', '😀', `long ${'z'.repeat(300)}`];
const NUMBERS = [-1, -0, 0, 0.1, 2, 1e300];

/** Points around the globe: poles, both sides of the antimeridian, some near each other, and values that are no points. */
const LATS = [-90, -12.5, 0, 52.5, 52.51, 89.9, 90];
const LONS = [-180, -179.9, 0, 13.4, 13.41, 179.9, 180];
const place = fc.record({ lat: fc.constantFrom(...LATS), lon: fc.constantFrom(...LONS) });
const noPlace = fc.constantFrom<JsonValue[]>({ lat: 91, lon: 0 }, { lat: '1', lon: 2 }, { lat: 3 });

const scalar = fc.oneof(fc.constantFrom(...NUMBERS), fc.constantFrom(...TEXTS), fc.constantFrom(...TIMES), fc.boolean(), fc.constant(null));

const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom('a.b', '', 'a\0') },
);

const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    { weight: 5, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 2, arbitrary: fc.dictionary(key, tie('value'), { maxKeys: 3 }) },
    { weight: 1, arbitrary: place },
    { weight: 1, arbitrary: noPlace },
  ),
}));

/** The id of a vector by its number; filters name such ids, some of stored vectors. */
export const idOf = (n: number): string => `v${n}`;
const id = fc.nat(30).map(idOf);

const ordinary = fc.dictionary(key, value, { maxKeys: 4 });
// An array of more values than index entries are kept for a vector.
const crowded = ordinary.map((some) => ({ ...some, crowd: Array.from({ length: 80 }, (_, i) => i) }));

export const metadataArbitrary = fc.oneof({ weight: 9, arbitrary: ordinary }, { weight: 1, arbitrary: crowded });

const path = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom('a.b', 'a.a', 'b.c', 'crowd') },
);
const ends = (of: fc.Arbitrary<JsonValue>) =>
  fc
    .record({
      low: fc.constantFrom('$gt', '$gte'),
      high: fc.constantFrom('$lt', '$lte'),
      from: of,
      to: of,
      sides: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ low, high, from, to, sides }) => ({
      ...((sides & 1) === 0 ? {} : { [low]: from }),
      ...((sides & 2) === 0 ? {} : { [high]: to }),
    }));
const range = fc.oneof(ends(fc.constantFrom(...NUMBERS)), ends(fc.constantFrom(...TEXTS)), ends(fc.constantFrom(...TIMES.slice(0, 4))));

const condition: fc.Arbitrary<JsonValue> = fc.oneof(
  scalar,
  fc.record({ op: fc.constantFrom('$eq', '$ne'), operand: scalar }).map(({ op, operand }) => ({ [op]: operand })),
  fc
    .record({ op: fc.constantFrom('$in', '$nin'), operand: fc.array(scalar, { maxLength: 3 }) })
    .map(({ op, operand }) => ({ [op]: operand })),
  range,
  fc.boolean().map((exists) => ({ $exists: exists })),
  fc.record({ wanted: range, unwanted: scalar }).map(({ wanted, unwanted }) => ({ ...wanted, $ne: unwanted })),
);

const size = fc.oneof(fc.nat(3), ends(fc.nat(3)));
const ring = fc.uniqueArray(place, { minLength: 3, maxLength: 5, selector: ({ lat, lon }) => `${lat},${lon}` });
const area: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.record({ center: place, radius_m: fc.constantFrom(0, 1500, 100_000, 5e6, 1.2e7, 3e7) }),
  fc.tuple(place, place).map(([a, b]) => ({
    top_left: { lat: Math.max(a.lat, b.lat), lon: a.lon },
    bottom_right: { lat: Math.min(a.lat, b.lat), lon: b.lon },
  })),
  fc.record({ polygon: ring, holes: fc.array(ring, { maxLength: 1 }) }),
);

const operators: fc.Arbitrary<Record<string, JsonValue>> = fc.oneof(
  fc
    .record({ op: fc.constantFrom('$in', '$nin'), operand: fc.array(scalar, { maxLength: 3 }) })
    .map(({ op, operand }) => ({ [op]: operand })),
  fc.record({ wanted: range, unwanted: scalar }).map(({ wanted, unwanted }) => ({ ...wanted, $ne: unwanted })),
  area.map((within) => ({ $geoWithin: within })),
);

const wideCondition: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 3, arbitrary: condition },
  { weight: 1, arbitrary: fc.boolean().map((empty) => ({ $empty: empty })) },
  { weight: 1, arbitrary: size.map((count) => ({ $size: count })) },
  { weight: 1, arbitrary: area.map((within) => ({ $geoWithin: within })) },
  { weight: 1, arbitrary: operators.map((of) => ({ $elemMatch: of })) },
);

const property = fc.dictionary(path, wideCondition, { minKeys: 1, maxKeys: 2 });
const named: fc.Arbitrary<Record<string, JsonValue>> = fc.oneof(
  id.map((of) => ({ $id: of })),
  fc.record({ op: fc.constantFrom('$in', '$nin'), ids: fc.array(id, { maxLength: 9 }) }).map(({ op, ids }) => ({ $id: { [op]: ids } })),
);
const some = (of: fc.Arbitrary<Record<string, JsonValue>>) => fc.array(of, { minLength: 1, maxLength: 3 });

/** Filters on elements of arrays, which cannot name ids. */
const ofElement: fc.Arbitrary<Record<string, JsonValue>> = fc.oneof(
  { weight: 3, arbitrary: property },
  { weight: 1, arbitrary: property.map((of) => ({ $not: of })) },
  { weight: 1, arbitrary: some(property).map((of) => ({ $or: of })) },
  { weight: 1, arbitrary: fc.record({ at: path, of: property }).map(({ at, of }) => ({ [at]: { $elemMatch: of } })) },
);
const nested = fc.record({ at: path, of: ofElement }).map(({ at, of }): Record<string, JsonValue> => ({ [at]: { $elemMatch: of } }));

export const filterArbitrary: fc.Arbitrary<Record<string, JsonValue>> = fc.letrec<{ filter: Record<string, JsonValue> }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    { weight: 4, arbitrary: property },
    { weight: 2, arbitrary: nested },
    { weight: 1, arbitrary: named },
    { weight: 2, arbitrary: some(tie('filter')).map((of) => ({ $and: of })) },
    { weight: 2, arbitrary: some(tie('filter')).map((of) => ({ $or: of })) },
    { weight: 2, arbitrary: fc.record({ $not: tie('filter') }) },
    { weight: 1, arbitrary: fc.record({ count: fc.nat(4), of: some(tie('filter')) }).map((of) => ({ $atLeast: of })) },
  ),
})).filter;

import * as fc from 'fast-check';

import type { JsonValue } from '../../src/contract/json-value.ts';

/** Filters and metadata that meet often, and a judge of them that shares no code with the product. */

const TIMES = ['2024-01-01', '2024-01-01T00:00:00Z', '2023-12-31T23:30:00-00:30', '2024-01-01T00:00:00.001Z', '2024-02-30T00:00:00Z'];
const TEXTS = ['', 'x', 'xy', 'y', '\uffff', '😀', `long ${'z'.repeat(300)}`];
const NUMBERS = [-1, -0, 0, 0.1, 2, 1e300];

/** Around the globe: poles, both sides of the antimeridian, a few near each other, and what is no point. */
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

/** How an id is made, and the ids that filters name: some are those of stored vectors. */
export const idOf = (n: number): string => `v${n}`;
const id = fc.nat(30).map(idOf);

const ordinary = fc.dictionary(key, value, { maxKeys: 4 });
// More values than a vector has index entries.
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

/** Filters of what is in an element: no ids. */
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

/** Whether a filter, in the syntax of users, accepts a vector. */
export function naivelyAccepts(filter: JsonValue, metadata: JsonValue, id = ''): boolean {
  return Object.entries(filter as Record<string, JsonValue>).every(([name, operand]) => {
    if (name === '$not') return !naivelyAccepts(operand, metadata, id);
    if (name === '$and') return (operand as JsonValue[]).every((part) => naivelyAccepts(part, metadata, id));
    if (name === '$or') return (operand as JsonValue[]).some((part) => naivelyAccepts(part, metadata, id));
    if (name === '$id')
      return everyOperator(typeof operand === 'string' ? { $eq: operand } : (operand as Record<string, JsonValue>), [], [id]);
    if (name === '$atLeast') {
      const { count, of } = operand as { count: number; of: JsonValue[] };
      return of.map((part) => Number(naivelyAccepts(part, metadata, id))).reduce((a, b) => a + b, 0) >= count;
    }
    const ends = flatten(metadata).flatMap(([at, item]) => (at === name ? [item] : []));
    return typeof operand === 'object' && operand !== null
      ? everyOperator(operand as Record<string, JsonValue>, ends, ends.flatMap(spread))
      : ends.flatMap(spread).includes(operand);
  });
}

/** The items of an array, those of arrays in it, and so on; what is no array by itself. */
const spread = (item: JsonValue): JsonValue[] => (Array.isArray(item) ? (item.flat(Infinity) as JsonValue[]) : [item]);

function everyOperator({ $lt, $lte, $gt, $gte, ...others }: Record<string, JsonValue>, ends: JsonValue[], found: JsonValue[]): boolean {
  const bounds = { $lt, $lte, $gt, $gte };
  const isBounded = Object.values(bounds).some((bound) => bound !== undefined);
  if (isBounded && !found.some((item) => isWithin(item, bounds))) return false;
  return Object.entries(others).every(([operator, operand]) => {
    if (operator === '$exists') return ends.length > 0 === operand;
    if (operator === '$empty') return ends.every((end) => sizeOf(end) === 0) === operand;
    if (operator === '$size') return hasSize(operand, ends);
    if (operator === '$geoWithin') return found.some((item) => isInArea(operand as Area, item));
    if (operator === '$elemMatch') return found.some((item) => isElement(operand as Record<string, JsonValue>, item));
    const wanted = operator === '$in' || operator === '$nin' ? (operand as JsonValue[]) : [operand];
    return found.some((item) => wanted.includes(item)) === (operator === '$eq' || operator === '$in');
  });
}

const hasSize = (operand: JsonValue | undefined, ends: JsonValue[]): boolean => {
  const bounds = typeof operand === 'number' ? { $gte: operand, $lte: operand } : (operand as Record<string, JsonValue>);
  return (ends.length === 0 ? [0] : ends.map(sizeOf)).some((size) => isWithin(size, bounds));
};

const sizeOf = (end: JsonValue): number => (Array.isArray(end) ? end.length : end === null ? 0 : 1);

function isElement(of: Record<string, JsonValue>, item: JsonValue): boolean {
  const isOfOperators = Object.keys(of).every((key) => key.startsWith('$') && !['$and', '$or', '$not', '$atLeast'].includes(key));
  return isOfOperators ? everyOperator(of, [item], [item]) : naivelyAccepts(of, item);
}

interface Place {
  readonly lat: number;
  readonly lon: number;
}

interface Area {
  readonly center?: Place;
  readonly radius_m?: number;
  readonly top_left?: Place;
  readonly bottom_right?: Place;
  readonly polygon?: Place[];
  readonly holes?: Place[][];
}

/** By unit vectors in space, and by winding numbers. */
function isInArea({ center, radius_m: radius, top_left: from, bottom_right: to, polygon, holes = [] }: Area, item: JsonValue): boolean {
  const { lat, lon } = (typeof item === 'object' && item !== null ? item : {}) as Partial<Record<string, JsonValue>>;
  if (typeof lat !== 'number' || typeof lon !== 'number' || Math.abs(lat) > 90 || Math.abs(lon) > 180) return false;
  if (center !== undefined) {
    const [a, b] = [inSpace(center), inSpace({ lat, lon })];
    const chord = Math.hypot(...a.map((x, at) => x - b[at]!));
    return 2 * 6_371_008.8 * Math.asin(Math.min(1, chord / 2)) <= radius!;
  }
  if (polygon !== undefined) return winds(polygon, { lat, lon }) && !holes.some((hole) => winds(hole, { lat, lon }));
  const isBetween = to!.lat <= lat && lat <= from!.lat;
  const isEast = from!.lon <= lon;
  const isWest = lon <= to!.lon;
  return isBetween && (from!.lon <= to!.lon ? isEast && isWest : isEast || isWest);
}

function inSpace({ lat, lon }: Place): [number, number, number] {
  const [phi, lambda] = [(lat * Math.PI) / 180, (lon * Math.PI) / 180];
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

/** Even or odd: the number of edges to the east, of which each holds its lower end only. */
function winds(ring: Place[], { lat, lon }: Place): boolean {
  const edges = ring.map((a, at) => [a, ring[(at + 1) % ring.length]!].sort((p, q) => p.lat - q.lat) as [Place, Place]);
  const crossed = edges.filter(
    ([low, high]) => low.lat <= lat && lat < high.lat && (lon - low.lon) * (high.lat - low.lat) < (high.lon - low.lon) * (lat - low.lat),
  );
  return crossed.length % 2 === 1;
}

function isWithin(item: JsonValue, bounds: Record<string, JsonValue | undefined>): boolean {
  const given = Object.entries(bounds).flatMap(([operator, bound]) => (bound === undefined ? [] : [{ operator, bound }]));
  const asTimes = given.every(({ bound }) => millisecondsOf(bound) !== undefined);
  return given.every(({ operator, bound }) => {
    const order = asTimes ? compare(millisecondsOf(item), millisecondsOf(bound)) : compare(item, bound);
    if (order === undefined) return false;
    return { $lt: order < 0, $lte: order <= 0, $gt: order > 0, $gte: order >= 0 }[operator];
  });
}

function compare(a: JsonValue | undefined, b: JsonValue | undefined): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return typeof a === 'string' && typeof b === 'string' ? compareTexts(a, b) : undefined;
}

/** By code points. */
function compareTexts(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => Array.from(text, (point) => (point.codePointAt(0) ?? 0).toString(16).padStart(6, '0')).join(''));
  return x === y ? 0 : x! < y! ? -1 : 1;
}

function millisecondsOf(item: JsonValue): number | undefined {
  if (typeof item !== 'string' || !/^\d{4}-\d\d-\d\d/.test(item) || item.startsWith('2024-02-30')) return undefined;
  return Date.parse(item);
}

/** Each end of each path. A key that is empty or has a dot or NUL lies on no path. */
function flatten(item: JsonValue, at = ''): [string, JsonValue][] {
  const members = spread(item).flatMap((part) =>
    typeof part === 'object' && part !== null && !Array.isArray(part) ? Object.entries(part) : [],
  );
  const reachable = members.filter(([name]) => name !== '' && !/[.\0]/.test(name));
  return [
    ...(at === '' ? [] : [[at, item] as [string, JsonValue]]),
    ...reachable.flatMap(([name, part]) => flatten(part, at === '' ? name : `${at}.${name}`)),
  ];
}

import type { JsonValue } from '../../../src/contract/api/json-value.ts';

/** Evaluates filters without sharing code with the product. */

/** Whether a filter, in the syntax of the API, accepts a vector. */
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

/** The items of an array with nested arrays flattened; anything else by itself. */
const spread = (item: JsonValue): JsonValue[] => (Array.isArray(item) ? item.flatMap(spread) : [item]);

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

/** Whether a point is in an area: circles by unit vectors in space, polygons by crossing numbers. */
function isInArea({ center, radius_m: radius, top_left: from, bottom_right: to, polygon, holes = [] }: Area, item: JsonValue): boolean {
  const { lat, lon } = (typeof item === 'object' && item !== null ? item : {}) as Partial<Record<string, JsonValue>>;
  if (typeof lat !== 'number' || typeof lon !== 'number' || Math.abs(lat) > 90 || Math.abs(lon) > 180) return false;
  if (center !== undefined) return distanceM(center, { lat, lon }) <= radius!;
  if (polygon !== undefined) return winds(polygon, { lat, lon }) && !holes.some((hole) => winds(hole, { lat, lon }));
  return from !== undefined && to !== undefined && to.lat <= lat && lat <= from.lat && isBetween(from.lon, lon, to.lon);
}

const isBetween = (west: number, lon: number, east: number): boolean =>
  west <= east ? west <= lon && lon <= east : west <= lon || lon <= east;

function distanceM(a: Place, b: Place): number {
  const from = inSpace(b);
  const chord = Math.hypot(...inSpace(a).map((x, at) => x - from[at]!));
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, chord / 2));
}

function inSpace({ lat, lon }: Place): [number, number, number] {
  const [phi, lambda] = [(lat * Math.PI) / 180, (lon * Math.PI) / 180];
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

/** Whether the number of edges to the east of the point is odd; an edge includes only its lower end. */
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

/** Compares by code points. */
function compareTexts(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => Array.from(text, (point) => (point.codePointAt(0) ?? 0).toString(16).padStart(6, '0')).join(''));
  return x === y ? 0 : x! < y! ? -1 : 1;
}

function millisecondsOf(item: JsonValue): number | undefined {
  if (typeof item !== 'string' || !/^\d{4}-\d\d-\d\d/.test(item) || item.startsWith('2024-02-30')) return undefined;
  return Date.parse(item);
}

/** The value at the end of each path. A key that is empty or contains a dot or NUL cannot be part of a path. */
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

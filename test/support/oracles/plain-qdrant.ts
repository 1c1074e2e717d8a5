import type { JsonValue } from '../../../src/contract/api/json-value.ts';

/** Evaluates Qdrant's filters as its documentation describes them, one condition at a time. */

type Fields = Readonly<Record<string, JsonValue>>;

const fieldsOf = (value: JsonValue | undefined): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
const listOf = (value: JsonValue | undefined): readonly JsonValue[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null));

export function plainlyAccepts(filter: JsonValue, payload: JsonValue, id: string): boolean {
  const { must, should, must_not: mustNot, min_should: minShould } = fieldsOf(filter);
  const holds = (condition: JsonValue) => plainlyHolds(condition, payload, id);
  const wanted = fieldsOf(minShould);
  return (
    listOf(must).every(holds) &&
    !listOf(mustNot).some(holds) &&
    (listOf(should).length === 0 || listOf(should).some(holds)) &&
    (minShould === undefined || listOf(wanted['conditions']).filter(holds).length >= Number(wanted['min_count']))
  );
}

function plainlyHolds(condition: JsonValue, payload: JsonValue, id: string): boolean {
  const fields = fieldsOf(condition);
  if ('key' in fields) return fieldHolds(fields, leavesAt(payload, textOf(fields['key'])));
  if ('is_empty' in fields) return isEmpty(leavesAt(payload, textOf(fieldsOf(fields['is_empty'])['key'])));
  if ('is_null' in fields) return hasNull(leavesAt(payload, textOf(fieldsOf(fields['is_null'])['key'])));
  if ('has_id' in fields) return listOf(fields['has_id']).some((one) => textOf(one) === id);
  if ('nested' in fields) {
    const { key, filter } = fieldsOf(fields['nested']);
    return leavesAt(payload, `${textOf(key)}[]`).some((item) => plainlyAccepts(filter ?? {}, item, id));
  }
  return plainlyAccepts(condition, payload, id);
}

/** The values at the ends of a path; an array at the end counts as one value. */
function leavesAt(value: JsonValue, path: string): JsonValue[] {
  let ends: JsonValue[] = [value];
  for (const part of path.split('.')) {
    const name = part.replace('[]', '');
    ends = ends.flatMap((end) => (Object.hasOwn(fieldsOf(end), name) ? [fieldsOf(end)[name] ?? null] : []));
    if (part.endsWith('[]')) ends = ends.flatMap((end) => (Array.isArray(end) ? end : []));
  }
  return ends;
}

const isEmpty = (leaves: readonly JsonValue[]): boolean =>
  leaves.every((leaf) => leaf === null || (Array.isArray(leaf) && leaf.length === 0));
const hasNull = (leaves: readonly JsonValue[]): boolean =>
  leaves.some((leaf) => leaf === null || (Array.isArray(leaf) && leaf.includes(null)));

function fieldHolds(fields: Fields, leaves: readonly JsonValue[]): boolean {
  const values = leaves.flatMap((leaf) => (Array.isArray(leaf) ? leaf : [leaf]));
  if ('is_empty' in fields) return isEmpty(leaves) === fields['is_empty'];
  if ('is_null' in fields) return hasNull(leaves) === fields['is_null'];
  if ('values_count' in fields) {
    const counts = leaves.map((leaf) => (leaf === null ? 0 : Array.isArray(leaf) ? leaf.length : 1));
    return (counts.length === 0 ? [0] : counts).some((count) => within(count, fieldsOf(fields['values_count']), Number));
  }
  if ('range' in fields) return values.some((value) => inRange(value, fieldsOf(fields['range'])));
  if ('geo_radius' in fields) return values.some((value) => inCircle(fieldsOf(value), fieldsOf(fields['geo_radius'])));
  if ('geo_bounding_box' in fields) return values.some((value) => inBox(fieldsOf(value), fieldsOf(fields['geo_bounding_box'])));
  const { value: wanted, any, except } = fieldsOf(fields['match']);
  if (any !== undefined) return values.some((value) => listOf(any).includes(value));
  if (except !== undefined) return values.some((value) => value !== null && !listOf(except).includes(value));
  return values.some((value) => value === wanted);
}

function within(value: number, ends: Fields, numberOf: (end: JsonValue) => number): boolean {
  return Object.entries(ends).every(([name, end]) => {
    if (end === null) return true;
    const bound = numberOf(end);
    if (name === 'lt') return value < bound;
    if (name === 'lte') return value <= bound;
    return name === 'gt' ? value > bound : value >= bound;
  });
}

function inRange(value: JsonValue, ends: Fields): boolean {
  const isOfTimes = Object.values(ends).some((end) => typeof end === 'string');
  if (!isOfTimes) return typeof value === 'number' && within(value, ends, Number);
  const at = typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : NaN;
  // A time without an offset is UTC.
  const timeOf = (end: JsonValue): number => {
    const text = textOf(end);
    return Date.parse(text.includes('T') && !/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? `${text}Z` : text);
  };
  return !Number.isNaN(at) && within(at, ends, timeOf);
}

const RADIANS = Math.PI / 180;

function inCircle({ lat, lon }: Fields, { center, radius }: Fields): boolean {
  if (typeof lat !== 'number' || typeof lon !== 'number') return false;
  const from = fieldsOf(center);
  const [latFrom, lonFrom] = [Number(from['lat']), Number(from['lon'])];
  const h =
    Math.sin(((lat - latFrom) * RADIANS) / 2) ** 2 +
    Math.cos(lat * RADIANS) * Math.cos(latFrom * RADIANS) * Math.sin(((lon - lonFrom) * RADIANS) / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(Math.min(1, h))) <= Number(radius);
}

function inBox({ lat, lon }: Fields, { top_left: from, bottom_right: to }: Fields): boolean {
  if (typeof lat !== 'number' || typeof lon !== 'number') return false;
  const [a, b] = [fieldsOf(from), fieldsOf(to)];
  const [west, east] = [Number(a['lon']), Number(b['lon'])];
  const isBetween = west <= east ? west <= lon && lon <= east : lon >= west || lon <= east;
  return lat <= Number(a['lat']) && lat >= Number(b['lat']) && isBetween;
}

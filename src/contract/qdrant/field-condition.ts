import { isRawJson } from '../../kernel/exact-json.ts';
import type { FilterCheck, FilterPlace } from '../vectors/filter-check.ts';
import { isReachable } from '../vectors/filter.ts';
import type { Bound, Condition, Filter, Interval, Scalar } from '../vectors/filter.ts';
import { readGeoArea } from '../vectors/geo-area.ts';
import { instantOf } from '../vectors/instant.ts';
import { parseJsonPath } from './json-path.ts';

/** The path of a filter that a key of Qdrant's names. Arrays are transparent, so that `[]` may stand there or not. */
export function filterPathOf(check: FilterCheck, key: unknown, at: FilterPlace): string {
  const steps = typeof key === 'string' ? parseJsonPath(key) : undefined;
  if (steps === undefined) check.refuse('must be a path into the payload', at);
  else if (steps.some((step) => typeof step === 'number'))
    check.refuse('names one item of an array: filters ask of all of them (`[]`)', at);
  const path = (steps ?? []).filter((step) => typeof step === 'string').join('.');
  const isUnreachable = steps?.some((step) => typeof step === 'string' && step.includes('.')) === true || !isReachable(path);
  if (isUnreachable) check.refuse('leads to a member that filters do not reach: its name has a dot, or the path is too long', at);
  return path;
}

const BOUNDS: readonly string[] = ['lt', 'lte', 'gt', 'gte'];

type ReadBound = (check: FilterCheck, value: unknown, at: FilterPlace) => number;

/** Reads `{lt, lte, gt, gte}`: of two ends of one side the narrower counts. Undefined when there is no end. */
export function intervalOf(check: FilterCheck, value: unknown, at: FilterPlace, read: ReadBound): Interval<number> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    check.refuse('must be an object of `lt`, `lte`, `gt` and `gte`', at);
    return undefined;
  }
  let [min, max]: (Bound<number> | undefined)[] = [];
  for (const [name, end] of Object.entries(value as Record<string, unknown>)) {
    if (end === undefined || end === null) continue;
    if (!BOUNDS.includes(name)) check.refuse(`is no end of a range: those are ${BOUNDS.join(', ')}`, [...at, name]);
    const bound = { value: read(check, end, [...at, name]), closed: name.endsWith('e') };
    if (name.startsWith('g')) min = narrower(min, bound, 1);
    else max = narrower(max, bound, -1);
  }
  if (min === undefined && max === undefined) return undefined;
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

/** Of two lower ends (`side` 1) or upper ends (-1), the one that lets less pass. */
function narrower(a: Bound<number> | undefined, b: Bound<number>, side: 1 | -1): Bound<number> {
  if (a === undefined || a.value * side < b.value * side) return b;
  if (a.value === b.value) return a.closed ? b : a;
  return a;
}

type Fields = Readonly<Record<string, unknown>>;

type ReadCondition = (check: FilterCheck, path: string, value: unknown, at: FilterPlace, key: string) => Filter;

/** What can be asked of the values at a key. */
const CONDITIONS: Readonly<Record<string, ReadCondition>> = {
  match: readMatch,
  range: readRange,
  geo_radius: (check, path, value, at) =>
    readArea(check, path, isObject(value) ? { center: value['center'], radius_m: value['radius'] } : value, at),
  geo_bounding_box: readArea,
  geo_polygon: (check, path, value, at) => readArea(check, path, polygonOf(value), at),
  values_count: readCount,
  is_empty: (check, path, value, at) => flagged(check, value, at, { kind: 'not', of: atLeastValues(path, 1) }),
  is_null: (check, path, value, at) => flagged(check, value, at, { kind: 'equals', path, values: [null] }),
};

/** Reads `{key, <condition>: ...}`; exactly one condition, as Qdrant says of several neither that all count nor that any does. */
export function readFieldCondition(check: FilterCheck, { key, ...rest }: Fields, at: FilterPlace): Filter {
  check.condition(at);
  const given = Object.entries(rest).filter(([, value]) => value !== undefined && value !== null);
  const [first] = given;
  if (first === undefined || given.length > 1) return check.refuse('must have exactly one condition besides its key', at);
  const [name, value] = first;
  const read = Object.hasOwn(CONDITIONS, name) ? CONDITIONS[name] : undefined;
  if (read === undefined) return check.refuse(`is no condition: those are ${Object.keys(CONDITIONS).join(', ')}`, [...at, name]);
  return read(check, filterPathOf(check, key, [...at, 'key']), value, [...at, name], String(key));
}

function readMatch(check: FilterCheck, path: string, value: unknown, at: FilterPlace, key: string): Filter {
  if (!isObject(value)) return check.refuse('must be an object of `value`, `any` or `except`', at);
  const [first, ...others] = Object.entries(value);
  if (first === undefined || others.length > 0) return check.refuse('must have exactly one of `value`, `any` and `except`', at);
  const [kind, operand] = first;
  const place = [...at, kind];
  switch (kind) {
    case 'value':
      return { kind: 'equals', path, values: [keyword(check, operand, place)] };
    case 'any':
      return { kind: 'equals', path, values: keywords(check, operand, place) };
    case 'except':
      return exceptOf(check, path, keywords(check, operand, place), at, key.includes('['));
    case 'text':
    case 'text_any':
    case 'phrase':
      return check.refuse('asks for words: no full text is indexed, so match by `value` or `any`', place);
    default:
      return check.refuse('is no match: those are value, any and except', place);
  }
}

/**
 * Some value is neither null nor one of these. Only where one of several values is among them, the values are looked at apart; behind an
 * array on the way there may be several, each alone at its end.
 */
function exceptOf(check: FilterCheck, path: string, values: readonly Scalar[], at: FilterPlace, hasArrays: boolean): Filter {
  for (let part = 0; part < 4; part += 1) check.condition(at);
  const excluded: Condition = { kind: 'equals', path, values: [...values, null] };
  const others: Filter = { kind: 'not', of: { kind: 'equals', path: '', values: [...values, null] } };
  return {
    kind: 'or',
    of: [
      { kind: 'and', of: [atLeastValues(path, 1), { kind: 'not', of: excluded }] },
      { kind: 'and', of: [excluded, ...(hasArrays ? [] : [atLeastValues(path, 2)]), { kind: 'element', path, of: others }] },
    ],
  };
}

const keywords = (check: FilterCheck, value: unknown, at: FilterPlace): Scalar[] => {
  if (Array.isArray(value)) return value.map((item: unknown, i) => keyword(check, item, [...at, i]));
  check.refuse('must be a list of strings or integers', at);
  return [];
};

function keyword(check: FilterCheck, value: unknown, at: FilterPlace): Scalar {
  if (isRawJson(value)) check.refuse('is a whole number beyond 2^53: payloads keep such numbers, but filters cannot distinguish them', at);
  else if (value === null) check.refuse('is null: ask with `is_null`', at);
  else return check.scalar(value, at);
  return null;
}

/** A range without ends asks for a number. */
const ANY_NUMBER: Interval<number> = { min: { value: -Number.MAX_VALUE, closed: true } };

function readRange(check: FilterCheck, path: string, value: unknown, at: FilterPlace): Filter {
  const bounds = isObject(value) ? Object.values(value).filter((bound) => bound !== undefined && bound !== null) : [];
  const isOfTimes = bounds.length > 0 && bounds.every((bound) => typeof bound === 'string');
  const interval: Interval<number> | undefined = intervalOf(check, value, at, isOfTimes ? timeOf : numberOf);
  return { kind: 'range', path, type: isOfTimes ? 'time' : 'number', interval: interval ?? ANY_NUMBER };
}

function numberOf(check: FilterCheck, value: unknown, at: FilterPlace): number {
  const read = check.scalar(isRawJson(value) ? Number(value.rawJSON) : value, at);
  if (typeof read === 'number') return read;
  check.refuse('must be a number, as all ends of the range, or all of them times', at);
  return 0;
}

function timeOf(check: FilterCheck, value: unknown, at: FilterPlace): number {
  const text = check.scalar(value, at);
  const instant = typeof text === 'string' ? instantOf(text) : undefined;
  if (instant === undefined) check.refuse('must be an RFC 3339 time', at);
  return instant ?? 0;
}

function readCount(check: FilterCheck, path: string, value: unknown, at: FilterPlace): Filter {
  const interval = intervalOf(check, value, at, countOf);
  return interval === undefined ? { kind: 'and', of: [] } : { kind: 'count', path, interval };
}

const countOf = (check: FilterCheck, value: unknown, at: FilterPlace): number => check.count(value, at);

function readArea(check: FilterCheck, path: string, value: unknown, at: FilterPlace): Filter {
  if (!isObject(value)) return check.refuse('must be an area', at);
  const area = readGeoArea(value);
  if ('kind' in area) return { kind: 'within', path, area };
  check.fault ??= { message: area.message, path: [...at, ...area.path], ...(area.maximum === undefined ? {} : { maximum: area.maximum }) };
  return { kind: 'exists', path };
}

/** Rings that return to their first point, as Qdrant's do, without that. */
function polygonOf(value: unknown): unknown {
  if (!isObject(value)) return value;
  const holes = value['interiors'];
  return { polygon: ringOf(value['exterior']), ...(Array.isArray(holes) ? { holes: holes.map(ringOf) } : {}) };
}

function ringOf(line: unknown): unknown {
  const points: unknown = isObject(line) ? line['points'] : line;
  if (!Array.isArray(points) || points.length < 4) return points;
  return JSON.stringify(points[0]) === JSON.stringify(points.at(-1)) ? points.slice(0, -1) : points;
}

const atLeastValues = (path: string, count: number): Condition => ({
  kind: 'count',
  path,
  interval: { min: { value: count, closed: true } },
});

function flagged(check: FilterCheck, value: unknown, at: FilterPlace, condition: Filter): Filter {
  if (typeof value !== 'boolean') return check.refuse('must be true or false', at);
  return value ? condition : { kind: 'not', of: condition };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

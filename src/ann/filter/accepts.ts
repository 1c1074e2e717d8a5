import type { Condition, Filter, Interval } from '../../contract/vectors/filter.ts';
import { instantOf } from '../../contract/vectors/instant.ts';
import type { JsonValue } from '../../contract/api/json-value.ts';
import { unreachable } from '../../kernel/assert.ts';
import { compareText } from '../id-order.ts';
import { isWithin, pointOf } from './geo.ts';

/** Whether a filter accepts a vector; its metadata is `{}` when it has none. */
export function accepts(filter: Filter, metadata: JsonValue, id: string): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.of.every((part) => accepts(part, metadata, id));
    case 'or':
      return filter.of.some((part) => accepts(part, metadata, id));
    case 'atLeast':
      return filter.of.filter((part) => accepts(part, metadata, id)).length >= filter.count;
    case 'not':
      return !accepts(filter.of, metadata, id);
    case 'ids':
      return isAmong(filter.ids, id);
    case 'element':
      return some(valuesAt(metadata, filter.path), (value) => !Array.isArray(value) && accepts(filter.of, value, id));
    case 'count':
      return countsIn(filter, metadata);
    case 'equals':
    case 'range':
    case 'within':
    case 'exists':
      return some(valuesAt(metadata, filter.path), (value) => meets(filter, value));
    default:
      return unreachable(filter);
  }
}

function countsIn({ path, interval }: Extract<Condition, { kind: 'count' }>, metadata: JsonValue): boolean {
  const ends = [...endsOf(metadata, path)];
  return (ends.length === 0 ? [0] : ends.map(countOf)).some((count) => numberLiesIn(interval, count));
}

/** How many values the end of a path is. */
function countOf(value: JsonValue): number {
  if (value === null) return 0;
  return Array.isArray(value) ? value.length : 1;
}

function meets(condition: Exclude<Condition, { kind: 'count' }>, value: JsonValue): boolean {
  if (condition.kind === 'exists') return true;
  if (condition.kind === 'equals') return isAmong(condition.values, value);
  if (condition.kind === 'within') {
    const point = pointOf(value);
    return point !== undefined && isWithin(condition.area, point);
  }
  if (condition.type === 'number') return typeof value === 'number' && numberLiesIn(condition.interval, value);
  if (typeof value !== 'string') return false;
  if (condition.type === 'string') return liesIn(condition.interval, value, compareText);
  const instant = instantOf(value);
  return instant !== undefined && numberLiesIn(condition.interval, instant);
}

/** Lists of filters are long, and asked for each value of each vector. */
const SCANNED_VALUES = 8;
const sets = new WeakMap<readonly JsonValue[], ReadonlySet<JsonValue>>();

function isAmong(values: readonly JsonValue[], value: JsonValue): boolean {
  if (values.length <= SCANNED_VALUES) return values.includes(value);
  const set = sets.get(values) ?? new Set(values);
  sets.set(values, set);
  return set.has(value);
}

function some(values: Iterable<JsonValue>, test: (value: JsonValue) => boolean): boolean {
  for (const value of values) if (test(value)) return true;
  return false;
}

function liesIn<T>({ min, max }: Interval<T>, value: T, compare: (a: T, b: T) => number): boolean {
  const fromMin = min === undefined ? 1 : compare(value, min.value);
  const toMax = max === undefined ? 1 : compare(max.value, value);
  return (fromMin > 0 || (fromMin === 0 && min?.closed === true)) && (toMax > 0 || (toMax === 0 && max?.closed === true));
}

export const numberLiesIn = (interval: Interval<number>, value: number): boolean => liesIn(interval, value, (a, b) => a - b);

/**
 * What metadata holds at the end of a path, arrays being transparent wherever they stand: `a.b` of `{a: [{b: [1, 2]}, {b: 3}]}` is
 * 1, 2 and 3. An empty array at the very end is yielded itself, as the only trace of the property. The empty path leads to the value.
 */
export function* valuesAt(value: JsonValue, path: string): Generator<JsonValue> {
  for (const end of endsOf(value, path)) yield* itemsOf(end);
}

/** What metadata holds at the ends of a path, arrays being transparent on the way but not there: `[1, 2]` and 3 in that example. */
export function* endsOf(value: JsonValue, path: string): Generator<JsonValue> {
  yield* follow(value, path === '' ? [] : path.split('.'), 0);
}

function* follow(value: JsonValue, parts: readonly string[], at: number): Generator<JsonValue> {
  const part = parts[at];
  if (part === undefined) yield value;
  else if (Array.isArray(value)) for (const item of value) yield* follow(item, parts, at);
  else if (typeof value === 'object' && value !== null && Object.hasOwn(value, part)) yield* follow(value[part] ?? null, parts, at + 1);
}

function* itemsOf(value: JsonValue): Generator<JsonValue> {
  if (!Array.isArray(value) || value.length === 0) yield value;
  else for (const item of value) yield* itemsOf(item);
}

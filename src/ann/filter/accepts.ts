import type { Condition, Filter } from '../../contract/filter.ts';
import { instantOf } from '../../contract/instant.ts';
import type { JsonValue } from '../../contract/json-value.ts';
import { unreachable } from '../../kernel/unreachable.ts';
import { compareText } from '../id-order.ts';
import { isWithin, pointOf } from './geo.ts';
import { liesIn, numberLiesIn } from './interval.ts';
import { endsOf, valuesAt } from './values-at.ts';

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
      return filter.ids.includes(id);
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
  if (condition.kind === 'equals') return condition.values.some((wanted) => wanted === value);
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

function some(values: Iterable<JsonValue>, test: (value: JsonValue) => boolean): boolean {
  for (const value of values) if (test(value)) return true;
  return false;
}

import type { Condition, Filter, Interval } from '../../contract/filter.ts';
import { instantOf } from '../../contract/instant.ts';
import type { JsonValue } from '../../contract/json-value.ts';
import { unreachable } from '../../kernel/unreachable.ts';
import { compareText } from './compare-text.ts';
import { valuesAt } from './values-at.ts';

/** Whether a filter accepts metadata; a vector without any has `{}`. */
export function accepts(filter: Filter, metadata: JsonValue): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.of.every((part) => accepts(part, metadata));
    case 'or':
      return filter.of.some((part) => accepts(part, metadata));
    case 'not':
      return !accepts(filter.of, metadata);
    case 'equals':
    case 'range':
    case 'exists':
      for (const value of valuesAt(metadata, filter.path.split('.'))) if (meets(filter, value)) return true;
      return false;
    default:
      return unreachable(filter);
  }
}

function meets(condition: Condition, value: JsonValue): boolean {
  if (condition.kind === 'exists') return true;
  if (condition.kind === 'equals') return condition.values.some((wanted) => wanted === value);
  if (condition.type === 'number') return typeof value === 'number' && lies(condition.interval, value, subtract);
  if (typeof value !== 'string') return false;
  if (condition.type === 'string') return lies(condition.interval, value, compareText);
  const instant = instantOf(value);
  return instant !== undefined && lies(condition.interval, instant, subtract);
}

const subtract = (a: number, b: number): number => a - b;

function lies<T>({ min, max }: Interval<T>, value: T, compare: (a: T, b: T) => number): boolean {
  const fromMin = min === undefined ? 1 : compare(value, min.value);
  const toMax = max === undefined ? 1 : compare(max.value, value);
  return (fromMin > 0 || (fromMin === 0 && min?.closed === true)) && (toMax > 0 || (toMax === 0 && max?.closed === true));
}

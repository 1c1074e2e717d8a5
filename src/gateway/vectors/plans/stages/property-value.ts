import { valuesAt } from '../../../../ann/filter/accepts.ts';
import type { JsonValue } from '../../../../contract/api/json-value.ts';
import type { Scalar } from '../../../../contract/vectors/filter.ts';

/** What a property can be counted, grouped and sorted by. */
export type PropertyValue = Exclude<Scalar, null>;

export const isPropertyValue = (value: JsonValue): value is PropertyValue => value !== null && typeof value !== 'object';

/** The first value at a path of metadata; undefined: there is none. */
export function firstValue(metadata: JsonValue, path: string): PropertyValue | undefined {
  for (const value of valuesAt(metadata, path)) if (isPropertyValue(value)) return value;
  return undefined;
}

const KINDS = ['number', 'string', 'boolean'];

/** Numbers before texts before truth values; texts by code units, false before true. */
export function compareValues(a: PropertyValue, b: PropertyValue): number {
  if (typeof a !== typeof b) return KINDS.indexOf(typeof a) - KINDS.indexOf(typeof b);
  return a < b ? -1 : Number(a > b);
}

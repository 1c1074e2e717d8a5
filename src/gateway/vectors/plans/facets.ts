import { valuesAt } from '../../../ann/filter/accepts.ts';
import type { JsonValue } from '../../../contract/api/json-value.ts';
import type { PropertyValue } from './stages/property-value.ts';
import { compareValues, isPropertyValue } from './stages/property-value.ts';

export interface Facet {
  readonly property: string;
  readonly values: readonly { readonly value: PropertyValue; readonly count: number }[];
  /** How many more values there are. */
  readonly others: number;
}

/** In how many of some rows each value of a property is, the most frequent first; equal counts in the order of the values. [TX276] */
export function facetOf(rows: Iterable<JsonValue>, { property, limit }: { readonly property: string; readonly limit: number }): Facet {
  const counts = new Map<PropertyValue, number>();
  for (const metadata of rows) {
    for (const value of new Set(valuesAt(metadata, property))) {
      if (isPropertyValue(value)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  const all = [...counts].sort(([a, countA], [b, countB]) => countB - countA || compareValues(a, b));
  return { property, values: all.slice(0, limit).map(([value, count]) => ({ value, count })), others: Math.max(0, all.length - limit) };
}

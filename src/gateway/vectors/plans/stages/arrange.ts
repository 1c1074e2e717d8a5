import type { JsonValue } from '../../../../contract/api/json-value.ts';
import type { StageOf } from '../../../../contract/vectors/plans/stages.ts';
import type { Candidates, Ranking } from '../ranking.ts';
import { pickedFrom } from '../ranking.ts';
import type { PropertyValue } from './property-value.ts';
import { compareValues, firstValue } from './property-value.ts';

type MetadataOf = ReadonlyMap<string, JsonValue>;

const valuesOf = ({ ids }: Ranking, property: string, metadata: MetadataOf): (PropertyValue | undefined)[] =>
  ids.map((id) => firstValue(metadata.get(id) ?? null, property));

/** Of each value of a property, so many of the best; those without one stay. [TX274] */
export function grouped(ranking: Ranking, { by, size }: StageOf<'group'>, metadata: MetadataOf): Candidates {
  const counts = new Map<PropertyValue, number>();
  const groups = new Map<string, PropertyValue>();
  const kept: number[] = [];
  for (const [at, value] of valuesOf(ranking, by, metadata).entries()) {
    if (value === undefined) {
      kept.push(at);
      continue;
    }
    const count = (counts.get(value) ?? 0) + 1;
    counts.set(value, count);
    if (count > size) continue;
    kept.push(at);
    groups.set(ranking.ids[at]!, value);
  }
  return { ...pickedFrom(ranking, kept), groups };
}

/** By a property; those without one last, and equal ones as they were. [TX275] */
export function ordered(ranking: Ranking, { property, direction }: StageOf<'order_by'>, metadata: MetadataOf): Ranking {
  const values = valuesOf(ranking, property, metadata);
  const sign = direction === 'ascending' ? 1 : -1;
  const order = [...values.keys()].sort((a, b) => {
    const [one, other] = [values[a], values[b]];
    if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined) || a - b;
    return sign * compareValues(one, other) || a - b;
  });
  return pickedFrom(ranking, order);
}

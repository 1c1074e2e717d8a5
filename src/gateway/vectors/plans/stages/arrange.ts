import type { JsonValue } from '../../../../contract/api/json-value.ts';
import type { StageOf } from '../../../../contract/vectors/plans/stages.ts';
import type { Ranking } from '../ranking.ts';
import type { PropertyValue } from './property-value.ts';
import { compareValues, firstValue } from './property-value.ts';
import type { Candidates } from './staged.ts';

type MetadataOf = ReadonlyMap<string, JsonValue>;

/** Of each value of a property, so many of the best; those without one stay. [TX274] */
export function grouped(ranking: Ranking, { by, size }: StageOf<'group'>, metadata: MetadataOf): Candidates {
  const counts = new Map<PropertyValue, number>();
  const groups = new Map<string, PropertyValue>();
  const kept = ranking.filter(({ id }) => {
    const value = firstValue(metadata.get(id) ?? null, by);
    if (value === undefined) return true;
    const count = (counts.get(value) ?? 0) + 1;
    counts.set(value, count);
    if (count <= size) groups.set(id, value);
    return count <= size;
  });
  return { ranking: kept, groups };
}

/** By a property; those without one last, and equal ones as they were. [TX275] */
export function ordered(ranking: Ranking, { property, direction }: StageOf<'order_by'>, metadata: MetadataOf): Ranking {
  const sign = direction === 'ascending' ? 1 : -1;
  const valued = ranking.map((match) => ({ match, value: firstValue(metadata.get(match.id) ?? null, property) }));
  const sorted = valued.sort((a, b) => {
    if (a.value === undefined || b.value === undefined) return Number(a.value === undefined) - Number(b.value === undefined);
    return sign * compareValues(a.value, b.value);
  });
  return sorted.map(({ match }) => match);
}

import type { Bound, Interval } from '../filter.ts';
import type { FilterCheck, FilterPlace } from '../filter-check.ts';

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

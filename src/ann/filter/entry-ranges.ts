import type { Condition, Interval, Scalar } from '../../contract/filter.ts';
import { unreachable } from '../../kernel/unreachable.ts';
import { boxesOf } from './geo.ts';
import { keyRanges } from './geo-cells.ts';
import type { PropertyEntry } from './property-entries.ts';

/** Neighbouring entries of the property index: of one kind at one path, with values in the interval, if there is one. */
export interface EntryRange {
  readonly path: string;
  readonly kind: PropertyEntry['kind'];
  readonly interval?: Interval<string | number>;
}

/** The ranges of entries that meet a condition, which is any of them; of points, the ranges that those are in. */
export function entryRanges(condition: Exclude<Condition, { kind: 'count' }>): EntryRange[] {
  const { path } = condition;
  switch (condition.kind) {
    case 'equals':
      return condition.values.map((value) => ({ path, ...only(value) }));
    case 'range':
      return [{ path, kind: condition.type, interval: condition.interval }];
    case 'within':
      return boxesOf(condition.area)
        .flatMap(keyRanges)
        .map(({ from, to }) => ({
          path,
          kind: 'point',
          interval: { min: { value: from, closed: true }, max: { value: to, closed: false } },
        }));
    case 'exists':
      return [...singles(path), { path, kind: 'null' }, arrays(path)];
    default:
      return unreachable(condition);
  }
}

/** Whatever is neither null nor an array. */
export const singles = (path: string): EntryRange[] => SINGLE_KINDS.map((kind) => ({ path, kind }));

const SINGLE_KINDS = ['boolean', 'number', 'string', 'object'] as const;

/** Arrays of certain lengths. */
export const arrays = (path: string, lengths?: Interval<number>): EntryRange => ({
  path,
  kind: 'array',
  ...(lengths === undefined ? {} : { interval: lengths }),
});

function only(value: Scalar): Omit<EntryRange, 'path'> {
  if (value === null) return { kind: 'null' };
  const stored = typeof value === 'boolean' ? Number(value) : value;
  const bound = { value: stored, closed: true };
  return {
    kind: typeof value === 'boolean' ? 'boolean' : typeof stored === 'number' ? 'number' : 'string',
    interval: { min: bound, max: bound },
  };
}

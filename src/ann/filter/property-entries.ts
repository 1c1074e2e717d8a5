import { isReachable } from '../../contract/vectors/filter.ts';
import type { Condition, Interval, Scalar } from '../../contract/vectors/filter.ts';
import { instantOf } from '../../contract/vectors/instant.ts';
import type { JsonValue } from '../../contract/api/json-value.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { STORABLE } from '../../contract/api/json-value.ts';
import { unreachable } from '../../kernel/assert.ts';
import { boxesOf, geoKey, keyRanges, pointOf } from './geo.ts';

/** One value at one path of a vector's metadata. */
export interface PropertyEntry {
  readonly path: string;
  /** `array` stands for an array as such, `object` for an object, `more` for what the index does not hold of a path. */
  readonly kind: 'null' | 'boolean' | 'number' | 'string' | 'time' | 'object' | 'point' | 'array' | 'more';
  /** A boolean is 0 or 1, a time its instant, a point its key, an array its length, the kinds without a value 0. */
  readonly value: string | number;
}

type Value = Omit<PropertyEntry, 'path'>;

/** Marks a vector of which any property may be missing from the index. */
const ANYTHING_MORE: PropertyEntry = { path: '', kind: 'more', value: 0 };

/**
 * The index entries of metadata: each value that a filter can reach, once. A value that is too long becomes `more` at its path, and so does
 * the mixture of arrays and other values at the ends of one path, which cannot be counted separately; metadata of too many values becomes
 * `more` at the empty path, alone.
 *
 * Entries are removed by computing them again from the metadata, so a change here needs a migration that rebuilds the index.
 */
export function propertyEntries(metadata: JsonValue): PropertyEntry[] {
  const collector = new Collector();
  collector.collect(metadata, '');
  return collector.entries();
}

class Collector {
  readonly #entries = new Map<string, PropertyEntry>();
  /** For each path, whether arrays are at its ends, or other values. */
  readonly #ends = new Map<string, 'arrays' | 'others' | 'both'>();

  entries(): PropertyEntry[] {
    return this.#isCrowded() ? [ANYTHING_MORE] : [...this.#entries.values()];
  }

  /** Takes in what is at an end of a path. */
  collect(value: JsonValue, path: string): void {
    if (this.#isCrowded()) return;
    const end = Array.isArray(value) ? 'arrays' : 'others';
    const known = this.#ends.get(path);
    this.#ends.set(path, known === undefined || known === end ? end : 'both');
    if (known !== undefined && known !== end) this.#add(path, { kind: 'more', value: 0 });
    if (Array.isArray(value)) this.#add(path, { kind: 'array', value: value.length });
    this.#items(value, path);
  }

  #items(value: JsonValue, path: string): void {
    if (this.#isCrowded()) return;
    if (Array.isArray(value)) {
      for (const item of value) this.#items(item, path);
      return;
    }
    for (const entry of valuesOf(value)) if (path !== '') this.#add(path, entry);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      const memberPath = path === '' ? key : `${path}.${key}`;
      if (!key.includes('.') && isReachable(memberPath)) this.collect(member, memberPath);
    }
  }

  #add(path: string, { kind, value }: Value): void {
    // Neither paths nor values of the index contain NUL.
    this.#entries.set(`${path}\0${kind}\0${value}`, { path, kind, value });
  }

  #isCrowded(): boolean {
    return this.#entries.size > INDEX_LIMITS.propertyEntriesMaxCount;
  }
}

/** What a value that is no array stands for itself, without what is in it. */
function valuesOf(value: JsonValue): Value[] {
  if (value === null) return [{ kind: 'null', value: 0 }];
  if (typeof value === 'boolean') return [{ kind: 'boolean', value: Number(value) }];
  // Adding 0 makes one of the two zeros.
  if (typeof value === 'number') return [{ kind: 'number', value: value + 0 }];
  if (typeof value !== 'string') {
    const point = pointOf(value);
    return [{ kind: 'object', value: 0 }, ...(point === undefined ? [] : [{ kind: 'point' as const, value: geoKey(point) }])];
  }
  if (value.length > INDEX_LIMITS.propertyStringCharsMax || !STORABLE.test(value)) return [{ kind: 'more', value: 0 }];
  const instant = instantOf(value);
  return [{ kind: 'string', value }, ...(instant === undefined ? [] : [{ kind: 'time' as const, value: instant }])];
}

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

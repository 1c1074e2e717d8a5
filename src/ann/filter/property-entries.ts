import { instantOf } from '../../contract/instant.ts';
import { isReachable } from '../../contract/filter-syntax.ts';
import type { JsonValue } from '../../contract/json-value.ts';
import { LIMITS } from '../../contract/limits.ts';
import { STORABLE } from '../../contract/vector-fields.ts';

/** One value at one path of a vector's metadata. */
export interface PropertyEntry {
  readonly path: string;
  /** `object` stands for an object or an empty array, `more` for values that the index does not hold. */
  readonly kind: 'null' | 'boolean' | 'number' | 'string' | 'time' | 'object' | 'more';
  /** A boolean is 0 or 1, a time its instant, the kinds without a value 0. */
  readonly value: string | number;
}

/** Says of a vector that any of its properties may be missing from the index. */
const ANYTHING_MORE: PropertyEntry = { path: '', kind: 'more', value: 0 };

/**
 * The index entries of metadata: each value that a filter can reach, once. A value that is too long becomes `more` at its path;
 * metadata of too many values becomes `more` at the empty path, alone.
 *
 * Entries are removed by computing them again from the metadata, so a change here needs a migration that builds the index anew.
 */
export function propertyEntries(metadata: JsonValue): PropertyEntry[] {
  const entries = new Map<string, PropertyEntry>();
  collect(metadata, '', entries);
  return entries.size > LIMITS.propertyEntriesMaxCount ? [ANYTHING_MORE] : [...entries.values()];
}

function collect(value: JsonValue, path: string, entries: Map<string, PropertyEntry>): void {
  if (entries.size > LIMITS.propertyEntriesMaxCount) return;
  for (const { kind, value: entryValue } of entriesOf(value, path)) {
    entries.set(JSON.stringify([path, kind, entryValue]), { path, kind, value: entryValue });
  }
  if (Array.isArray(value)) for (const item of value) collect(item, path, entries);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      const memberPath = path === '' ? key : `${path}.${key}`;
      if (!key.includes('.') && isReachable(memberPath)) collect(member, memberPath, entries);
    }
  }
}

/** What a value stands for itself, without what is in it. */
function entriesOf(value: JsonValue, path: string): Omit<PropertyEntry, 'path'>[] {
  if (value === null) return [{ kind: 'null', value: 0 }];
  if (typeof value === 'boolean') return [{ kind: 'boolean', value: Number(value) }];
  // Adding 0 makes one of the two zeros.
  if (typeof value === 'number') return [{ kind: 'number', value: value + 0 }];
  if (typeof value !== 'string') {
    const isTrace = Array.isArray(value) ? value.length === 0 : path !== '';
    return isTrace ? [{ kind: 'object', value: 0 }] : [];
  }
  if (value.length > LIMITS.propertyStringCharsMax || !STORABLE.test(value)) return [{ kind: 'more', value: 0 }];
  const instant = instantOf(value);
  return [{ kind: 'string', value }, ...(instant === undefined ? [] : [{ kind: 'time' as const, value: instant }])];
}

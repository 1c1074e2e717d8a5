import type { Outcome } from '../contract/api/outcome.ts';
import { FIELD_LIMITS } from '../contract/indexes/field-limits.ts';
import { refuseBeyond } from '../contract/limits/limit-refusal.ts';
import { utf8 } from '../kernel/bytes.ts';
import { ok } from '../kernel/result.ts';
import { compareText } from './id-order.ts';
import type { MetadataEdit } from './metadata-edit.ts';
import type { Vectors } from './stored-vector.ts';

/** A change of stored rows. */
export type VectorEdit =
  | MetadataEdit
  /** Gives each id a new vector, or none; metadata stays, and a text that the vector is not made of goes unless a field is made of it. */
  | ({ readonly kind: 'values' } & Vectors)
  | FieldsEdit;

/** Changes the values of fields; those that it does not name stay. */
interface FieldsEdit {
  readonly kind: 'fields';
  /** JSON text of new values by field name. */
  readonly set: string;
  /** Fields whose values go. */
  readonly unset: readonly string[];
}

const ID_CHARS_SHOWN = 64;

/**
 * What a row holds in its fields after a change, in the order of their names as `contents` always is; null where nothing is left. Refuses with
 * `limit_exceeded`, naming the row.
 */
export function editedContents(id: string, before: string | null, { set, unset }: FieldsEdit): Outcome<string | null> {
  const values = Object.entries({ ...parsed(before), ...parsed(set) }).filter(([name]) => !unset.includes(name));
  if (values.length === 0) return ok(null);
  // As text, for an object has names that are numbers first.
  const members = values.sort(([a], [b]) => compareText(a, b)).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const contents = `{${members.join(',')}}`;
  const bytes = utf8(contents).length;
  if (bytes <= FIELD_LIMITS.rowFieldsBytesMax) return ok(contents);
  const what = `the fields of ${JSON.stringify(id.slice(0, ID_CHARS_SHOWN))} take ${bytes} bytes then`;
  return refuseBeyond({ path: ['set'], limit: 'rowFieldsBytesMax', value: bytes, what });
}

/** Stored, and sent, only after it was validated. */
const parsed = (json: string | null): Readonly<Record<string, unknown>> =>
  json === null ? {} : (JSON.parse(json) as Readonly<Record<string, unknown>>);

import type { FieldPath } from '../contract/api/field-path.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { FIELD_LIMITS } from '../contract/indexes/field-limits.ts';
import { refuseBeyond } from '../contract/limits/limit-refusal.ts';
import { VECTOR_LIMITS } from '../contract/vectors/vector-limits.ts';
import { utf8 } from '../kernel/bytes.ts';
import { ok } from '../kernel/result.ts';
import { compareText } from './id-order.ts';
import type { MetadataEdit } from './metadata-edit.ts';
import type { Vectors } from './stored-vector.ts';
import { vectorsAt } from './stored-vector.ts';

/** A change of stored rows. */
export type VectorEdit =
  | MetadataEdit
  /** Gives each id a new vector, or none; metadata stays, and a text that the vector is not made of goes unless a field is made of it. */
  | ({ readonly kind: 'values' } & Vectors)
  | ({ readonly kind: 'fields' } & FieldsEdit)
  /** As `fields`, one change an id. */
  | { readonly kind: 'each_fields'; readonly edits: readonly FieldsEdit[] };

/** Changes the values of fields; those that it does not name stay. */
export interface FieldsEdit {
  /** JSON text of new values by field name. */
  readonly set: string;
  /** Fields whose values go. */
  readonly unset: readonly string[];
}

const ID_CHARS_SHOWN = 64;

/** How many of the ids of a change, from the one at `from`, one slice takes, by what is read of them and by what they become; one at least. */
export function sliceCountOf(edit: VectorEdit, from: number, count: number, dimensions: number): number {
  const floatsMaxCount = Math.floor(VECTOR_LIMITS.patchSliceFloatsMaxCount / dimensions);
  const countMax = Math.min(count - from, Math.max(1, Math.min(VECTOR_LIMITS.patchSliceMaxCount, floatsMaxCount)));
  let bytes = 0;
  for (let taken = 0; taken < countMax; taken += 1) {
    bytes += setBytes(edit, from + taken);
    if (bytes > VECTOR_LIMITS.upsertSliceBytesMax && taken > 0) return taken;
  }
  return countMax;
}

/** What a change holds of `count` of its ids, from the one at `from`. It owns its buffer: RPC ships all of it. */
export function sliceOf(edit: VectorEdit, from: number, count: number, dimensions: number): VectorEdit {
  if (edit.kind === 'each_fields') return { ...edit, edits: edit.edits.slice(from, from + count) };
  if (edit.kind !== 'values') return edit;
  const places = Array.from({ length: count }, (_, i) => from + i);
  return { kind: 'values', ...vectorsAt(edit, places, dimensions) };
}

/** About what the change writes of one id, two bytes a character. */
function setBytes(edit: VectorEdit, at: number): number {
  if (edit.kind === 'fields') return 2 * edit.set.length;
  return edit.kind === 'each_fields' ? 2 * (edit.edits[at]?.set.length ?? 0) : 0;
}

/**
 * What a row holds in its fields after a change, in the order of their names as `contents` always is; null where nothing is left. Refuses with
 * `limit_exceeded`, naming the row. `at`: where the change stands in the request.
 */
export function editedContents(id: string, before: string | null, { set, unset }: FieldsEdit, at: FieldPath): Outcome<string | null> {
  const values = Object.entries({ ...parsed(before), ...parsed(set) }).filter(([name]) => !unset.includes(name));
  if (values.length === 0) return ok(null);
  // As text, for an object has names that are numbers first.
  const members = values.sort(([a], [b]) => compareText(a, b)).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const contents = `{${members.join(',')}}`;
  const bytes = utf8(contents).length;
  if (bytes <= FIELD_LIMITS.rowFieldsBytesMax) return ok(contents);
  const what = `the fields of ${JSON.stringify(id.slice(0, ID_CHARS_SHOWN))} take ${bytes} bytes then`;
  return refuseBeyond({ path: at, limit: 'rowFieldsBytesMax', value: bytes, what });
}

/** Stored, and sent, only after it was validated. */
const parsed = (json: string | null): Readonly<Record<string, unknown>> =>
  json === null ? {} : (JSON.parse(json) as Readonly<Record<string, unknown>>);

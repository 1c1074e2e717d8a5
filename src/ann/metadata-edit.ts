import { refusalAt, withDetail } from '../contract/api/errors.ts';
import type { JsonValue } from '../contract/api/json-value.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { parse } from '../contract/api/parse.ts';
import { metadata as metadataSchema } from '../contract/vectors/vector-fields.ts';
import { isRawJson, parseExactJson } from '../kernel/exact-json.ts';
import { err, ok } from '../kernel/result.ts';
import { unreachable } from '../kernel/assert.ts';

/** A step into a JSON value: to a member, to an item by its index, or to every item (null). */
export type PathStep = string | number | null;

/** A change of the metadata of vectors. */
export type MetadataEdit =
  /** Sets members of the object at a path: those of `fields`, which is a JSON object as text. Any other value there is replaced by an object. */
  | { readonly kind: 'set'; readonly at: readonly PathStep[]; readonly fields: string }
  /** Removes the values at some paths. */
  | { readonly kind: 'unset'; readonly paths: readonly (readonly PathStep[])[] }
  | { readonly kind: 'replace'; readonly metadata: string | null };

type JsonObject = { [key: string]: JsonValue };

/** Metadata as it is after an edit. Whole numbers keep all of their digits. */
export function editMetadata(metadata: string | null, edit: MetadataEdit): JsonValue {
  switch (edit.kind) {
    case 'set':
      return mergeAt(parsed(metadata), edit.at, parsed(edit.fields) as JsonObject);
    case 'unset':
      return metadata === null ? null : edit.paths.reduce(removeAt, parsed(metadata));
    case 'replace':
      return parsed(edit.metadata);
    default:
      return unreachable(edit);
  }
}

const parsed = (json: string | null): JsonValue => (json === null ? null : (parseExactJson(json) as JsonValue));

function mergeAt(value: JsonValue, [step, ...rest]: readonly PathStep[], fields: JsonObject): JsonValue {
  if (step === undefined) return isObject(value) ? withMembers(value, Object.entries(fields)) : fields;
  if (typeof step !== 'string') return mapItems(value, step, (item) => mergeAt(item, rest, fields));
  const parent = isObject(value) ? value : {};
  // [Q83] Behind what is not there, there are no items to change.
  if (!Object.hasOwn(parent, step) && rest.some((later) => typeof later !== 'string')) return value;
  return withMembers(parent, [[step, mergeAt(memberOf(parent, step), rest, fields)]]);
}

function removeAt(value: JsonValue, [step, ...rest]: readonly PathStep[]): JsonValue {
  if (step === undefined) return value;
  if (rest.length === 0 && Array.isArray(value) && typeof step !== 'string') return value.filter((_, at) => step !== null && at !== step);
  if (typeof step !== 'string') return mapItems(value, step, (item) => removeAt(item, rest));
  if (!isObject(value) || !Object.hasOwn(value, step)) return value;
  if (rest.length > 0) return withMembers(value, [[step, removeAt(memberOf(value, step), rest)]]);
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== step));
}

/** Of an array, the item at an index changed, or every item; any other value unchanged. */
const mapItems = (value: JsonValue, place: number | null, change: (item: JsonValue) => JsonValue): JsonValue =>
  Array.isArray(value) ? value.map((item, at) => (place === null || place === at ? change(item) : item)) : value;

/** Defines each member as the object's own, `__proto__` too. */
const withMembers = (value: JsonObject, members: readonly (readonly [string, JsonValue])[]): JsonObject =>
  Object.fromEntries([...Object.entries(value), ...members]);

const memberOf = (value: JsonObject, key: string): JsonValue => (Object.hasOwn(value, key) ? (value[key] ?? null) : null);

const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJson(value);

const ID_CHARS_SHOWN = 64;

/** The metadata of a vector after an edit. Refuses what would outgrow a limit, naming the vector. */
export function editedMetadata(id: string, before: string | null, edit: MetadataEdit): Outcome<string | null> {
  const after = editMetadata(before, edit);
  if (after === null) return ok(null);
  const checked = parse(metadataSchema, after);
  if (checked.ok) return checked;
  // The metadata was made here: no schema of the request refused it.
  const { schema: _, ...error } = checked.error;
  return err(withDetail(refusalAt(error, ['metadata']), `it is that of ${JSON.stringify(id.slice(0, ID_CHARS_SHOWN))}`));
}

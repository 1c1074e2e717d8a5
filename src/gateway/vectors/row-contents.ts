import type { IndexField, IndexFields } from '../../contract/indexes/index-fields.ts';
import { FIELD_LIMITS } from '../../contract/indexes/field-limits.ts';
import { closestTo } from '../../contract/api/closest-word.ts';
import { withSuggestion } from '../../contract/api/errors.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { FieldValue, FieldValues } from '../../contract/vectors/field-values.ts';
import { encodeFloats } from '../../ann/float32.ts';
import { toBase64, utf8 } from '../../kernel/bytes.ts';
import { err, ok } from '../../kernel/result.ts';

/** The field of an index that has this name. Names of every object's own, such as `constructor`, are names like others. */
export const fieldNamed = (fields: IndexFields | undefined, name: string): IndexField | undefined =>
  fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;

/** Whether a value is a text that a model makes numbers of. */
export const isEncoded = (field: IndexField, value: FieldValue): value is Extract<FieldValue, { readonly kind: 'text' }> =>
  field.kind !== 'text' && value.kind === 'text';

/** Refuses values that do not fit the fields of an index, naming the first. [TX233] `at`: where they stand in the request. */
export function checkFieldValues(fields: IndexFields | undefined, values: FieldValues, at: FieldPath): Outcome<null> {
  // What is yet to be encoded is measured once it is.
  let isWhole = true;
  for (const [name, value] of values) {
    const field = fieldNamed(fields, name);
    isWhole &&= field === undefined || !isEncoded(field, value);
    const fits = field === undefined ? unknownField(fields, name, [...at, name]) : checkValue(field, value, [...at, name]);
    if (!fits.ok) return fits;
  }
  return isWhole ? checkSize(contentsText(values), at) : ok(null);
}

/** Refuses a field that cannot be taken from rows. `at`: its name's place in the request. */
export function checkUnset(fields: IndexFields | undefined, name: string, at: FieldPath): Outcome<null> {
  const field = fieldNamed(fields, name);
  if (field === undefined) return unknownField(fields, name, at);
  return field.kind === 'text' && field.source === 'text' ? refuse('invalid_value', OF_THE_TEXT, at) : ok(null);
}

const OF_THE_TEXT = "is made of the row's own `text`: give that instead";

/** `at`: where the field is named. */
function unknownField(fields: IndexFields | undefined, name: string, at: FieldPath) {
  const names = Object.keys(fields ?? {});
  const has = names.length === 0 ? 'has none' : `has ${names.map((one) => JSON.stringify(one)).join(', ')}`;
  const { error } = refuse('invalid_value', `is no field of the index, which ${has}`, at);
  return err(withSuggestion(error, closestTo(name, names)));
}

/** What the values of fields are called that are none of texts. */
const NUMBERS = { sparse: 'a sparse vector {indices, values}', multi_vector: 'an array of vectors', vector: 'a vector' } as const;

function checkValue(field: IndexField, value: FieldValue, at: FieldPath): Outcome<null> {
  if (field.kind === 'text') {
    if (field.source === 'text') return refuse('invalid_value', OF_THE_TEXT, at);
    return value.kind === 'text' ? ok(null) : refuse('invalid_value', 'must be a text', at);
  }
  if (value.kind === 'text') {
    return field.model === null
      ? refuse('invalid_value', `must be ${NUMBERS[field.kind]}: the field names no model that encodes texts`, at)
      : ok(null);
  }
  if (value.kind !== field.kind) return refuse('invalid_value', `must be ${NUMBERS[field.kind]}`, at);
  if (hasDimensions(field, value)) return ok(null);
  const what = value.kind === 'multi_vector' ? `vectors of ${value.dimensions}` : String(dimensionsOf(value));
  return refuse('dimension_mismatch', `has ${what} numbers; the field has ${dimensionsOf(field)} dimensions`, at);
}

function dimensionsOf(of: IndexField | FieldValue): number | undefined {
  if ('dimensions' in of) return of.dimensions;
  return 'vector' in of ? of.vector.length : undefined;
}

/** Whether a value has the dimensions of a field of its kind, if that has any. */
export const hasDimensions = (field: IndexField, value: FieldValue): boolean => dimensionsOf(field) === dimensionsOf(value);

const UNIT_BYTES_MAX = 3;

/** Refuses what a row cannot hold. */
export function checkSize(contents: string, at: FieldPath): Outcome<null> {
  const { rowFieldsBytesMax: bytesMax } = FIELD_LIMITS;
  // A UTF-16 unit is one to three bytes: hardly any text has to be encoded.
  if (UNIT_BYTES_MAX * contents.length <= bytesMax) return ok(null);
  const bytes = contents.length > bytesMax ? contents.length : utf8(contents).length;
  if (bytes <= bytesMax) return ok(null);
  const what = `takes ${bytes} bytes or more as JSON`;
  return refuseBeyond({ path: at, limit: 'rowFieldsBytesMax', value: bytes, what, advice: 'give the row fewer or shorter fields' });
}

/** What a row holds in its fields: JSON of their values by name, in the order of names, so that equal values are equal texts. */
export function contentsText(values: ReadonlyMap<string, FieldValue>): string {
  const members = [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(kept(value))}`);
  return `{${members.join(',')}}`;
}

function kept(value: FieldValue): unknown {
  if (value.kind === 'text') return value.text;
  const source = value.text === undefined ? {} : { text: value.text };
  if (value.kind === 'vector') return { vector: toBase64(encodeFloats(value.vector)), ...source };
  return value.kind === 'sparse'
    ? { indices: value.indices, values: value.values, ...source }
    : { codes: value.codes, scales: value.scales, ...source };
}

/** Characters that the values of fields take, at most a few off: of a number as many as most have. */
export function valuesChars(values: FieldValues | undefined): number {
  let chars = 0;
  for (const [name, value] of values ?? []) {
    chars += name.length + (value.text?.length ?? 0);
    if (value.kind === 'sparse') chars += 2 * NUMBER_CHARS * value.indices.length;
    else if (value.kind === 'vector') chars += NUMBER_CHARS * value.vector.length;
    else if (value.kind === 'multi_vector') chars += value.codes.length + NUMBER_CHARS * value.scales.length;
  }
  return chars;
}

const NUMBER_CHARS = 12;

import type { IndexFields, MultiVectorField } from '../../contract/indexes/index-fields.ts';
import { FIELD_LIMITS } from '../../contract/indexes/field-limits.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { FieldValue, FieldValues } from '../../contract/vectors/field-values.ts';
import { quantiseTokens } from '../../contract/vectors/token-codes.ts';
import { sparseVector } from '../../inference/served/sparse-rows.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { RowText } from '../embeddings/embedded-portions.ts';
import type { EmbedTexts, TextEmbedder } from '../embeddings/text-embedder.ts';
import type { EncodedField } from './encode-texts.ts';
import { encodeTexts } from './encode-texts.ts';
import { checkFieldValues, checkSize, contentsText, isEncoded } from './row-contents.ts';
import type { EmbeddedPoints } from './vector-space.ts';
import { bothEmbedded, NOTHING_EMBEDDED } from './vector-space.ts';

/** A row whose fields are written. */
export interface FieldRow {
  readonly fields?: FieldValues | undefined;
  /** Where they stand in the request. */
  readonly at: FieldPath;
}

/** Who encodes, and how. */
export type FieldEncoding = Pick<EmbedTexts, 'principal' | 'authority' | 'reserve' | 'isTruncating'>;

/** What rows hold in their fields, one text or null a row; absent: none holds anything. */
export interface RowsContents extends EmbeddedPoints {
  readonly contents?: readonly (string | null)[];
}

/** Turns what users send for fields into what rows of an index hold: texts of fields that are none of texts by the field's model. */
export class FieldSpace {
  readonly #embedder: TextEmbedder;

  constructor(embedder: TextEmbedder) {
    this.#embedder = embedder;
  }

  /** Refuses what `contentsOf` refuses before it encodes anything. */
  check(fields: IndexFields | undefined, rows: readonly FieldRow[]): Outcome<null> {
    for (const { fields: values, at } of rows) {
      const fits = values === undefined ? ok(null) : checkFieldValues(fields, values, at);
      if (!fits.ok) return fits;
    }
    return ok(null);
  }

  /** Refuses as `check` and as the embedder does, naming the row's field, and with `limit_exceeded` what is too large. */
  async contentsOf(encoding: FieldEncoding, fields: IndexFields | undefined, rows: readonly FieldRow[]): Promise<Outcome<RowsContents>> {
    const fits = this.check(fields, rows);
    if (!fits.ok) return fits;
    if (fields === undefined || rows.every(({ fields: values }) => values === undefined || values.size === 0)) return ok(NOTHING_EMBEDDED);
    const values = rows.map(({ fields: given }) => new Map(given));
    let used = NOTHING_EMBEDDED;
    for (const [name, field] of Object.entries(fields)) {
      if (field.kind === 'text' || field.model === null) continue;
      const encoded = await this.#encode(encoding, name, field, rows, values);
      if (!encoded.ok) return encoded;
      used = bothEmbedded(used, encoded.value);
    }
    const contents: (string | null)[] = [];
    for (const [row, given] of values.entries()) {
      const text = given.size === 0 ? null : contentsText(given);
      const isHeld = text === null ? ok(null) : checkSize(text, must(rows[row], 'values are of rows').at);
      if (!isHeld.ok) return isHeld;
      contents.push(text);
    }
    return ok({ ...used, contents });
  }

  /** Puts what the field's model makes of the texts of the rows in their place. */
  async #encode(
    encoding: FieldEncoding,
    name: string,
    field: EncodedField,
    rows: readonly FieldRow[],
    values: readonly Map<string, FieldValue>[],
  ): Promise<Outcome<EmbeddedPoints>> {
    const texts: RowText[] = [];
    for (const [row, given] of values.entries()) {
      const value = given.get(name);
      if (value !== undefined && isEncoded(field, value)) texts.push({ row, text: value.text });
    }
    const pathOf = (row: number): FieldPath => [...must(rows[row], 'texts are of rows').at, name];
    return encodeTexts(this.#embedder, { ...encoding, use: 'items' }, { field, texts, pathOf }, (row, made) => {
      const given = must(values[row], 'texts are of rows');
      const text = must(given.get(name)?.text, 'a text was encoded');
      const value = madeValue(field, made, text, pathOf(row));
      if (value.ok) given.set(name, value.value);
      return value;
    });
  }
}

function madeValue(field: EncodedField, made: Float32Array<ArrayBuffer>, text: string, path: FieldPath): Outcome<FieldValue> {
  if (field.kind === 'vector') return ok({ kind: 'vector', vector: made, text });
  return field.kind === 'sparse' ? sparseOf(made, text, path) : tokensOf(made, field, text, path);
}

function sparseOf(row: Float32Array<ArrayBuffer>, text: string, path: FieldPath): Outcome<FieldValue> {
  const { indices, values } = sparseVector(row);
  const count = indices.length;
  if (count > FIELD_LIMITS.sparseNumbersMaxCount)
    return refuseBeyond({ path, limit: 'sparseNumbersMaxCount', value: count, what: `becomes a sparse vector of ${count} numbers` });
  return ok({ kind: 'sparse', indices, values: [...values], text });
}

function tokensOf(row: Float32Array, { dimensions }: MultiVectorField, text: string, path: FieldPath): Outcome<FieldValue> {
  const count = row.length;
  if (count > FIELD_LIMITS.multiVectorNumbersMaxCount)
    return refuseBeyond({ path, limit: 'multiVectorNumbersMaxCount', value: count, what: `becomes vectors of ${count} numbers` });
  return ok({ kind: 'multi_vector', ...quantiseTokens(row, dimensions), text });
}

import type { VectorColumns } from '../../../ann/shard-protocol.ts';
import type { IndexField } from '../../../contract/indexes/index-fields.ts';
import type { FieldValue, FieldValues } from '../../../contract/vectors/field-values.ts';
import { readFieldValues } from '../../../contract/vectors/field-values.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { assert } from '../../../kernel/assert.ts';
import { contentsText, fieldNamed, hasDimensions, isEncoded } from '../../vectors/row-contents.ts';

interface Carrying {
  readonly from: Pick<IndexManifest, 'fields'>;
  readonly to: Pick<IndexManifest, 'fields'>;
}

/** Whether rows of both generations hold the same in their fields. */
export const takesContents = ({ from, to }: Carrying): boolean => JSON.stringify(from.fields ?? {}) === JSON.stringify(to.fields ?? {});

/**
 * What a row of one generation brings into the fields of another: the values of fields that both have, and the texts of those that another model
 * makes numbers of there. Numbers of a model that the other generation does not have mean nothing there, and are left behind. [TX246]
 */
export function carriedValues({ from, to }: Carrying, contents: string | null): FieldValues {
  const carried = new Map<string, FieldValue>();
  for (const [name, value] of valuesOf(contents)) {
    const field = fieldNamed(to.fields, name);
    const given = field === undefined ? undefined : carriedValue(fieldNamed(from.fields, name), field, value);
    if (given !== undefined) carried.set(name, given);
  }
  return carried;
}

function carriedValue(before: IndexField | undefined, field: IndexField, value: FieldValue): FieldValue | undefined {
  if (field.kind === 'text') return value.kind === 'text' && field.source === 'field' ? value : undefined;
  const isSameModel =
    before !== undefined && before.kind === field.kind && (field.model === null || before.contractHash === field.contractHash);
  if (isSameModel && value.kind === field.kind && hasDimensions(field, value)) return value;
  return field.model === null || value.text === undefined ? undefined : { kind: 'text', text: value.text };
}

/** Stored only after they were validated. */
function valuesOf(contents: string | null): FieldValues {
  if (contents === null) return new Map();
  const values = readFieldValues(JSON.parse(contents));
  assert(values instanceof Map, 'contents are what was validated');
  return values;
}

/** Whether a row of the other generation holds what this one brings, as far as that can be told without its model: by the texts. */
export function isCarried(carrying: Carrying, source: string | null, target: string | null): boolean {
  const brought = carriedValues(carrying, source);
  const there = new Map(valuesOf(target));
  for (const [name, value] of brought) {
    const [field, held] = [fieldNamed(carrying.to.fields, name), there.get(name)];
    if (field !== undefined && isEncoded(field, value) && held?.text !== undefined) there.set(name, { kind: 'text', text: held.text });
  }
  return contentsText(brought) === contentsText(there);
}

/** The same of all rows of a page. */
export const carriedRows = (carrying: Carrying, { contents }: Pick<VectorColumns, 'contents'>): FieldValues[] =>
  (contents ?? []).map((text) => carriedValues(carrying, text));

import { withSuggestion, refusal } from '../../../contract/api/errors.ts';
import { closestTo } from '../../../contract/api/closest-word.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import { shownName } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import type { IndexField } from '../../../contract/indexes/index-fields.ts';
import type { IndexManifest, PinnedEmbedding } from '../../../index/index-manifest.ts';
import { must } from '../../../kernel/assert.ts';
import { err, ok } from '../../../kernel/result.ts';
import { fieldNamed } from '../row-contents.ts';

type Kind = IndexField['kind'];
type FieldOf<K extends Kind> = Extract<IndexField, { readonly kind: K }>;

const WORDS: Readonly<Record<Kind, string>> = { text: 'text', sparse: 'sparse', multi_vector: 'multi-vector', vector: 'vector' };

/** The fields of an index of one kind. */
export const fieldsOfKind = <K extends Kind>({ fields = {} }: Pick<IndexManifest, 'fields'>, kind: K): (readonly [string, FieldOf<K>])[] =>
  Object.entries(fields).flatMap(([name, field]) => (field.kind === kind ? [[name, field as FieldOf<K>] as const] : []));

/** The contract that vectors of a vector field must be made by, if it is pinned to one. */
export function fieldEmbedding({ fields }: Pick<IndexManifest, 'fields'>, name: string): PinnedEmbedding | null {
  const field = fieldNamed(fields, name);
  if (field?.kind !== 'vector' || field.model === null) return null;
  return { model: field.model, contractHash: must(field.contractHash, 'a field is pinned to the contract of its model') };
}

/** The length of vectors: of a vector or multi-vector field, or of the index itself (the empty name). The field is known to be there. */
export function vectorDimensions({ fields, dimensions }: Pick<IndexManifest, 'fields' | 'dimensions'>, name: string): number {
  if (name === '') return dimensions;
  const field = must(fieldNamed(fields, name), 'the fields of a plan were checked');
  return 'dimensions' in field ? field.dimensions : 0;
}

/** The field of a name and kind. Refuses with `invalid_value`, naming those that there are. [TX265] */
export function fieldOf<K extends Kind>(
  manifest: Pick<IndexManifest, 'fields'>,
  kind: K,
  name: string,
  at: FieldPath,
): Outcome<FieldOf<K>> {
  const names = fieldsOfKind(manifest, kind);
  const known = names.find(([other]) => other === name);
  if (known !== undefined) return ok(known[1]);
  const there = names.length === 0 ? 'none' : names.map(([other]) => `"${other}"`).join(', ');
  const what = `is "${shownName(name)}"; the ${WORDS[kind]} fields of the index: ${there}`;
  return err(
    withSuggestion(
      refusal('invalid_value', what, at),
      closestTo(
        name,
        names.map(([other]) => other),
      ),
    ),
  );
}

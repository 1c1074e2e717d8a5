import type { MultiVectorField, SparseField, VectorField } from '../../contract/indexes/index-fields.ts';
import { EMBEDDING_LIMITS } from '../../contract/embeddings/embedding-limits.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import { pathBelow } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import { must } from '../../kernel/assert.ts';
import { err, ok } from '../../kernel/result.ts';
import type { RowText } from '../embeddings/embedded-portions.ts';
import { embeddedPortions } from '../embeddings/embedded-portions.ts';
import type { EmbedTexts, TextEmbedder } from '../embeddings/text-embedder.ts';
import type { EmbeddedPoints } from './vector-space.ts';
import { bothEmbedded, NOTHING_EMBEDDED } from './vector-space.ts';

/** A field whose texts a model encodes. */
export type EncodedField = SparseField | MultiVectorField | VectorField;

/** What models make for a field of each kind. */
const OUTPUTS = { sparse: 'sparse', multi_vector: 'tokens', vector: 'dense' } as const;

/** Who encodes, how, and for what. */
export type TextEncoding = Pick<EmbedTexts, 'principal' | 'authority' | 'reserve' | 'isTruncating' | 'use'>;

interface TextsOfField {
  readonly field: EncodedField;
  readonly texts: readonly RowText[];
  /** Where the text of a row stands in the request. */
  readonly pathOf: (row: number) => FieldPath;
}

/**
 * Gives `take` the numbers that a field's model makes of each text, a vector or as `EmbeddedTexts.rows` has them, in as many calls of the
 * model as it takes. Texts that were cut are named by their rows. Refuses as the embedder does, naming the text, and as `take` does.
 */
export async function encodeTexts(
  embedder: Pick<TextEmbedder, 'embed'>,
  encoding: TextEncoding,
  { field, texts, pathOf }: TextsOfField,
  take: (row: number, made: Float32Array<ArrayBuffer>) => Outcome<unknown>,
): Promise<Outcome<EmbeddedPoints>> {
  const model = must(field.model, 'texts were checked to have a model');
  const contractHash = must(field.contractHash, 'a field is pinned to the contract of its model');
  const output = OUTPUTS[field.kind];
  let used = NOTHING_EMBEDDED;
  const portions = embeddedPortions(texts, charsMaxOf(field), async (portion) => {
    const sent = portion.map(({ text }) => text);
    const embedded = await embedder.embed({ ...encoding, model, contractHash, texts: sent, output });
    if (embedded.ok) return embedded;
    const [input] = pathBelow(embedded.error.path, ['input']) ?? [];
    return typeof input === 'number' ? err(refusalAt(embedded.error, pathOf(must(portion[input], 'a text was sent').row))) : embedded;
  });
  for await (const portion of portions) {
    if (!portion.ok) return portion;
    const { rows, embedded } = portion.value;
    const { dimensions, vectors } = embedded;
    for (const [i, row] of rows.entries()) {
      const taken = take(row, embedded.rows?.[i] ?? vectors.slice(i * dimensions, (i + 1) * dimensions));
      if (!taken.ok) return taken;
    }
    const cut = embedded.cut.map((one) => ({ ...one, index: must(rows[one.index], 'a text was sent') }));
    used = bothEmbedded(used, { ...embedded, cut });
  }
  return ok(used);
}

/** How many characters are encoded in one call: with two a token, as many as one answer has token vectors; and as many as an import embeds. */
const charsMaxOf = (field: EncodedField): number =>
  field.kind === 'multi_vector'
    ? Math.min(VECTOR_LIMITS.importBatchTextCharsMax, (2 * EMBEDDING_LIMITS.embeddingNumbersMaxCount) / field.dimensions)
    : VECTOR_LIMITS.importBatchTextCharsMax;

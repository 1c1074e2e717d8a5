import type { FieldPath } from '../contract/field-path.ts';
import { refusalAt } from '../contract/errors.ts';
import type { Outcome } from '../contract/outcome.ts';
import { must } from '../kernel/assert.ts';
import { err, ok } from '../kernel/result.ts';
import type { EmbeddedInputs, Embedder, EmbedInputs } from './embed.ts';

export interface RerankRequest extends Omit<EmbedInputs, 'inputs' | 'dimensions'> {
  readonly query: string;
  readonly documents: readonly string[];
  /** How many results are wanted; undefined: one for each document. */
  readonly topN?: number | undefined;
}

export interface Ranking extends Pick<EmbeddedInputs, 'manifest' | 'tokens' | 'cachedTokens' | 'report'> {
  /** In falling order of `score`, the cosine of query and document; equal scores in the order of the documents. */
  readonly results: readonly { readonly index: number; readonly score: number }[];
}

/**
 * Puts documents in the order of their relevance to a query, by an embedding model. Refuses as `Embedder.embedInputs` does, with the fields
 * of this request. [M20]
 */
export async function rerank(
  embedder: Pick<Embedder, 'embedInputs'>,
  { query, documents, topN, ...embedding }: RerankRequest,
): Promise<Outcome<Ranking>> {
  const inputs = [query, ...documents].map((text) => ({ kind: 'text' as const, text }));
  const embedded = await embedder.embedInputs({ ...embedding, inputs });
  if (!embedded.ok) {
    const { path } = embedded.error;
    return path?.[0] === 'input' ? err(refusalAt(embedded.error, fieldOfInput(path[1]))) : embedded;
  }
  const { vectors, dimensions, ...answer } = embedded.value;
  const scores = documents.map((_, index) => cosine(vectors, dimensions, index + 1));
  const order = scores.map((score, index) => ({ index, score })).toSorted((a, b) => b.score - a.score || a.index - b.index);
  return ok({ ...answer, results: order.slice(0, topN) });
}

/** The first input is the query; the whole of the inputs is, in all but a few tokens, the documents. */
function fieldOfInput(input: FieldPath[number] | undefined): FieldPath {
  if (typeof input !== 'number') return ['documents'];
  return input === 0 ? ['query'] : ['documents', input - 1];
}

/** Of the first row and another one: rows are unit vectors, or zero. Rounding must not lead beyond 1. */
function cosine(rows: Float32Array, dimensions: number, row: number): number {
  let sum = 0;
  for (let i = 0; i < dimensions; i++) sum += must(rows[i], 'the first row') * must(rows[row * dimensions + i], 'a row of each input');
  return Math.max(-1, Math.min(1, sum));
}

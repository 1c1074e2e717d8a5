import type { IndexManifest } from '../index/index-manifest.ts';
import { refusalAt } from '../contract/errors.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import { err, ok } from '../kernel/result.ts';
import type { TextEmbedder } from './text-embedder.ts';

/** How many numbers the vectors of an index have, and what made them. */
export type EmbeddingSpace = Pick<IndexManifest, 'dimensions' | 'embedding' | 'queryEmbedding'>;

/** The space of a model, and of the one that embeds what is searched for if that is another: one of as many dimensions. */
export function embeddingSpace(
  embedder: Pick<TextEmbedder, 'contractOf'>,
  model: string,
  queryModel: string | undefined,
): Outcome<EmbeddingSpace> {
  const contract = embedder.contractOf(model);
  if (!contract.ok) return contract;
  const { dimensions, contractHash } = contract.value;
  const items = { dimensions, embedding: { model, contractHash } };
  if (queryModel === undefined) return ok(items);
  const queries = embedder.contractOf(queryModel);
  if (!queries.ok) return err(refusalAt(queries.error, ['query_model']));
  if (queries.value.dimensions !== dimensions) {
    const message = `the vectors of ${queryModel} have ${queries.value.dimensions} numbers, those of ${model} ${dimensions}`;
    return refuse('dimension_mismatch', message, 'query_model');
  }
  return ok({ ...items, queryEmbedding: { model: queryModel, contractHash: queries.value.contractHash } });
}

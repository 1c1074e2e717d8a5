import { refusalAt } from '../contract/errors.ts';
import { nameWithoutVersion } from '../contract/model-name.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import type { IndexManifest } from '../index/index-manifest.ts';
import { err, ok } from '../kernel/result.ts';
import type { Acting } from './authority.ts';

/** Texts as unit vectors: what retrieval needs of inference. */
export interface TextEmbedder {
  /** Refuses with `model_not_found` or `limit_exceeded`. Reserves the tokens through `reserve` before it computes. */
  embed(request: EmbedTexts): Promise<Outcome<EmbeddedTexts>>;
  /**
   * The contract of a model, without computing anything: of the version that has the contract `contractHash`, if it has such a version, and of
   * the newest otherwise.
   */
  contractOf(
    model: string,
    contractHash?: string,
  ): Outcome<{ readonly contractHash: string; readonly dimensions: number; readonly version: string }>;
}

export interface EmbedTexts extends Acting {
  readonly model: string;
  /** The embedding contract that the vectors must have. */
  readonly contractHash?: string;
  readonly texts: readonly string[];
  /** A property, not a method: callers whose meters lack tokens do not compile. */
  readonly reserve: (quantities: { readonly embedding_tokens: number }) => Promise<Outcome<void>>;
}

export interface EmbeddedTexts {
  /** Row-major [texts.length x dimensions]. */
  readonly vectors: Float32Array;
  readonly dimensions: number;
  readonly contractHash: string;
  readonly tokens: number;
  /** The share of `tokens` that a cache answered. */
  readonly cachedTokens: number;
}

/** How many numbers the vectors of an index have, and what made them. */
export type EmbeddingSpace = Pick<IndexManifest, 'dimensions' | 'embedding' | 'queryEmbedding'>;

/** The space of a model (of the version that its name states, or else of the newest: the contract pins it), and of the one that embeds what is searched for if that is another: one of as many dimensions. */
export function embeddingSpace(
  embedder: Pick<TextEmbedder, 'contractOf'>,
  model: string,
  queryModel: string | undefined,
): Outcome<EmbeddingSpace> {
  const contract = embedder.contractOf(model);
  if (!contract.ok) return contract;
  const { dimensions, contractHash } = contract.value;
  const items = { dimensions, embedding: { model: nameWithoutVersion(model), contractHash } };
  if (queryModel === undefined) return ok(items);
  const queries = embedder.contractOf(queryModel);
  if (!queries.ok) return err(refusalAt(queries.error, ['query_model']));
  if (queries.value.dimensions !== dimensions) {
    const message = `the vectors of ${queryModel} have ${queries.value.dimensions} numbers, those of ${model} ${dimensions}`;
    return refuse('dimension_mismatch', message, 'query_model');
  }
  return ok({ ...items, queryEmbedding: { model: nameWithoutVersion(queryModel), contractHash: queries.value.contractHash } });
}

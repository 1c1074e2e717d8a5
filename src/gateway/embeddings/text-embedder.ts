import { refusalAt } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { CutText } from '../../contract/embeddings/truncation.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { EmbeddingUse, IndexManifest } from '../../index/index-manifest.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { EmbeddingOutput } from '../../inference/embedding-output.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Acting } from '../tenancy/authority.ts';

/** Texts as vectors, of whatever form: what retrieval needs of inference. */
export interface TextEmbedder {
  /** Refuses with `model_not_found` or `limit_exceeded`. Reserves the tokens through `reserve` before it computes. */
  embed(request: EmbedTexts): Promise<Outcome<EmbeddedTexts>>;
  /**
   * The contract of what a name means to a tenant, without computing anything: of the version that has the contract `contractHash`, if there
   * is such a version, and else of the one that answers to the name. Refuses with `model_not_found`, `unavailable`, or `invalid_value` a model
   * that makes no vectors of this form.
   */
  contractOf(tenantId: TenantId, model: string, contractHash?: string, output?: EmbeddingOutput): Promise<Outcome<EmbeddingContract>>;
}

/** A version of a model under its own name, whatever alias was asked for, and the contract of its vectors. */
export type EmbeddingContract = Pick<ModelManifest, 'id' | 'version' | 'dimensions' | 'contractHash' | 'retrievalQuality'>;

export interface EmbedTexts extends Acting {
  readonly model: string;
  /** The embedding contract that the vectors must have. */
  readonly contractHash: string;
  readonly texts: readonly string[];
  /** Cuts texts that are too long, instead of refusing them. [M155] */
  readonly isTruncating: boolean;
  /** Some models make other vectors of what is searched for than of what is kept. */
  readonly use: EmbeddingUse;
  /** The form of the vectors. Absent: dense. */
  readonly output?: EmbeddingOutput;
  /** A property, not a method: callers whose meters lack tokens do not compile. */
  readonly reserve: (quantities: { readonly embedding_tokens: number }) => Promise<Outcome<void>>;
}

export interface EmbeddedTexts {
  /** Row-major [texts.length x dimensions]. Nothing, where they are not dense. */
  readonly vectors: Float32Array;
  /** Of sparse vectors, one row a text as `sparseRow` writes it; of token vectors, one row-major [tokens x dimensions] a text. Absent: they are dense. */
  readonly rows?: readonly Float32Array<ArrayBuffer>[];
  readonly dimensions: number;
  readonly contractHash: string;
  readonly tokens: number;
  /** What was cut, by positions of the texts. */
  readonly cut: readonly CutText[];
  /** The share of `tokens` that a cache answered. */
  readonly cachedTokens: number;
}

/** How many numbers the vectors of an index have, and what made them. */
export type EmbeddingSpace = Pick<IndexManifest, 'dimensions' | 'embedding' | 'queryEmbedding'>;

/**
 * The space of a model (of the version that its name states, or else of the one that answers to it: the contract pins it), and of the one that
 * embeds what is searched for if that is another: one of as many dimensions. Aliases may move, so what they stand for is pinned. [M44]
 */
export async function embeddingSpace(
  embedder: Pick<TextEmbedder, 'contractOf'>,
  tenantId: TenantId,
  model: string,
  queryModel: string | undefined,
): Promise<Outcome<EmbeddingSpace>> {
  const contract = await embedder.contractOf(tenantId, model);
  if (!contract.ok) return contract;
  const { id, dimensions, contractHash, retrievalQuality } = contract.value;
  const measured = retrievalQuality === undefined ? {} : { retrievalQuality };
  const items = { dimensions, embedding: { model: id, contractHash, ...measured } };
  if (queryModel === undefined) return ok(items);
  const queries = await embedder.contractOf(tenantId, queryModel);
  if (!queries.ok) return err(refusalAt(queries.error, ['query_model']));
  if (queries.value.dimensions !== dimensions) {
    const message = `the vectors of ${queryModel} have ${queries.value.dimensions} numbers, those of ${model} ${dimensions}`;
    return refuse('dimension_mismatch', message, 'query_model');
  }
  return ok({ ...items, queryEmbedding: { model: queries.value.id, contractHash: queries.value.contractHash } });
}

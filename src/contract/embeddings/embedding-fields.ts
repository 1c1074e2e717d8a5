import * as z from 'zod';

import type { RawJson } from '../../kernel/exact-json.ts';
import { isRawJson } from '../../kernel/exact-json.ts';
import { about } from '../api/api-text.ts';
import { EMBEDDING_LIMITS } from './embedding-limits.ts';

// What calls about models have in common with those about vectors.

export const MODEL_NAME_CHARS_MAX = 128;

/** The name of an embedding model. */
export const modelName = z
  .string()
  .min(1)
  .max(MODEL_NAME_CHARS_MAX)
  .meta(about('An embedding model of `GET /v1/models`; `name@version` is one version of it, a name alone the one that serves.'));

/** What was measured of the quality of an embedding model. Beyond the bound it is a percentage, or BM25 found nothing. */
export const measuredQuality = z
  .number()
  .positive()
  .max(10)
  .meta(
    about(
      'nDCG@10 of the embedding model in retrieval, as a share of what BM25 reaches on the same judgements. Default weights of hybrid searches follow it. ' +
        '`sluice models add --retrieval` measures it.',
      0.87,
    ),
  );

/** What is known of the quality of a model. */
export const retrievalQuality = z
  .number()
  .nullable()
  .meta(
    about(
      'nDCG@10 of the model in retrieval, as a share of what BM25 reaches on the same judgements. Default weights of hybrid searches follow it; null: it ' +
        'was not measured, and the model is expected to do as encoders do.',
      0.87,
    ),
  );

/** A text that a model reads. */
export const embeddedText = z.string().min(1).max(EMBEDDING_LIMITS.embeddingTextCharsMax);

/** What a text becomes: see `EmbeddingOutput`. */
export const EMBEDDING_OUTPUTS = ['dense', 'sparse', 'tokens'] as const;

/** The forms of vectors that Cohere and Jina have besides floats: see `VectorForm`. */
export const VECTOR_FORMS = ['float', 'int8', 'uint8', 'binary', 'ubinary', 'base64'] as const;

/** The components of a vector in an answer: `float32Json`, or the number of its row in a frame. */
export const floatsReply = z
  .custom<RawJson | number>((value) => typeof value === 'number' || isRawJson(value))
  .meta({
    type: 'array',
    items: { type: 'number' },
    description: 'Each component as the shortest decimal that reads back as the same 32-bit float.',
  });

/** A sparse vector as Qdrant and Pinecone take it. */
export const sparseReply = z.object({
  indices: z.array(z.int().min(0)).meta(about('Token ids of the vocabulary, in rising order; those of weight zero are left out.')),
  values: floatsReply.meta(about('The weight of each.')),
});

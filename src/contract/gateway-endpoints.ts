import { aliasEndpoints } from './aliases.ts';
import { bulkEndpoints } from './bulk.ts';
import { embeddingEndpoints } from './embeddings.ts';
import type { Endpoint } from './endpoint.ts';
import { generationEndpoints } from './generations.ts';
import { erasureEndpoints, indexEndpoints } from './indexes.ts';
import { opsEndpoints } from './ops.ts';
import { qdrantEndpoints } from './qdrant/endpoints.ts';
import { recallEndpoints } from './recall.ts';
import { rerankEndpoints } from './rerank.ts';
import { vectorChangeEndpoints } from './vector-changes.ts';
import { vectorEndpoints, vectorListingEndpoints } from './vectors.ts';

/** What the gateway answers itself: inference, retrieval, and its operation. */
export const GATEWAY_ENDPOINTS = {
  ...embeddingEndpoints,
  ...rerankEndpoints,
  ...indexEndpoints,
  ...aliasEndpoints,
  ...vectorEndpoints,
  ...vectorListingEndpoints,
  ...vectorChangeEndpoints,
  ...bulkEndpoints,
  ...generationEndpoints,
  ...erasureEndpoints,
  ...recallEndpoints,
  ...qdrantEndpoints,
  ...opsEndpoints,
} as const satisfies Record<string, Endpoint>;

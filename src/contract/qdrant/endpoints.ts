import type { Endpoint } from '../endpoint.ts';
import { qdrantAliasEndpoints } from './aliases.ts';
import { qdrantBatchEndpoints } from './batch.ts';
import { qdrantCollectionEndpoints } from './collections.ts';
import { qdrantFacetEndpoints } from './facet.ts';
import { qdrantPayloadEndpoints } from './payload.ts';
import { qdrantPointEndpoints } from './points.ts';
import { qdrantSearchEndpoints } from './search.ts';
import { qdrantServiceEndpoints } from './service.ts';

/** Qdrant's API over the same indexes. */
export const qdrantEndpoints = {
  ...qdrantServiceEndpoints,
  ...qdrantAliasEndpoints,
  ...qdrantCollectionEndpoints,
  ...qdrantPointEndpoints,
  ...qdrantPayloadEndpoints,
  ...qdrantBatchEndpoints,
  ...qdrantSearchEndpoints,
  ...qdrantFacetEndpoints,
} as const satisfies Record<string, Endpoint>;

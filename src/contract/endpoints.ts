import { aliasEndpoints } from './aliases.ts';
import { billingEndpoints } from './billing.ts';
import { cacheEndpoints, cacheStatsEndpoints } from './cache.ts';
import { embeddingEndpoints } from './embeddings.ts';
import { agentEndpoints } from './agent-protocol.ts';
import { bulkEndpoints } from './bulk.ts';
import type { Endpoint } from './endpoint.ts';
import { erasureEndpoints, indexEndpoints } from './indexes.ts';
import { fileEndpoints } from './files.ts';
import { generationEndpoints } from './generations.ts';
import { jobEndpoints } from './jobs.ts';
import { keyEndpoints } from './keys.ts';
import { modelEndpoints } from './models.ts';
import { opsEndpoints } from './ops.ts';
import { organisationEndpoints } from './organisations.ts';
import { poolEndpoints } from './pools.ts';
import { qdrantEndpoints } from './qdrant/endpoints.ts';
import { quotaEndpoints } from './quotas.ts';
import { recallEndpoints } from './recall.ts';
import { usageEndpoints } from './usage.ts';
import { vectorChangeEndpoints } from './vector-changes.ts';
import { vectorEndpoints, vectorListingEndpoints } from './vectors.ts';

/** The whole API, by name. The OpenAPI page and the credential matrix are made from this table. */
export const ENDPOINTS = {
  ...embeddingEndpoints,
  ...modelEndpoints,
  ...indexEndpoints,
  ...aliasEndpoints,
  ...vectorEndpoints,
  ...vectorListingEndpoints,
  ...vectorChangeEndpoints,
  ...bulkEndpoints,
  ...generationEndpoints,
  ...erasureEndpoints,
  ...recallEndpoints,
  ...cacheEndpoints,
  ...cacheStatsEndpoints,
  ...fileEndpoints,
  ...jobEndpoints,
  ...organisationEndpoints,
  ...keyEndpoints,
  ...quotaEndpoints,
  ...usageEndpoints,
  ...billingEndpoints,
  ...poolEndpoints,
  ...agentEndpoints,
  ...qdrantEndpoints,
  ...opsEndpoints,
} as const satisfies Record<string, Endpoint>;

export type EndpointName = keyof typeof ENDPOINTS;

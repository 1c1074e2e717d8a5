import { agentBuildEndpoints } from './agent-builds.ts';
import { agentModelEndpoints } from './agent-models.ts';
import { agentEndpoints } from './agent-protocol.ts';
import { aliasEndpoints } from './aliases.ts';
import { batchEndpoints } from './batches.ts';
import { billingEndpoints } from './billing.ts';
import { bulkEndpoints } from './bulk.ts';
import { cacheEndpoints, cacheStatsEndpoints } from './cache.ts';
import { capacityEndpoints } from './capacity.ts';
import { classifyEndpoints } from './classify.ts';
import { cohortEndpoints } from './cohorts.ts';
import { completionEndpoints } from './completions.ts';
import { costEndpoints } from './cost.ts';
import { debtEndpoints } from './debt.ts';
import { embeddingEndpoints } from './embeddings.ts';
import type { Endpoint } from './endpoint.ts';
import { fileEndpoints } from './files.ts';
import { tuningEndpoints } from './fine-tuning.ts';
import { generationEndpoints } from './generations.ts';
import { erasureEndpoints, indexEndpoints } from './indexes.ts';
import { jobControlEndpoints } from './job-control.ts';
import { jobEventEndpoints } from './job-events.ts';
import { jobExplanationEndpoints } from './job-explanation.ts';
import { jobEndpoints } from './jobs.ts';
import { keyEndpoints } from './keys.ts';
import { kserveEndpoints } from './kserve.ts';
import { modelVersionEndpoints } from './model-versions.ts';
import { modelEndpoints } from './models.ts';
import { opsEndpoints } from './ops.ts';
import { organisationEndpoints } from './organisations.ts';
import { poolEndpoints } from './pools.ts';
import { promptEndpoints } from './prompts.ts';
import { qdrantEndpoints } from './qdrant/endpoints.ts';
import { queueEndpoints } from './queues.ts';
import { quotaEndpoints } from './quotas.ts';
import { recallEndpoints } from './recall.ts';
import { requestEndpoints } from './requests.ts';
import { rerankEndpoints } from './rerank.ts';
import { reservationEndpoints } from './reservations.ts';
import { routeEndpoints } from './routes.ts';
import { sloEndpoints } from './slos.ts';
import { teamEndpoints } from './teams.ts';
import { transferEndpoints } from './transfers.ts';
import { uploadEndpoints } from './uploads.ts';
import { upstreamEndpoints } from './upstreams.ts';
import { usageEndpoints } from './usage.ts';
import { vectorChangeEndpoints } from './vector-changes.ts';
import { vectorEndpoints, vectorListingEndpoints } from './vectors.ts';

const INFERENCE_AND_RETRIEVAL = {
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

const CONTROL = {
  ...fileEndpoints,
  ...uploadEndpoints,
  ...jobEndpoints,
  ...jobExplanationEndpoints,
  ...jobControlEndpoints,
  ...jobEventEndpoints,
  ...batchEndpoints,
  ...tuningEndpoints,
  ...queueEndpoints,
  ...cohortEndpoints,
  ...reservationEndpoints,
  ...organisationEndpoints,
  ...keyEndpoints,
  ...modelEndpoints,
  ...kserveEndpoints,
  ...classifyEndpoints,
  ...modelVersionEndpoints,
  ...quotaEndpoints,
  ...usageEndpoints,
  ...billingEndpoints,
  ...poolEndpoints,
  ...agentEndpoints,
  ...agentBuildEndpoints,
  ...agentModelEndpoints,
  ...transferEndpoints,
  ...cacheEndpoints,
  ...cacheStatsEndpoints,
} as const satisfies Record<string, Endpoint>;

const UPSTREAMS = {
  ...upstreamEndpoints,
  ...completionEndpoints,
  ...routeEndpoints,
  ...promptEndpoints,
  ...requestEndpoints,
} as const satisfies Record<string, Endpoint>;

const PLANNING = {
  ...capacityEndpoints,
  ...sloEndpoints,
  ...debtEndpoints,
  ...teamEndpoints,
  ...costEndpoints,
} as const satisfies Record<string, Endpoint>;

type Endpoints = typeof INFERENCE_AND_RETRIEVAL & typeof CONTROL & typeof UPSTREAMS & typeof PLANNING;

/**
 * The whole API, by name. The OpenAPI page and the credential matrix are made from this table; the gateway imports no more of it than the subject
 * that is called. Its type is named, since spelled out it is too long.
 */
export const ENDPOINTS: Endpoints = { ...INFERENCE_AND_RETRIEVAL, ...CONTROL, ...UPSTREAMS, ...PLANNING };

export type EndpointName = keyof Endpoints;

import { agentBuildEndpoints } from './pools/agent-builds.ts';
import { agentModelEndpoints } from './pools/agent-models.ts';
import { agentNoticeEndpoints } from './pools/agent-notices.ts';
import { agentEndpoints } from './pools/agent-protocol.ts';
import { aliasEndpoints } from './indexes/aliases.ts';
import { batchEndpoints } from './jobs/batches.ts';
import { billingEndpoints } from './tenancy/billing.ts';
import { bulkEndpoints } from './vectors/bulk.ts';
import { cacheEndpoints, cacheStatsEndpoints } from './caches/cache.ts';
import { capacityEndpoints } from './planning/capacity.ts';
import { historyEndpoints } from './planning/history.ts';
import { classifyEndpoints } from './models/classify.ts';
import { cohereEndpoints } from './embeddings/cohere.ts';
import { cohortEndpoints } from './queues/cohorts.ts';
import { completionEndpoints } from './completions/completions.ts';
import { messageBatchEndpoints } from './completions/message-batches.ts';
import { messageTokenEndpoints } from './completions/message-tokens.ts';
import { costEndpoints } from './planning/cost.ts';
import { debtEndpoints } from './debt/debt.ts';
import { documentEndpoints } from './documents/documents.ts';
import { embeddingEndpoints } from './embeddings/embeddings.ts';
import type { Endpoint } from './api/endpoint.ts';
import { fileEndpoints } from './files/files.ts';
import { tuningEndpoints } from './jobs/fine-tuning.ts';
import { generationEndpoints } from './indexes/generations.ts';
import { erasureEndpoints, indexEndpoints } from './indexes/indexes.ts';
import { jobControlEndpoints } from './jobs/job-control.ts';
import { jobEventEndpoints } from './jobs/job-events.ts';
import { jobExplanationEndpoints } from './jobs/job-explanation.ts';
import { jobEndpoints } from './jobs/jobs.ts';
import { keyEndpoints } from './tenancy/keys.ts';
import { kserveEndpoints } from './models/kserve.ts';
import { mediaEndpoints } from './completions/media.ts';
import { modelVersionEndpoints } from './models/model-versions.ts';
import { modelEndpoints } from './models/models.ts';
import { opsEndpoints } from './api/ops.ts';
import { organisationEndpoints } from './tenancy/organisations.ts';
import { poolEndpoints } from './pools/pools.ts';
import { promptEndpoints } from './prompts/prompts.ts';
import { qdrantEndpoints } from './qdrant/endpoints.ts';
import { queueEndpoints } from './queues/queues.ts';
import { quotaEndpoints } from './tenancy/quotas.ts';
import { recallEndpoints } from './vectors/recall.ts';
import { requestEndpoints } from './requests/requests.ts';
import { rerankEndpoints } from './embeddings/rerank.ts';
import { reservationEndpoints } from './queues/reservations.ts';
import { routeEndpoints } from './routes/routes.ts';
import { storedAnswerEndpoints } from './completions/stored-answers.ts';
import { sloEndpoints } from './planning/slos.ts';
import { teamEndpoints } from './debt/teams.ts';
import { teiEndpoints } from './embeddings/tei.ts';
import { transferEndpoints } from './pools/transfers.ts';
import { uploadEndpoints } from './files/uploads.ts';
import { upstreamEndpoints } from './upstreams/upstreams.ts';
import { usageEndpoints } from './tenancy/usage.ts';
import { vectorChangeEndpoints } from './vectors/vector-changes.ts';
import { searchSettingsEndpoints } from './indexes/search-settings.ts';
import { evaluationEndpoints } from './vectors/judged/evaluations.ts';
import { planEndpoints } from './vectors/plans/plans.ts';
import { vectorEndpoints, vectorListingEndpoints } from './vectors/vectors.ts';

const INFERENCE_AND_RETRIEVAL = {
  ...embeddingEndpoints,
  ...rerankEndpoints,
  ...cohereEndpoints,
  ...teiEndpoints,
  ...indexEndpoints,
  ...aliasEndpoints,
  ...vectorEndpoints,
  ...planEndpoints,
  ...evaluationEndpoints,
  ...searchSettingsEndpoints,
  ...vectorListingEndpoints,
  ...vectorChangeEndpoints,
  ...bulkEndpoints,
  ...generationEndpoints,
  ...erasureEndpoints,
  ...recallEndpoints,
  ...documentEndpoints,
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
  ...messageBatchEndpoints,
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
  ...agentNoticeEndpoints,
  ...transferEndpoints,
  ...cacheEndpoints,
  ...cacheStatsEndpoints,
} as const satisfies Record<string, Endpoint>;

const UPSTREAMS = {
  ...upstreamEndpoints,
  ...completionEndpoints,
  ...storedAnswerEndpoints,
  ...mediaEndpoints,
  ...messageTokenEndpoints,
  ...routeEndpoints,
  ...promptEndpoints,
  ...requestEndpoints,
} as const satisfies Record<string, Endpoint>;

const PLANNING = {
  ...capacityEndpoints,
  ...historyEndpoints,
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

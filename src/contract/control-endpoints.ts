import { agentBuildEndpoints } from './agent-builds.ts';
import { agentModelEndpoints } from './agent-models.ts';
import { agentEndpoints } from './agent-protocol.ts';
import { batchEndpoints } from './batches.ts';
import { billingEndpoints } from './billing.ts';
import { cacheEndpoints, cacheStatsEndpoints } from './cache.ts';
import { classifyEndpoints } from './classify.ts';
import { cohortEndpoints } from './cohorts.ts';
import type { Endpoint } from './endpoint.ts';
import { fileEndpoints } from './files.ts';
import { tuningEndpoints } from './fine-tuning.ts';
import type { ControlPath } from './forwarded-paths.ts';
import { jobControlEndpoints } from './job-control.ts';
import { jobEventEndpoints } from './job-events.ts';
import { jobExplanationEndpoints } from './job-explanation.ts';
import { jobEndpoints } from './jobs.ts';
import { keyEndpoints } from './keys.ts';
import { kserveEndpoints } from './kserve.ts';
import { organisationEndpoints } from './organisations.ts';
import { modelVersionEndpoints } from './model-versions.ts';
import { modelEndpoints } from './models.ts';
import { poolEndpoints } from './pools.ts';
import { queueEndpoints } from './queues.ts';
import { quotaEndpoints } from './quotas.ts';
import { transferEndpoints } from './transfers.ts';
import { uploadEndpoints } from './uploads.ts';
import { reservationEndpoints } from './reservations.ts';
import { usageEndpoints } from './usage.ts';

/** What the control Worker answers. A path under none of its `FORWARDED_PREFIXES` does not compile: the gateway would not forward it. */
export const CONTROL_ENDPOINTS = {
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
} as const satisfies Record<string, Endpoint & { readonly path: ControlPath }>;

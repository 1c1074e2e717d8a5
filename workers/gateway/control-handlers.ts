import type { CONTROL_ENDPOINTS } from '../../src/contract/control-endpoints.ts';
import { billingHandlers } from './routes/billing.ts';
import { cacheHandlers } from './routes/cache.ts';
import { fileHandlers } from './routes/files.ts';
import { batchHandlers } from './routes/batches.ts';
import { tuningHandlers } from './routes/fine-tuning.ts';
import { jobHandlers } from './routes/jobs.ts';
import { keyHandlers } from './routes/keys.ts';
import { organisationHandlers } from './routes/organisations.ts';
import { attemptModelHandlers } from './routes/attempt-models.ts';
import { agentHandlers, poolHandlers } from './routes/pools.ts';
import { cohortHandlers, queueHandlers } from './routes/queues.ts';
import { classifyHandlers } from './routes/classify.ts';
import { kserveHandlers } from './routes/kserve.ts';
import { modelHandlers } from './routes/models.ts';
import { quotaHandlers } from './routes/quotas.ts';
import { transferHandlers } from './routes/transfers.ts';
import { uploadHandlers } from './routes/uploads.ts';
import { reservationHandlers } from './routes/reservations.ts';
import { usageHandlers } from './routes/usage.ts';
import type { HandlersOf } from './serve.ts';

/** What answers each endpoint of the control Worker, by its name in the endpoint table. Routes are registered in this order. */
export const CONTROL_HANDLERS: HandlersOf<typeof CONTROL_ENDPOINTS> = {
  ...organisationHandlers,
  ...keyHandlers,
  ...quotaHandlers,
  ...usageHandlers,
  ...billingHandlers,
  ...fileHandlers,
  ...uploadHandlers,
  ...jobHandlers,
  ...batchHandlers,
  ...tuningHandlers,
  ...queueHandlers,
  ...cohortHandlers,
  ...reservationHandlers,
  ...modelHandlers,
  ...kserveHandlers,
  ...classifyHandlers,
  ...poolHandlers,
  ...agentHandlers,
  ...attemptModelHandlers,
  ...transferHandlers,
  ...cacheHandlers,
};

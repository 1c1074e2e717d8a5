import { agentHandlers, poolHandlers } from './routes/pools.ts';
import { aliasHandlers } from './routes/aliases.ts';
import { bulkHandlers } from './routes/bulk.ts';
import { billingHandlers } from './routes/billing.ts';
import { cacheHandlers } from './routes/cache.ts';
import { embeddingHandlers } from './routes/embeddings.ts';
import { indexHandlers } from './routes/indexes.ts';
import { fileHandlers } from './routes/files.ts';
import { generationHandlers } from './routes/generations.ts';
import { jobHandlers } from './routes/jobs.ts';
import { keyHandlers } from './routes/keys.ts';
import { modelHandlers } from './routes/models.ts';
import { opsHandlers } from './routes/ops.ts';
import { organisationHandlers } from './routes/organisations.ts';
import { quotaHandlers } from './routes/quotas.ts';
import { usageHandlers } from './routes/usage.ts';
import { vectorHandlers } from './routes/vectors.ts';
import { qdrantHandlers } from './compat/qdrant/handlers.ts';
import type { Handlers } from './serve.ts';

/**
 * What answers each endpoint, by its name in the endpoint table: one without a handler does not compile. Routes are registered in this order.
 */
export const HANDLERS: Handlers = {
  ...opsHandlers,
  ...embeddingHandlers,
  ...modelHandlers,
  ...cacheHandlers,
  ...indexHandlers,
  ...aliasHandlers,
  ...vectorHandlers,
  ...bulkHandlers,
  ...generationHandlers,
  ...organisationHandlers,
  ...keyHandlers,
  ...quotaHandlers,
  ...usageHandlers,
  ...billingHandlers,
  ...fileHandlers,
  ...jobHandlers,
  ...poolHandlers,
  ...agentHandlers,
  ...qdrantHandlers,
};

import { aliasHandlers } from './routes/aliases.ts';
import { bulkHandlers } from './routes/bulk.ts';
import { embeddingHandlers } from './routes/embeddings.ts';
import { indexHandlers } from './routes/indexes.ts';
import { generationHandlers } from './routes/generations.ts';
import { opsHandlers } from './routes/ops.ts';
import { rerankHandlers } from './routes/rerank.ts';
import { vectorHandlers } from './routes/vectors.ts';
import { qdrantHandlers } from './compat/qdrant/handlers.ts';
import type { GATEWAY_ENDPOINTS } from '../../src/contract/gateway-endpoints.ts';
import type { HandlersOf } from './serve.ts';

/**
 * What answers each endpoint of the gateway, by its name in the endpoint table: one without a handler does not compile. Routes are registered
 * in this order.
 */
export const HANDLERS: HandlersOf<typeof GATEWAY_ENDPOINTS> = {
  ...opsHandlers,
  ...embeddingHandlers,
  ...rerankHandlers,
  ...indexHandlers,
  ...aliasHandlers,
  ...vectorHandlers,
  ...bulkHandlers,
  ...generationHandlers,
  ...qdrantHandlers,
};

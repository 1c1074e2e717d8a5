import type { UPSTREAM_ENDPOINTS } from '../../src/contract/upstream-endpoints.ts';
import type { HandlersOf } from '../gateway/serve.ts';
import { completionHandlers } from './routes/completions.ts';
import { promptHandlers } from './routes/prompts.ts';
import { routeHandlers } from './routes/routes.ts';
import { requestHandlers } from './routes/requests.ts';
import { upstreamHandlers } from './routes/upstreams.ts';

/** What answers each endpoint of the upstreams Worker, by its name in the endpoint table. Routes are registered in this order. */
export const UPSTREAM_HANDLERS: HandlersOf<typeof UPSTREAM_ENDPOINTS> = {
  ...upstreamHandlers,
  ...completionHandlers,
  ...routeHandlers,
  ...promptHandlers,
  ...requestHandlers,
};

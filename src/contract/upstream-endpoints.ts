import { completionEndpoints } from './completions.ts';
import type { Endpoint } from './endpoint.ts';
import type { UpstreamPath } from './forwarded-paths.ts';
import { routeEndpoints } from './routes.ts';
import { promptEndpoints } from './prompts.ts';
import { requestEndpoints } from './requests.ts';
import { upstreamEndpoints } from './upstreams.ts';

/** What the upstreams Worker answers. A path under none of its `FORWARDED_PREFIXES` does not compile: the gateway would not forward it. */
export const UPSTREAM_ENDPOINTS = {
  ...upstreamEndpoints,
  ...completionEndpoints,
  ...routeEndpoints,
  ...promptEndpoints,
  ...requestEndpoints,
} as const satisfies Record<string, Endpoint & { readonly path: UpstreamPath }>;

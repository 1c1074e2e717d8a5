import type { EndpointName, ENDPOINTS } from '../endpoints.ts';
import type { ExampleOf } from './example.ts';

/** Upstreams, and calls of the models that they serve. */
export const upstreamExamples = {
  listUpstreams: { as: 'tenant' },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };

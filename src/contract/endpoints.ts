import type { Endpoint } from './endpoint.ts';
import { opsEndpoints } from './ops.ts';

/** The whole API, by name. The OpenAPI page and the credential matrix are made from this table. */
export const ENDPOINTS = {
  ...opsEndpoints,
} as const satisfies Record<string, Endpoint>;

export type EndpointName = keyof typeof ENDPOINTS;

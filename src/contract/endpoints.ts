import { CONTROL_ENDPOINTS } from './control-endpoints.ts';
import type { Endpoint } from './endpoint.ts';
import { GATEWAY_ENDPOINTS } from './gateway-endpoints.ts';
import { PLANNING_ENDPOINTS } from './planning-endpoints.ts';
import { UPSTREAM_ENDPOINTS } from './upstream-endpoints.ts';

/** The whole API, by name. The OpenAPI page and the credential matrix are made from this table. */
export const ENDPOINTS = {
  ...GATEWAY_ENDPOINTS,
  ...CONTROL_ENDPOINTS,
  ...UPSTREAM_ENDPOINTS,
  ...PLANNING_ENDPOINTS,
} as const satisfies Record<string, Endpoint>;

export type EndpointName = keyof typeof ENDPOINTS;

import { CONTROL_ENDPOINTS } from './control-endpoints.ts';
import { GATEWAY_ENDPOINTS } from './gateway-endpoints.ts';
import { PLANNING_ENDPOINTS } from './planning-endpoints.ts';
import { UPSTREAM_ENDPOINTS } from './upstream-endpoints.ts';

type Endpoints = typeof GATEWAY_ENDPOINTS & typeof CONTROL_ENDPOINTS & typeof UPSTREAM_ENDPOINTS & typeof PLANNING_ENDPOINTS;

/** The whole API, by name. The OpenAPI page and the credential matrix are made from this table. Its type is named, since spelled out it is too long. */
export const ENDPOINTS: Endpoints = {
  ...GATEWAY_ENDPOINTS,
  ...CONTROL_ENDPOINTS,
  ...UPSTREAM_ENDPOINTS,
  ...PLANNING_ENDPOINTS,
};

export type EndpointName = keyof Endpoints;

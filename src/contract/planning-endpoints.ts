import { capacityEndpoints } from './capacity.ts';
import { costEndpoints } from './cost.ts';
import { debtEndpoints } from './debt.ts';
import type { Endpoint } from './endpoint.ts';
import type { PlanningPath } from './forwarded-paths.ts';
import { sloEndpoints } from './slos.ts';
import { teamEndpoints } from './teams.ts';

/** What the planning Worker answers. A path under none of its `FORWARDED_PREFIXES` does not compile: the gateway would not forward it. */
export const PLANNING_ENDPOINTS = {
  ...capacityEndpoints,
  ...sloEndpoints,
  ...debtEndpoints,
  ...teamEndpoints,
  ...costEndpoints,
} as const satisfies Record<string, Endpoint & { readonly path: PlanningPath }>;

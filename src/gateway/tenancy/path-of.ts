import type { TenantPrincipal } from '../../contract/principal.ts';
import type { LevelId } from '../../tenancy/quota/quota-level.ts';

/** The levels that a caller's consumption counts at, from the organisation down. */
export const pathOf = ({ organisationId, tenantId, projectId, keyId, lineage = [] }: TenantPrincipal): readonly LevelId[] => [
  ...new Set<LevelId>([organisationId, tenantId, ...lineage, projectId, keyId]),
];

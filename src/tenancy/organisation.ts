import type { OrganisationId, ProjectId, TenantId } from '../kernel/ids.ts';

/**
 * Whether the tenants of an organisation share one embedding cache. `off`: no longer, so what they shared may still be stored and must be
 * purged with the rest.
 */
export type CacheSharing = 'never' | 'on' | 'off';

/** The customer: everything below it lives in one `OrganisationObject`. */
export interface Organisation {
  readonly id: OrganisationId;
  readonly name: string;
  readonly owner: string;
  readonly createdAtMs: number;
  /** Absent: `never`. */
  readonly cacheSharing?: CacheSharing;
}

/**
 * `suspended`: none of its keys work; everything stays. `erasing`: the same, and what it had goes, for good. `erased`: nothing is left but
 * its id, under which it is billed.
 */
export type TenantState = 'active' | 'suspended' | 'erasing' | 'erased';

/** A wall between data sets: nothing of one tenant is visible to another. */
export interface Tenant {
  readonly id: TenantId;
  readonly organisationId: OrganisationId;
  readonly name: string;
  readonly owner: string;
  readonly defaultProjectId: ProjectId;
  readonly createdAtMs: number;
  /** Absent: active. */
  readonly state?: TenantState;
  /** Absent: it is not erased, or was before this was kept. */
  readonly erasedAtMs?: number;
  /** Whether it ever had an index, and so has a registry of them. Absent in tenants from before this was kept: perhaps. */
  readonly hasIndexes?: boolean;
  /** Whether that registry is stored: one that is empty all the same has lost what it stored. Absent: not as far as is known. */
  readonly hasRegistry?: true;
}

/** A line on the bill inside a tenant. */
export interface Project {
  readonly id: ProjectId;
  readonly tenantId: TenantId;
  readonly name: string;
  readonly owner: string;
  readonly createdAtMs: number;
}

import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import type { KeyId, OrganisationId, ProjectId, TenantId } from '../kernel/ids.ts';
import { ok } from '../kernel/result.ts';

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

export const stateOf = ({ state = 'active' }: Tenant): TenantState => state;

/** Whether its erasure has begun: then nothing is created for it any more. */
export const isErased = (tenant: Tenant): boolean => stateOf(tenant) === 'erasing' || stateOf(tenant) === 'erased';

/** The tenant in another state, or the same one when it is in it. An erasure is never taken back. */
export function moved(tenant: Tenant, to: Exclude<TenantState, 'erased'>): Outcome<Tenant> {
  const from = stateOf(tenant);
  if (from === to || (from === 'erased' && to === 'erasing')) return ok(tenant);
  if (isErased(tenant)) return refuse('state_conflict', `the tenant is ${from}: that is final`, 'tenant');
  return ok({ ...tenant, state: to });
}

/** The tenant as one that has indexes. */
export const withIndexes = (tenant: Tenant): Tenant => (tenant.hasIndexes === true ? tenant : { ...tenant, hasIndexes: true });

/** The tenant as one whose registry is stored. */
export const withRegistry = (tenant: Tenant): Tenant => (tenant.hasRegistry === true ? tenant : { ...tenant, hasRegistry: true });

/** What is left of a tenant: where its usage belongs. */
export const tombstone = (
  { id, organisationId, defaultProjectId, createdAtMs, hasIndexes, hasRegistry }: Tenant,
  nowMs: number,
): Tenant => ({
  id,
  organisationId,
  name: id.replaceAll('_', '-'),
  owner: 'erased',
  defaultProjectId,
  createdAtMs,
  state: 'erased',
  erasedAtMs: nowMs,
  ...(hasIndexes === undefined ? {} : { hasIndexes }),
  ...(hasRegistry === undefined ? {} : { hasRegistry }),
});

/** The same organisation when nothing changes. */
export function shareCache(organisation: Organisation, shared: boolean): Organisation {
  const { cacheSharing: before = 'never' } = organisation;
  const cacheSharing = shared ? 'on' : before === 'never' ? before : 'off';
  return cacheSharing === before ? organisation : { ...organisation, cacheSharing };
}

/** The actor: a key of a tenant, or the admin. */
export type Actor = KeyId | 'admin';

/** The caller of a change, for the audit trail, and the digest of the request, which identifies a repetition (T60). */
export interface Ticket {
  readonly actor: Actor;
  readonly digest: string;
}

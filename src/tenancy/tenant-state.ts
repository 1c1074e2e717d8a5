import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import { ok } from '../kernel/result.ts';
import type { Tenant, TenantState } from './organisation.ts';

export const stateOf = ({ state = 'active' }: Tenant): TenantState => state;

/** Whether its erasure has begun: then nothing is created for it any more. */
export const isErased = (tenant: Tenant): boolean => stateOf(tenant) === 'erasing' || stateOf(tenant) === 'erased';

export const ERASED_TENANT = refuse('tenant_suspended', 'the tenant is being erased: nothing can be created for it');

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

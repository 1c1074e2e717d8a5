import { ADMIN_OWNER } from '../../contract/api/common.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { AdminPrincipal, Principal, TenantPrincipal } from '../../contract/api/principal.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Actor } from '../../tenancy/organisation.ts';
import { sha256Hex } from '../../kernel/bytes.ts';

/** The tenant a management call is about: a key's own, or the one the admin names. */
export function subjectOf(principal: Principal, named: TenantId | undefined): Outcome<TenantId> {
  if (principal.kind === 'tenant') {
    if (named === undefined || named === principal.tenantId) return ok(principal.tenantId);
    return refuse('tenant_not_found', 'there is no such tenant', 'tenant');
  }
  return named === undefined ? refuse('scope_denied', 'the admin key belongs to no tenant: give one', 'tenant') : ok(named);
}

/** The owner of what is created where the request names none (T70). `within`: the owner of the tenant or organisation that it is in. */
export const ownerFor = (principal: AdminPrincipal | Pick<TenantPrincipal, 'kind' | 'owner'>, within: string = ADMIN_OWNER): string =>
  principal.kind === 'tenant' ? principal.owner : within;

/** The actor, for the audit trail. */
export const actorOf = (principal: AdminPrincipal | Pick<TenantPrincipal, 'kind' | 'keyId'>): Actor =>
  principal.kind === 'tenant' ? principal.keyId : 'admin';

/**
 * What a repetition under an `Idempotency-Key` must have in common with the first request: the caller, the operation and all of its
 * arguments (T60). Parsed bodies list their fields in the order of their schema, whatever order they came in.
 */
export const requestDigest = (principal: Principal, operation: string, args: unknown): Promise<string> =>
  sha256Hex(JSON.stringify([actorOf(principal), operation, args]));

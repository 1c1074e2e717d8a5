import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { Principal } from '../../contract/principal.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Actor } from '../../tenancy/ticket.ts';

/** The tenant a management call is about: a key's own, or the one the admin names. */
export function subjectOf(principal: Principal, named: TenantId | undefined): Outcome<TenantId> {
  if (principal.kind === 'tenant') {
    if (named === undefined || named === principal.tenantId) return ok(principal.tenantId);
    return refuse('tenant_not_found', 'there is no such tenant', 'tenant');
  }
  return named === undefined ? refuse('invalid_value', 'the admin key belongs to no tenant: name one', 'tenant') : ok(named);
}

/** Who did it, for the audit trail. */
export const actorOf = (principal: Principal): Actor => (principal.kind === 'tenant' ? principal.keyId : 'admin');

import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import type { Acting } from '../../../src/gateway/tenancy/authority.ts';
import type { Authority } from '../../../src/contract/tenancy/write-lease.ts';
import { ok } from '../../../src/kernel/result.ts';

/** The authority of a key that is never revoked. */
export const IN_FORCE: Authority = { lease: async () => ok({ endsAtMs: Number.MAX_SAFE_INTEGER }) };

/** A caller of the tenant, with a key that is never revoked. */
export const actingFor = (tenantId: string): Acting => ({
  principal: { kind: 'tenant', tenantId } as unknown as TenantPrincipal,
  authority: IN_FORCE,
});

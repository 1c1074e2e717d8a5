import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Authority, WriteLease } from '../../contract/tenancy/write-lease.ts';
import { ERASED_TENANT, leaseFrom } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import { isErased } from '../../tenancy/organisation.ts';
import type { Organisations } from './organisation-store.ts';

/**
 * The right to work on what a tenant has begun, in no key's name: on the output of its job, or the next generation of its index. It ends with
 * the tenant's erasure. A suspension is not its end: what is under way is kept for when the tenant is back.
 */
export class TenantAuthority implements Authority {
  readonly #organisations: Organisations;
  readonly #clock: Clock;
  readonly #tenantId: TenantId;

  constructor(organisations: Organisations, clock: Clock, tenantId: TenantId) {
    this.#organisations = organisations;
    this.#clock = clock;
    this.#tenantId = tenantId;
  }

  /** Refuses with `tenant_suspended`, or with `unavailable` when the state cannot be determined. */
  async lease(): Promise<Outcome<WriteLease>> {
    const askedAtMs = this.#clock.nowMs();
    try {
      const tenant = await this.#organisations.at(organisationOf(this.#tenantId)).tenant(this.#tenantId);
      if (!tenant.ok) return tenant;
      return isErased(tenant.value) ? ERASED_TENANT : ok(leaseFrom(askedAtMs));
    } catch {
      return refuse('unavailable', "the organisation's records cannot be reached: try again");
    }
  }
}

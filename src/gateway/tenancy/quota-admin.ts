import type { Outcome } from '../../contract/outcome.ts';
import type { Principal } from '../../contract/principal.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Account } from '../../tenancy/quota/account.ts';
import type { QuotaLimits } from '../../tenancy/quota/quota-limits.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { Organisations } from './organisation-store.ts';
import { actorOf, subjectOf } from './subject.ts';

/** Where the limits of tenants are kept, beside what is granted against them. */
export interface QuotaAccounts {
  setLimits(organisationId: OrganisationId, tenantId: TenantId, limits: QuotaLimits): Promise<Account>;
  describe(organisationId: OrganisationId, tenantId: TenantId): Promise<Account>;
}

export interface TenantAccount {
  readonly tenantId: TenantId;
  readonly account: Account;
}

/** Sets and shows quotas. */
export class QuotaAdmin {
  readonly #organisations: Organisations;
  readonly #accounts: QuotaAccounts;

  constructor(organisations: Organisations, accounts: QuotaAccounts) {
    this.#organisations = organisations;
    this.#accounts = accounts;
  }

  async set(principal: Principal, tenantId: TenantId, limits: QuotaLimits): Promise<Outcome<TenantAccount>> {
    const organisationId = organisationOf(tenantId);
    // The trail first: a change that fails afterwards is noted in vain, one that is not noted must not happen.
    const noted = await this.#organisations.at(organisationId).note(tenantId, 'quota.set', actorOf(principal));
    return noted.ok ? ok({ tenantId, account: await this.#accounts.setLimits(organisationId, tenantId, limits) }) : noted;
  }

  async show(principal: Principal, named: TenantId | undefined): Promise<Outcome<TenantAccount>> {
    const subject = subjectOf(principal, named);
    if (!subject.ok) return subject;
    const organisationId = organisationOf(subject.value);
    const tenant = await this.#organisations.at(organisationId).tenant(subject.value);
    return tenant.ok ? ok({ tenantId: subject.value, account: await this.#accounts.describe(organisationId, subject.value) }) : tenant;
  }
}

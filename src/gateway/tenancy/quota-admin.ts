import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { LevelKind } from '../../contract/tenancy/quota-terms.ts';
import type { QuotaRule } from '../../contract/tenancy/quota-rule.ts';
import type { KeyId, OrganisationId, ProjectId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { LevelId } from '../../tenancy/quota/quota-level.ts';
import type { LevelView } from '../../tenancy/quota/decision.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { Organisations } from './organisation-store.ts';
import type { QuotaLedgers } from './quota-ledger.ts';
import { actorOf, subjectOf } from './subject.ts';

/** One level, by name: at most one of these. */
export interface NamedLevel {
  readonly organisation?: OrganisationId | undefined;
  readonly tenant?: TenantId | undefined;
  readonly project?: ProjectId | undefined;
  readonly key?: KeyId | undefined;
}

export interface ShownLevel extends LevelView {
  readonly kind: LevelKind;
  readonly id: LevelId;
}

type Found = Pick<ShownLevel, 'kind' | 'id'> & { readonly organisationId: OrganisationId };

/** Sets and shows quotas. */
export class QuotaAdmin {
  readonly #organisations: Organisations;
  readonly #ledgers: QuotaLedgers;

  constructor(organisations: Organisations, ledgers: QuotaLedgers) {
    this.#organisations = organisations;
    this.#ledgers = ledgers;
  }

  async set(principal: Principal, named: NamedLevel, rules: readonly QuotaRule[]): Promise<Outcome<ShownLevel>> {
    const found = await this.#find(principal, named);
    if (!found.ok) return found;
    const { organisationId, ...level } = found.value;
    // The trail first: a change that fails afterwards is noted in vain, one that is not noted must not happen.
    const noted = await this.#organisations.at(organisationId).log('quota.set', actorOf(principal), level.id);
    return noted.ok ? ok({ ...level, ...(await this.#ledgers(organisationId).setRules(level.id, rules)) }) : noted;
  }

  async show(principal: Principal, named: NamedLevel): Promise<Outcome<ShownLevel>> {
    const found = await this.#find(principal, named);
    if (!found.ok) return found;
    const { organisationId, ...level } = found.value;
    return ok({ ...level, ...(await this.#ledgers(organisationId).describe(level.id)) });
  }

  /** The level, if there is one and the caller may see it. */
  async #find(principal: Principal, { organisation, tenant, project, key }: NamedLevel): Promise<Outcome<Found>> {
    const own = principal.kind === 'tenant' ? principal.tenantId : undefined;
    if (organisation !== undefined) {
      if (own !== undefined) return refuse('scope_denied', 'only the admin key may ask for an organisation', 'organisation');
      const found = await this.#organisations.at(organisation).organisation();
      return found.ok ? ok({ kind: 'organisation', id: organisation, organisationId: organisation }) : found;
    }
    if (project !== undefined) {
      const found = await this.#organisations.at(organisationOf(project)).project(project, own);
      return found.ok ? ok({ kind: 'project', id: project, organisationId: organisationOf(project) }) : found;
    }
    if (key !== undefined) {
      const found = await this.#organisations.at(organisationOf(key)).key(key, own);
      return found.ok ? ok({ kind: 'key', id: key, organisationId: organisationOf(key) }) : found;
    }
    const subject = subjectOf(principal, tenant);
    if (!subject.ok) return subject;
    const organisationId = organisationOf(subject.value);
    const found = await this.#organisations.at(organisationId).tenant(subject.value);
    return found.ok ? ok({ kind: 'tenant', id: subject.value, organisationId }) : found;
  }
}

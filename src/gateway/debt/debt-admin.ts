import type { SetDebtRepositoryBody } from '../../contract/debt/debt.ts';
import { signedPayload } from '../../contract/debt/debt.ts';
import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import type { DebtAction } from '../../contract/debt/debt-items.ts';
import { debtPolicy } from '../../contract/debt/debt-policy.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { parse } from '../../contract/api/parse.ts';
import type { Principal, TenantPrincipal } from '../../contract/api/principal.ts';
import type { WriteLease } from '../../contract/tenancy/write-lease.ts';
import { underAuthority } from '../../contract/tenancy/write-lease.ts';
import type { DebtRegistry, ItemRef, ItemView, RepositoryView, Taken } from '../../debt/store/debt-registry.ts';
import type { DebtPlan } from '../../debt/plan.ts';
import type { SignedFacts } from '../../debt/store/signed-facts.ts';
import { publicKeyBytes, verifiedDigest } from '../../debt/store/signed-facts.ts';
import type { FactFilter, ItemFilter, StoredItem } from '../../debt/store/sqlite-debt-store.ts';
import type { OnboardingPath } from '../../debt/teams/onboarding.ts';
import type { TeamReport } from '../../debt/teams/team-report.ts';
import { fromBase64 } from '../../kernel/bytes.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import type { Remote } from '../../kernel/remote.ts';
import { ok } from '../../kernel/result.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { Acting, NoteChange } from '../tenancy/authority.ts';
import { changeNoted } from '../tenancy/authority.ts';
import { actorOf, subjectOf } from '../tenancy/subject.ts';
import { Composed } from '../api/composed.ts';

/** The debt register of one organisation, wherever it is stored: see `DebtRegisterObject`. */
export type DebtCalls = Remote<Omit<DebtRegistry, 'nextDueMs' | 'takeTurn' | 'reassess'>>;

interface DebtAdminParts {
  readonly debt: (organisation: OrganisationId) => DebtCalls;
  /** Has the gateway report what it measures of the tenant, as often as it does; asking again changes nothing. */
  readonly measureHourly: (tenant: TenantId) => Promise<void>;
  /** Refuses an organisation or a tenant that does not exist: no object is addressed by an id that a caller made up (T65). */
  readonly find: (organisation: OrganisationId, tenant: TenantId | undefined) => Promise<Outcome<unknown>>;
  readonly note: NoteChange;
}

/** Which part of a register is asked for. */
export interface DebtSubject {
  readonly tenant?: TenantId | undefined;
  readonly organisation?: OrganisationId | undefined;
}

/** What callers do with the debt registers of their organisations. Keys that are restricted to some resources may not. */
export class DebtAdmin extends Composed<DebtAdminParts> {
  async setRepository(
    caller: Acting,
    { repository, public_key: publicKey, policy }: SetDebtRepositoryBody,
  ): Promise<Outcome<RepositoryView>> {
    if (publicKeyBytes(publicKey) === undefined)
      return refuse('invalid_value', 'must be a public key of Ed25519: 32 bytes as base64', 'public_key');
    const next = { repository, publicKey, policy: policy ?? debtPolicy.parse({}) };
    const { tenantId } = caller.principal;
    const set = await this.#changed(caller, 'debt.repository', repository, (debt, lease) => debt.setRepository(tenantId, next, lease));
    if (set.ok) await this.parts.measureHourly(tenantId);
    return set;
  }

  removeRepository(caller: Acting, id: string): Promise<Outcome<null>> {
    return this.#changed(caller, 'debt.repository.delete', id, (debt, lease) =>
      debt.removeRepository(caller.principal.tenantId, id, lease),
    );
  }

  /** Refuses with `invalid_value` what is not signed by the key of the repository that it names. [D91] */
  async upload(caller: Acting, envelope: SignedFacts): Promise<Outcome<Taken>> {
    const { principal } = caller;
    if (principal.resources !== undefined) return RESTRICTED;
    const claimed = payloadOf(envelope.payload);
    if (!claimed.ok) return claimed;
    const { file, signed_at: signedAtS } = claimed.value;
    const publicKey = await this.#of(principal).publicKeyOf(principal.tenantId, file.repository);
    if (publicKey === null)
      return refuse('record_not_found', `no repository "${file.repository}" is registered: PUT /v1/debt/repositories`, 'payload');
    const digest = await verifiedDigest(envelope, publicKey);
    if (digest === undefined) return refuse('invalid_value', 'holds for no signature by the key of the repository', 'signatures');
    const upload = { digest, signedAtS, publicKey, file };
    // Before, as an upload that was taken is not taken again. A register of an earlier version begins to be measured here.
    await this.parts.measureHourly(principal.tenantId);
    return underAuthority(caller.authority, (lease) => this.#of(principal).upload(principal.tenantId, upload, lease));
  }

  act(caller: Acting, name: string, action: DebtAction): Promise<Outcome<ItemView>> {
    const { principal } = caller;
    return this.#changed(caller, `debt.item.${action.action}`, name, (debt, lease) =>
      debt.act(principal.tenantId, itemRefOf(name), { action, by: actorOf(principal) }, lease),
    );
  }

  async plan(principal: TenantPrincipal, repository: string, weeks: number): Promise<Outcome<DebtPlan>> {
    return principal.resources === undefined ? this.#of(principal).plan(principal.tenantId, repository, weeks) : RESTRICTED;
  }

  async teams(principal: TenantPrincipal, repository: string): Promise<Outcome<TeamReport>> {
    return principal.resources === undefined ? this.#of(principal).teams(principal.tenantId, repository) : RESTRICTED;
  }

  async onboarding(principal: TenantPrincipal, repository: string, component: string): Promise<Outcome<OnboardingPath>> {
    return principal.resources === undefined ? this.#of(principal).onboarding(principal.tenantId, repository, component) : RESTRICTED;
  }

  async item(principal: TenantPrincipal, name: string): Promise<Outcome<ItemView>> {
    return principal.resources === undefined ? this.#of(principal).item(principal.tenantId, itemRefOf(name)) : RESTRICTED;
  }

  async facts(
    principal: TenantPrincipal,
    filter: Omit<FactFilter, 'tenant'>,
    after: number,
    count: number,
  ): Promise<Outcome<readonly DebtFact[]>> {
    if (principal.resources !== undefined) return RESTRICTED;
    return ok(await this.#of(principal).factPage({ ...filter, tenant: principal.tenantId }, after, count));
  }

  async items(
    principal: Principal,
    subject: DebtSubject,
    filter: Omit<ItemFilter, 'tenant'>,
    after: number,
    count: number,
  ): Promise<Outcome<readonly StoredItem[]>> {
    const scope = await this.#scope(principal, subject);
    if (!scope.ok) return scope;
    const { organisationId, tenantId } = scope.value;
    return ok(await this.parts.debt(organisationId).itemPage({ ...filter, tenant: tenantId }, after, count));
  }

  async repositories(principal: Principal, subject: DebtSubject): Promise<Outcome<readonly RepositoryView[]>> {
    const scope = await this.#scope(principal, subject);
    return scope.ok ? ok(await this.parts.debt(scope.value.organisationId).repositories(scope.value.tenantId)) : scope;
  }

  async #scope(principal: Principal, subject: DebtSubject): Promise<Outcome<Scope>> {
    const scope = scopeOf(principal, subject);
    if (!scope.ok || principal.kind === 'tenant') return scope;
    const known = await this.parts.find(scope.value.organisationId, scope.value.tenantId);
    return known.ok ? scope : known;
  }

  #of({ organisationId }: TenantPrincipal): DebtCalls {
    return this.parts.debt(organisationId);
  }

  async #changed<T>(
    caller: Acting,
    action: string,
    subject: string,
    change: (debt: DebtCalls, lease: WriteLease | undefined) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    if (caller.principal.resources !== undefined) return RESTRICTED;
    return changeNoted(this.parts.note, caller, [action, subject], ({ lease }) => change(this.#of(caller.principal), lease));
  }
}

/** `repository.id`, as the API names an item. */
function itemRefOf(name: string): ItemRef {
  const [repository = '', id = ''] = name.split('.');
  return { repository, id };
}

interface Scope {
  readonly organisationId: OrganisationId;
  readonly tenantId?: TenantId;
}

function scopeOf(principal: Principal, { tenant, organisation }: DebtSubject): Outcome<Scope> {
  if (principal.kind === 'tenant' && principal.resources !== undefined) return RESTRICTED;
  if (organisation !== undefined) {
    if (principal.kind !== 'admin') return refuse('scope_denied', 'only the admin key may ask for an organisation', 'organisation');
    if (tenant === undefined) return ok({ organisationId: organisation });
    if (organisationOf(tenant) !== organisation) return refuse('tenant_not_found', 'the organisation has no such tenant', 'tenant');
  }
  const subject = subjectOf(principal, tenant);
  return subject.ok ? ok({ organisationId: organisationOf(subject.value), tenantId: subject.value }) : subject;
}

/** What an envelope says it is, before its signature has been verified. */
function payloadOf(payload: string) {
  const bytes = fromBase64(payload);
  if (bytes === undefined) return refuse('invalid_value', 'must be base64', 'payload');
  try {
    return parse(signedPayload, JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)));
  } catch {
    return refuse('invalid_value', 'must be base64 of JSON in UTF-8', 'payload');
  }
}

const RESTRICTED = refuse('scope_denied', 'the key is restricted to some resources, and the debt register is of all: use another key');

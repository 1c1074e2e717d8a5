import type { Outcome } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import type { IdSigner } from '../../kernel/id-signer.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { Organisation, Project, Tenant, Ticket } from '../../tenancy/organisation.ts';
import { ORGANISATION_CHARS, organisationId, organisationOf, projectId, TENANT_CHARS, tenantId } from '../../tenancy/resource-ids.ts';
import { entropyFor } from './entropy.ts';
import type { Organisations } from './organisation-store.ts';
import { actorOf, ownerFor, requestDigest, subjectOf } from './subject.ts';
import { Composed } from '../api/composed.ts';

export interface TenancyParts {
  readonly organisations: Organisations;
  readonly hmac: Hmac;
  readonly signer: IdSigner;
  readonly rng: Rng;
  readonly clock: Clock;
}

interface Named {
  readonly name: string;
  readonly owner?: string | undefined;
}

/** Creates organisations, tenants and projects. With an idempotency key a repeat answers what the first call made. */
export class TenancyAdmin extends Composed<TenancyParts> {
  async createOrganisation(
    principal: Principal,
    { name, owner = ownerFor(principal) }: Named,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<Organisation>> {
    const entropy = this.#entropy('organisation', idempotencyKey);
    const own = base32(await entropy.bytes('id', ORGANISATION_CHARS));
    const id = organisationId(await this.parts.signer.sign('organisation', own));
    const asked = await ticket(principal, 'organisation.create', { name, owner });
    const organisation = { id, name, owner, createdAtMs: this.parts.clock.nowMs() };
    const directory = this.parts.organisations.directory();
    // Only a repetition has an id that may exist already.
    const isListed = idempotencyKey !== undefined && (await directory.has(id));
    const found = await this.parts.organisations.at(id).found(organisation, asked, isListed);
    // Listed last: an organisation that is founded and not listed was never answered, so no caller has its id.
    return found.ok ? directory.add(found.value, asked.digest) : found;
  }

  async createTenant(
    principal: Principal,
    body: Named & { readonly organisation: OrganisationId },
    idempotencyKey: string | undefined,
  ): Promise<Outcome<Tenant>> {
    const { organisation, name } = body;
    const store = this.parts.organisations.at(organisation);
    const owner = await ownerWithin(principal, body, () => store.organisation());
    if (!owner.ok) return owner;
    const entropy = this.#entropy(`tenant:${organisation}`, idempotencyKey);
    const id = tenantId(organisation, await entropy.bytes('tenant', TENANT_CHARS));
    const defaultProjectId = projectId(organisation, await entropy.bytes('project', TENANT_CHARS));
    const createdAtMs = this.parts.clock.nowMs();
    const tenant = { id, organisationId: organisation, name, owner: owner.value, defaultProjectId, createdAtMs, hasIndexes: false };
    const project = { id: defaultProjectId, tenantId: id, name: 'default', owner: owner.value, createdAtMs };
    return store.addTenant(tenant, project, await ticket(principal, 'tenant.create', body));
  }

  async createProject(
    principal: Principal,
    body: Named & { readonly tenant?: TenantId | undefined },
    idempotencyKey: string | undefined,
  ): Promise<Outcome<Project>> {
    const subject = subjectOf(principal, body.tenant);
    if (!subject.ok) return subject;
    const organisation = organisationOf(subject.value);
    const entropy = this.#entropy(`project:${subject.value}`, idempotencyKey);
    const id = projectId(organisation, await entropy.bytes('project', TENANT_CHARS));
    const store = this.parts.organisations.at(organisation);
    const owner = await ownerWithin(principal, body, () => store.tenant(subject.value));
    if (!owner.ok) return owner;
    const project = { id, tenantId: subject.value, name: body.name, owner: owner.value, createdAtMs: this.parts.clock.nowMs() };
    return store.addProject(project, await ticket(principal, 'project.create', body));
  }

  #entropy(scope: string, idempotencyKey: string | undefined) {
    return entropyFor(this.parts.rng, this.parts.hmac, scope, idempotencyKey);
  }
}

/** The owner that the request names, or the one it goes without: what the resource is in is read only when that decides. */
async function ownerWithin(
  principal: Principal,
  { owner }: Named,
  within: () => Promise<Outcome<{ readonly owner: string }>>,
): Promise<Outcome<string>> {
  if (owner !== undefined) return ok(owner);
  if (principal.kind === 'tenant') return ok(ownerFor(principal));
  const found = await within();
  return found.ok ? ok(ownerFor(principal, found.value.owner)) : found;
}

/** The audit actor, and the digest that identifies a repetition under the same idempotency key. */
export const ticket = async (principal: Principal, operation: string, args: unknown): Promise<Ticket> => ({
  actor: actorOf(principal),
  digest: await requestDigest(principal, operation, args),
});

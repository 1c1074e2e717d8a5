import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { FileId, KeyId, OrganisationId, ProjectId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { AuditEntry } from '../../tenancy/document-store.ts';
import type { PageOf } from '../../kernel/page.ts';
import type { AdmittedKey, KeyRecord, NewKey, NewSecret, Revoked, Rotated } from '../../tenancy/keys/key-record.ts';
import type { Actor, Organisation, Project, Tenant, Ticket } from '../../tenancy/organisation.ts';
import type { NoteChange } from '../authority.ts';
import { actorOf } from './subject.ts';

/** Everything of one organisation. Calls reject when the store cannot be reached, and are refused with `unavailable` when it lost what it stored. */
export interface OrganisationStore {
  /** `isListed`: the directory has it, so it was founded before. */
  found(organisation: Organisation, ticket: Ticket, isListed: boolean): Promise<Outcome<Organisation>>;
  addTenant(tenant: Tenant, project: Project, ticket: Ticket): Promise<Outcome<Tenant>>;
  addProject(project: Project, ticket: Ticket): Promise<Outcome<Project>>;
  addKey(key: NewKey, ticket: Ticket): Promise<Outcome<KeyRecord>>;
  tenant(id: TenantId): Promise<Outcome<Tenant>>;
  tenants(limit: number, after: string | undefined): Promise<Outcome<PageOf<Tenant>>>;
  projects(tenantId: TenantId, limit: number, after: string | undefined): Promise<Outcome<PageOf<Project>>>;
  keys(tenantId: TenantId, limit: number, after: string | undefined): Promise<Outcome<PageOf<KeyRecord>>>;
  /** `tenantId` narrows to one tenant. */
  project(id: ProjectId, tenantId?: TenantId): Promise<Outcome<Project>>;
  key(id: KeyId, tenantId?: TenantId): Promise<Outcome<KeyRecord>>;
  /** The key with what the organisation has decided, for checking it. */
  admit(id: KeyId): Promise<Outcome<AdmittedKey>>;
  organisation(): Promise<Outcome<Organisation>>;
  shareCache(shared: boolean, actor: Actor): Promise<Outcome<Organisation>>;
  /** A repetition answers the first one's nonce, or `idempotency_key_spent` once its secret is dead or no longer the current one. */
  rotateKey(id: KeyId, tenantId: TenantId | undefined, secret: NewSecret, ticket: Ticket): Promise<Outcome<Rotated>>;
  /** In one step, with all keys that descend from it if that is asked for. */
  revokeKey(id: KeyId, tenantId: TenantId | undefined, withDescendants: boolean, actor: Actor): Promise<Outcome<Revoked>>;
  /** Refuses with `tenant_not_found`. `subject` undefined: the tenant itself. */
  note(tenantId: TenantId, action: string, actor: Actor, subject?: string): Promise<Outcome<Tenant>>;
  /** Writes an action on the organisation or a level of it, which another object carries out. */
  log(action: string, actor: Actor, subject: string): Promise<Outcome<null>>;
  /** Newest first, before the entry at `before`. */
  audit(limit: number, before?: number): Promise<Outcome<readonly AuditEntry[]>>;
  /** Refuses with `state_conflict` what would take an erasure back. */
  moveTenant(id: TenantId, to: 'active' | 'suspended' | 'erasing', actor: Actor): Promise<Outcome<Tenant>>;
  /** Before the tenant's first index: whether there is a registry to ask is known from this. Refuses with `state_conflict` as it is erased. */
  openIndexes(id: TenantId): Promise<Outcome<Tenant>>;
  /** Once its registry is stored: from then on it is known to be there. */
  keepRegistry(id: TenantId): Promise<Outcome<null>>;
  /** Before a file is deleted that was uploaded under an idempotency key: its upload is not repeated (T78). */
  spendFile(tenantId: TenantId, id: FileId, digest: string): Promise<Outcome<null>>;
  /** Refuses with `idempotency_key_spent` or `idempotency_mismatch` the upload of a file that was deleted. */
  admitFile(tenantId: TenantId, id: FileId, digest: string): Promise<Outcome<null>>;
  /** The projects and keys of a tenant. */
  belowTenant(id: TenantId): Promise<Outcome<readonly (ProjectId | KeyId)[]>>;
  eraseBelow(id: TenantId, actor: Actor): Promise<Outcome<number>>;
  buryTenant(id: TenantId, actor: Actor): Promise<Outcome<Tenant>>;
}

/** The list of all organisations. */
export interface OrganisationDirectory {
  add(organisation: Organisation, digest: string): Promise<Outcome<Organisation>>;
  page(limit: number, after: string | undefined): Promise<PageOf<Organisation>>;
  has(id: OrganisationId): Promise<boolean>;
  /** Writes something, and fails where nothing can be written. */
  probe(): Promise<void>;
  /** All whose ids were made before ids were signed. */
  unsigned(): Promise<readonly OrganisationId[]>;
}

export interface Organisations {
  at(id: OrganisationId): OrganisationStore;
  directory(): OrganisationDirectory;
}

/** Notes changes in the audit trails of tenants. */
export const noteIn =
  (organisations: Organisations): NoteChange =>
  (principal, action, subject) =>
    organisations.at(principal.organisationId).note(principal.tenantId, action, actorOf(principal), subject);

/** The ids of all tenants of an organisation, oldest first. */
export async function allTenants(organisations: Organisations, organisation: OrganisationId): Promise<Outcome<readonly TenantId[]>> {
  const ids: TenantId[] = [];
  for (let more = true; more;) {
    const page = await organisations.at(organisation).tenants(LIMITS.pageMaxCount, ids.at(-1));
    if (!page.ok) return page;
    ids.push(...page.value.items.map(({ id }) => id));
    more = page.value.hasMore;
  }
  return ok(ids);
}

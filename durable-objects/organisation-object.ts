import { DurableObject } from 'cloudflare:workers';

import type { Outcome } from '../src/contract/outcome.ts';
import type { FileId, KeyId, ProjectId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { AuditEntry } from '../src/tenancy/document-store.ts';
import type { PageOf } from '../src/kernel/page.ts';
import type { Actor, Organisation, Project, Tenant, Ticket } from '../src/tenancy/organisation.ts';
import { moved, shareCache, stateOf } from '../src/tenancy/organisation.ts';
import type { AdmittedKey, KeyRecord, NewKey, NewSecret, Revoked, Rotated } from '../src/tenancy/keys/key-record.ts';
import { OrganisationKeys } from './organisation-keys.ts';
import { OrganisationRecords } from './organisation-records.ts';

/** One organisation: its tenants, projects and API keys. Holds MACs, never a secret; nothing is written before it is founded. */
export class OrganisationObject extends DurableObject {
  readonly #records = new OrganisationRecords(this.ctx.storage);
  readonly #documents = this.#records.documents;
  readonly #keys = new OrganisationKeys(this.#records);

  found(organisation: Organisation, ticket: Ticket, isListed: boolean): Outcome<Organisation> {
    return this.#records.found(organisation, ticket, isListed);
  }

  addTenant(tenant: Tenant, project: Project, ticket: Ticket): Outcome<Tenant> {
    return this.#records.addTenant(tenant, project, ticket);
  }

  addProject(project: Project, ticket: Ticket): Outcome<Project> {
    return this.#records.addProject(project, ticket);
  }

  /** Refuses with `project_not_found` when the project is not the tenant's. */
  addKey(key: NewKey, ticket: Ticket): Outcome<KeyRecord> {
    return this.#keys.add(key, ticket);
  }

  tenant(id: TenantId): Outcome<Tenant> {
    return this.#records.insideTenant(id, ok);
  }

  tenants(limit: number, after: string | undefined): Outcome<PageOf<Tenant>> {
    return this.#records.inside((organisation) => ok(this.#documents.page('tenant', organisation.id, limit, after)));
  }

  projects(tenantId: TenantId, limit: number, after: string | undefined): Outcome<PageOf<Project>> {
    return this.#records.insideTenant(tenantId, () => ok(this.#documents.page('project', tenantId, limit, after)));
  }

  keys(tenantId: TenantId, limit: number, after: string | undefined): Outcome<PageOf<KeyRecord>> {
    return this.#records.insideTenant(tenantId, () => ok(this.#documents.page('key', tenantId, limit, after)));
  }

  project(id: ProjectId, tenantId?: TenantId): Outcome<Project> {
    return this.#records.project(id, tenantId);
  }

  key(id: KeyId, tenantId?: TenantId): Outcome<KeyRecord> {
    return this.#records.key(id, tenantId);
  }

  /** The key with what its organisation and tenant have come to, for checking it. */
  admit(id: KeyId): Outcome<AdmittedKey> {
    const found = this.key(id);
    if (!found.ok) return found;
    return this.#records.insideTenant(found.value.tenantId, (tenant) =>
      this.#records.inside(({ cacheSharing }) =>
        ok({ ...found.value, sharesCache: cacheSharing === 'on', isSuspended: stateOf(tenant) !== 'active' }),
      ),
    );
  }

  /** Suspends a tenant, ends that, or begins its erasure. Refuses with `state_conflict` what would take an erasure back. */
  moveTenant(id: TenantId, to: 'active' | 'suspended' | 'erasing', actor: Actor): Outcome<Tenant> {
    return this.#records.insideTenant(id, (tenant) => {
      const next = moved(tenant, to);
      if (next.ok && next.value !== tenant) this.#documents.change('tenant', next.value, actor, to);
      return next;
    });
  }

  spendFile(tenantId: TenantId, id: FileId, digest: string): Outcome<null> {
    return this.#records.spendFile(tenantId, id, digest);
  }

  admitFile(tenantId: TenantId, id: FileId, digest: string): Outcome<null> {
    return this.#records.admitFile(tenantId, id, digest);
  }

  openIndexes(id: TenantId): Outcome<Tenant> {
    return this.#records.openIndexes(id);
  }

  keepRegistry(id: TenantId): Outcome<null> {
    return this.#records.keepRegistry(id);
  }

  belowTenant(id: TenantId): Outcome<(ProjectId | KeyId)[]> {
    return this.#records.insideTenant(id, () => ok(this.#records.below(id)));
  }

  eraseBelow(id: TenantId, actor: Actor): Outcome<number> {
    return this.#records.insideTenant(id, () => ok(this.#records.eraseBelow(id, actor)));
  }

  buryTenant(id: TenantId, actor: Actor): Outcome<Tenant> {
    return this.#records.insideTenant(id, (tenant) => ok(this.#records.bury(tenant, actor)));
  }

  organisation(): Outcome<Organisation> {
    return this.#records.inside(ok);
  }

  shareCache(shared: boolean, actor: Actor): Outcome<Organisation> {
    return this.#records.inside((organisation) => {
      const changed = shareCache(organisation, shared);
      if (changed !== organisation) this.#documents.change('organisation', changed, actor, shared ? 'share_cache' : 'unshare_cache');
      return ok(changed);
    });
  }

  rotateKey(id: KeyId, tenantId: TenantId | undefined, secret: NewSecret, ticket: Ticket): Outcome<Rotated> {
    return this.#keys.rotate(this.key(id, tenantId), secret, ticket);
  }

  revokeKey(id: KeyId, tenantId: TenantId | undefined, withDescendants: boolean, actor: Actor): Outcome<Revoked> {
    return this.#keys.revoke(this.key(id, tenantId), withDescendants, actor);
  }

  /** Writes an action on a tenant that another object carries out. */
  note(tenantId: TenantId, action: string, actor: Actor, subject: string = tenantId): Outcome<Tenant> {
    return this.#records.note(tenantId, { actor, action, subject });
  }

  /** Writes an action on a level of the organisation that another object carries out. */
  log(action: string, actor: Actor, subject: string): Outcome<null> {
    return this.#records.inside(() => ok(this.#documents.note({ atMs: Date.now(), actor, action, subject })));
  }

  /** The audit trail: actions and their actors, newest first, before the entry at `before`. */
  audit(limit: number, before = Number.MAX_SAFE_INTEGER): Outcome<readonly AuditEntry[]> {
    return this.#records.inside(() => ok(this.#documents.trail(limit, before)));
  }
}

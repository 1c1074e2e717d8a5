import { DurableObject } from 'cloudflare:workers';

import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse } from '../src/contract/outcome.ts';
import { assert } from '../src/kernel/assert.ts';
import type { KeyId, ProjectId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { AuditEntry } from '../src/tenancy/audit-entry.ts';
import { shareCache } from '../src/tenancy/cache-sharing.ts';
import { issue, revoke, rotate } from '../src/tenancy/keys/key-record.ts';
import type { AdmittedKey, KeyRecord, NewKey } from '../src/tenancy/keys/key-record.ts';
import type { Organisation, Project, Tenant } from '../src/tenancy/organisation.ts';
import type { PageOf } from '../src/tenancy/page-of.ts';
import type { Ticket } from '../src/tenancy/ticket.ts';
import { SqliteDocumentStore } from './sqlite/document-store.ts';

interface Bodies extends Record<string, object> {
  organisation: Organisation;
  tenant: Tenant;
  project: Project;
  key: KeyRecord;
}

type KeyChange = (record: KeyRecord, nowMs: number) => Outcome<KeyRecord>;

/** One organisation: its tenants, projects and API keys. Holds MACs, never a secret; an invented id writes nothing. */
export class OrganisationObject extends DurableObject {
  readonly #documents = new SqliteDocumentStore<Bodies>(this.ctx.storage);

  found(organisation: Organisation, ticket: Ticket): Outcome<Organisation> {
    this.#documents.open();
    const { id, name } = organisation;
    return this.#documents.create('organisation', { id, parent: '', name, digest: ticket.digest, body: organisation }, 1, ticket.actor);
  }

  /** A tenant and its default project, in one step. */
  addTenant(tenant: Tenant, project: Project, { actor, digest }: Ticket): Outcome<Tenant> {
    return this.#inside(() => {
      const { id, organisationId: parent, name } = tenant;
      const document = { id, parent, name, digest, body: tenant };
      const added = this.#documents.create('tenant', document, LIMITS.tenantsPerOrganisationMaxCount, actor);
      if (!added.ok) return added;
      const first = this.#documents.create('project', { id: project.id, parent: id, name: project.name, digest, body: project }, 1, actor);
      assert(first.ok, 'a new tenant has room for its default project');
      return added;
    });
  }

  addProject(project: Project, { actor, digest }: Ticket): Outcome<Project> {
    return this.#insideTenant(project.tenantId, () => {
      const document = { id: project.id, parent: project.tenantId, name: project.name, digest, body: project };
      return this.#documents.create('project', document, LIMITS.projectsPerTenantMaxCount, actor);
    });
  }

  /** Refuses with `project_not_found` when the project is not the tenant's. */
  addKey(key: NewKey, { actor, digest }: Ticket): Outcome<KeyRecord> {
    return this.#insideTenant(key.tenantId, () => {
      if (this.#documents.find('project', key.projectId)?.tenantId !== key.tenantId) {
        return refuse('project_not_found', 'the tenant has no such project', 'project');
      }
      // Names of keys need not be unique: two may be called "ci".
      const document = { id: key.id, parent: key.tenantId, name: key.id, digest, body: issue(key) };
      const added = this.#documents.create('key', document, LIMITS.keysPerTenantMaxCount, actor);
      if (!added.ok || added.value.secrets[0]?.mac === key.mac) return added;
      return refuse('state_conflict', 'the key this idempotency-key made has been rotated since', 'idempotency-key');
    });
  }

  tenant(id: TenantId): Outcome<Tenant> {
    return this.#insideTenant(id, ok);
  }

  tenants(limit: number, after: string | undefined): Outcome<PageOf<Tenant>> {
    return this.#inside((organisation) => ok(this.#documents.page('tenant', organisation.id, limit, after)));
  }

  projects(tenantId: TenantId, limit: number, after: string | undefined): Outcome<PageOf<Project>> {
    return this.#insideTenant(tenantId, () => ok(this.#documents.page('project', tenantId, limit, after)));
  }

  keys(tenantId: TenantId, limit: number, after: string | undefined): Outcome<PageOf<KeyRecord>> {
    return this.#insideTenant(tenantId, () => ok(this.#documents.page('key', tenantId, limit, after)));
  }

  /** The project, if it is there; `tenantId` narrows to one tenant. */
  project(id: ProjectId, tenantId?: TenantId): Outcome<Project> {
    const project = this.#documents.exists() ? this.#documents.find('project', id) : undefined;
    if (project !== undefined && (tenantId === undefined || project.tenantId === tenantId)) return ok(project);
    return refuse('project_not_found', 'there is no such project', 'project');
  }

  /** The key, if it is there; `tenantId` narrows to one tenant. */
  key(id: KeyId, tenantId?: TenantId): Outcome<KeyRecord> {
    const record = this.#documents.exists() ? this.#documents.find('key', id) : undefined;
    if (record !== undefined && (tenantId === undefined || record.tenantId === tenantId)) return ok(record);
    return refuse('key_not_found', 'there is no such key', 'key');
  }

  /** The key with what the organisation has decided, for checking it. */
  admit(id: KeyId): Outcome<AdmittedKey> {
    const found = this.key(id);
    return found.ok ? this.#inside(({ cacheSharing }) => ok({ ...found.value, sharesCache: cacheSharing === 'on' })) : found;
  }

  organisation(): Outcome<Organisation> {
    return this.#inside(ok);
  }

  shareCache(shared: boolean, actor: string): Outcome<Organisation> {
    return this.#inside((organisation) => {
      const changed = shareCache(organisation, shared);
      if (changed !== organisation) this.#documents.change('organisation', changed, actor, shared ? 'share_cache' : 'unshare_cache');
      return ok(changed);
    });
  }

  rotateKey(id: KeyId, tenantId: TenantId | undefined, mac: string, graceMs: number, actor: string): Outcome<KeyRecord> {
    return this.#changeKey(this.key(id, tenantId), 'rotate', actor, (record, nowMs) => rotate(record, mac, graceMs, nowMs));
  }

  revokeKey(id: KeyId, tenantId: TenantId | undefined, actor: string): Outcome<KeyRecord> {
    return this.#changeKey(this.key(id, tenantId), 'revoke', actor, (record, nowMs) => ok(revoke(record, nowMs)));
  }

  /** Writes an action on a tenant that another object carries out. */
  note(tenantId: TenantId, action: string, actor: string, subject: string = tenantId): Outcome<Tenant> {
    const tenant = this.tenant(tenantId);
    if (tenant.ok) this.#documents.note({ atMs: Date.now(), actor, action, subject });
    return tenant;
  }

  /** Writes an action on a level of the organisation that another object carries out. */
  log(action: string, actor: string, subject: string): Outcome<null> {
    return this.#inside(() => {
      this.#documents.note({ atMs: Date.now(), actor, action, subject });
      return ok(null);
    });
  }

  /** What was done here and by whom, newest first. */
  audit(limit: number): Outcome<readonly AuditEntry[]> {
    return this.#inside(() => ok(this.#documents.trail(limit)));
  }

  #inside<T>(body: (organisation: Organisation) => Outcome<T>): Outcome<T> {
    const [organisation] = this.#documents.exists() ? this.#documents.page('organisation', '', 1, undefined).items : [];
    if (organisation === undefined) return refuse('organisation_not_found', 'there is no such organisation', 'organisation');
    return this.#documents.transaction(() => body(organisation));
  }

  #insideTenant<T>(id: TenantId, body: (tenant: Tenant) => Outcome<T>): Outcome<T> {
    const tenant = this.#documents.exists() ? this.#documents.find('tenant', id) : undefined;
    if (tenant === undefined) return refuse('tenant_not_found', 'there is no such tenant', 'tenant');
    return this.#documents.transaction(() => body(tenant));
  }

  #changeKey(found: Outcome<KeyRecord>, action: string, actor: string, change: KeyChange): Outcome<KeyRecord> {
    if (!found.ok) return found;
    const changed = change(found.value, Date.now());
    if (changed.ok && changed.value !== found.value) this.#documents.change('key', changed.value, actor, action);
    return changed;
  }
}

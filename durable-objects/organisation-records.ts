import type { Outcome } from '../src/contract/outcome.ts';
import { refuse } from '../src/contract/outcome.ts';
import { admitKey, keySpent, SPENT_KEY_BOUNDS } from '../src/contract/spent-key.ts';
import { assert } from '../src/kernel/assert.ts';
import type { FileId, KeyId, ProjectId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { SqlStorage } from '../src/kernel/sql/sql-storage.ts';
import type { KeyRecord, RotationReceipt } from '../src/tenancy/keys/key-record.ts';
import { deadSince, EXPIRED_KEY, SUSPENDED_TENANT, UNKNOWN_KEY } from '../src/tenancy/keys/key-record.ts';
import type { Actor, Organisation, Project, Tenant, Ticket } from '../src/tenancy/organisation.ts';
import { isErased, stateOf, tombstone, withIndexes, withRegistry } from '../src/tenancy/organisation.ts';
import { SqliteDocumentStore } from '../src/tenancy/document-store.ts';
import { SqliteSpentKeys } from '../src/kernel/sql/spent-keys.ts';
import { systemClock } from './system-time.ts';

export interface OrganisationBodies extends Record<string, object> {
  organisation: Organisation;
  tenant: Tenant;
  project: Project;
  key: KeyRecord;
  /** Rotations of keys; their parent is the tenant of the keys. */
  rotation: RotationReceipt;
}

/**
 * The records of one organisation. Its object is addressed by ids that this deployment made (T65), and no id is answered before the
 * organisation is stored: so where there is no record, what was stored is lost, and every call is `unavailable`. [T90]
 */
export class OrganisationRecords {
  readonly documents: SqliteDocumentStore<OrganisationBodies>;
  readonly #spentFiles: SqliteSpentKeys;

  constructor(storage: SqlStorage) {
    this.documents = new SqliteDocumentStore<OrganisationBodies>(storage, systemClock);
    this.#spentFiles = new SqliteSpentKeys(storage, SPENT_KEY_BOUNDS);
  }

  /** `isListed`: it was founded before, so it is not created anew here. */
  found(organisation: Organisation, { actor, digest }: Ticket, isListed: boolean): Outcome<Organisation> {
    if (isListed && this.#organisation() === undefined) return LOST;
    const { id, name } = organisation;
    return this.documents.create('organisation', { id, parent: '', name, digest, body: organisation }, { bound: 1 }, actor);
  }

  /** In one transaction, unless the organisation is lost. */
  inside<T>(body: (organisation: Organisation) => Outcome<T>): Outcome<T> {
    const organisation = this.#organisation();
    return organisation === undefined ? LOST : this.documents.transaction(() => body(organisation));
  }

  /** In one transaction, if there is the tenant. */
  insideTenant<T>(id: TenantId, body: (tenant: Tenant) => Outcome<T>): Outcome<T> {
    const tenant = this.documents.find('tenant', id);
    if (tenant === undefined) return this.#absent('tenant_not_found', 'there is no such tenant', 'tenant');
    return this.documents.transaction(() => body(tenant));
  }

  /** As `insideTenant` and `acting`, but refuses once the tenant is being erased: nothing new is stored then. */
  insideLasting<T>(id: TenantId, actor: Actor, body: (tenant: Tenant) => Outcome<T>): Outcome<T> {
    return this.insideTenant(id, (tenant) =>
      this.acting(actor, () => {
        return isErased(tenant) ? refuse('state_conflict', `the tenant is ${stateOf(tenant)}`, 'tenant') : body(tenant);
      }),
    );
  }

  /**
   * In one transaction, if the acting key may act now: a key is refused once it is revoked or has expired, or while its tenant is not active. So
   * nothing is committed in the name of a key that has ended, however long ago the request was let in.
   */
  acting<T>(actor: Actor, body: () => Outcome<T>): Outcome<T> {
    return this.documents.transaction(() => {
      const may = actor === 'admin' ? ok(null) : this.#mayAct(actor);
      return may.ok ? body() : may;
    });
  }

  /** A tenant and its default project, in one step. Refuses with `idempotency_key_spent` the repetition whose tenant has been erased since. */
  addTenant(tenant: Tenant, project: Project, { actor, digest }: Ticket): Outcome<Tenant> {
    return this.inside(() => {
      const { id, organisationId: parent, name } = tenant;
      const added = this.documents.create('tenant', { id, parent, name, digest, body: tenant }, 'tenantsPerOrganisationMaxCount', actor);
      const state = added.ok ? stateOf(added.value) : undefined;
      if (added.ok && state === 'erased') return keySpent({ id, endedAtMs: added.value.erasedAtMs ?? null }, 'was erased');
      if (state !== 'active') return added;
      const first = this.documents.create(
        'project',
        { id: project.id, parent: id, name: project.name, digest, body: project },
        { bound: 1 },
        actor,
      );
      assert(first.ok, 'a new tenant has room for its default project');
      return added;
    });
  }

  /** A line of the audit trail about work for a tenant: none begins for a tenant that is being erased. */
  note(id: TenantId, line: { readonly actor: Actor; readonly action: string; readonly subject: string }): Outcome<Tenant> {
    return this.insideLasting(id, line.actor, (tenant) => {
      this.documents.note({ atMs: Date.now(), ...line });
      return ok(tenant);
    });
  }

  addProject(project: Project, { actor, digest }: Ticket): Outcome<Project> {
    return this.insideLasting(project.tenantId, actor, () => {
      const document = { id: project.id, parent: project.tenantId, name: project.name, digest, body: project };
      return this.documents.create('project', document, 'projectsPerTenantMaxCount', actor);
    });
  }

  /** A file that was uploaded under an idempotency key is about to be deleted: no repetition uploads it again (T78). */
  spendFile(tenantId: TenantId, id: FileId, digest: string): Outcome<null> {
    return this.insideLasting(tenantId, 'admin', () => {
      this.#spentFiles.spend(tenantId, { key: id, digest }, id, Date.now());
      return ok(null);
    });
  }

  /** Refuses the upload of a file that was deleted. */
  admitFile(tenantId: TenantId, id: FileId, digest: string): Outcome<null> {
    return this.insideTenant(tenantId, () => admitKey(this.#spentFiles.find(tenantId, id, Date.now()), digest));
  }

  openIndexes(tenantId: TenantId): Outcome<Tenant> {
    // On behalf of a caller that creates an index: the index's own object checks its right.
    return this.insideLasting(tenantId, 'admin', (tenant) => {
      const opened = withIndexes(tenant);
      if (opened !== tenant) this.documents.replace('tenant', opened);
      return ok(opened);
    });
  }

  /** Whatever state the tenant is in: what is stored is there. */
  keepRegistry(tenantId: TenantId): Outcome<null> {
    return this.insideTenant(tenantId, (tenant) => {
      const kept = withRegistry(tenant);
      if (kept !== tenant) this.documents.replace('tenant', kept);
      return ok(null);
    });
  }

  /** `tenantId` narrows to one tenant. */
  project(id: ProjectId, tenantId?: TenantId): Outcome<Project> {
    const project = this.documents.find('project', id);
    if (project !== undefined && (tenantId === undefined || project.tenantId === tenantId)) return ok(project);
    return this.#absent('project_not_found', 'there is no such project', 'project');
  }

  /** `tenantId` narrows to one tenant. */
  key(id: KeyId, tenantId?: TenantId): Outcome<KeyRecord> {
    const record = this.documents.find('key', id);
    if (record !== undefined && (tenantId === undefined || record.tenantId === tenantId)) return ok(record);
    return this.#absent('key_not_found', 'there is no such key', 'key');
  }

  #organisation(): Organisation | undefined {
    return this.documents.page('organisation', '', 1, undefined).items[0];
  }

  #absent(...refusal: Parameters<typeof refuse>): ReturnType<typeof refuse> {
    return this.#organisation() === undefined ? LOST : refuse(...refusal);
  }

  #mayAct(id: KeyId): Outcome<null> {
    const key = this.key(id);
    const dead = key.ok ? deadSince(key.value, Date.now()) : 'revoked';
    if (!key.ok || dead === 'revoked') return UNKNOWN_KEY;
    if (dead === 'expired') return EXPIRED_KEY;
    return this.insideTenant(key.value.tenantId, (tenant) => (stateOf(tenant) === 'active' ? ok(null) : SUSPENDED_TENANT));
  }

  /** The projects and keys of a tenant. */
  below(tenantId: TenantId): (ProjectId | KeyId)[] {
    return [...this.documents.idsOf('project', tenantId), ...this.documents.idsOf('key', tenantId)] as (ProjectId | KeyId)[];
  }

  eraseBelow(tenantId: TenantId, actor: Actor): number {
    this.documents.removeOf('rotation', tenantId);
    this.#spentFiles.forget(tenantId);
    const count = this.documents.removeOf('key', tenantId) + this.documents.removeOf('project', tenantId);
    if (count > 0) this.documents.note({ atMs: Date.now(), actor, action: 'tenant.erase_keys_and_projects', subject: tenantId });
    return count;
  }

  /** Keeps an erased tenant's id, but neither its name nor its owner. */
  bury(tenant: Tenant, actor: Actor): Tenant {
    if (stateOf(tenant) === 'erased') return tenant;
    const buried = tombstone(tenant, Date.now());
    this.documents.rename('tenant', buried.id, buried.name);
    this.documents.change('tenant', buried, actor, 'erased');
    return buried;
  }
}

const LOST = refuse('unavailable', 'the organisation has lost its storage: restore its file and repeat the call');

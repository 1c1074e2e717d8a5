import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import type { KeyId, ProjectId, TenantId } from '../kernel/ids.ts';
import { ok } from '../kernel/result.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import type { KeyRecord, RotationReceipt } from './keys/key-record.ts';
import { deadSince, EXPIRED_KEY, SUSPENDED_TENANT, UNKNOWN_KEY } from './keys/key-record.ts';
import type { Actor, Organisation, Project, Tenant, Ticket } from './organisation.ts';
import { isErased, stateOf } from './organisation.ts';
import { SqliteDocumentStore } from './document-store.ts';
import type { Clock } from '../kernel/clock.ts';

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
  readonly clock: Clock;

  /** `onChange`: called in the transaction of whatever is done to the organisation or anything of it. */
  constructor(storage: SqlStorage, clock: Clock, onChange: () => void) {
    this.documents = new SqliteDocumentStore<OrganisationBodies>(storage, clock, onChange);
    this.clock = clock;
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
    const dead = key.ok ? deadSince(key.value, this.clock.nowMs()) : 'revoked';
    if (!key.ok || dead === 'revoked') return UNKNOWN_KEY;
    if (dead === 'expired') return EXPIRED_KEY;
    return this.insideTenant(key.value.tenantId, (tenant) => (stateOf(tenant) === 'active' ? ok(null) : SUSPENDED_TENANT));
  }
}

const LOST = refuse('unavailable', 'the organisation has lost its storage: restore its file and repeat the call');

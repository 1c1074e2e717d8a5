import type { Outcome } from '../contract/api/outcome.ts';
import { admitKey, keySpent, SPENT_KEY_BOUNDS } from '../contract/api/spent-key.ts';
import { assert } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import type { FileId, KeyId, ProjectId, TenantId } from '../kernel/ids.ts';
import type { PageOf } from '../kernel/page.ts';
import { ok } from '../kernel/result.ts';
import type { Timer } from '../kernel/timer.ts';
import { SqliteSpentKeys } from '../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import type { AuditEntry } from './document-store.ts';
import type { AdmittedKey, KeyRecord, NewKey, NewSecret, Revoked, Rotated } from './keys/key-record.ts';
import { OrganisationKeys } from './keys/organisation-keys.ts';
import type { Actor, Organisation, Project, Tenant, Ticket } from './organisation.ts';
import { moved, shareCache, stateOf, tombstone, withIndexes, withRegistry } from './organisation.ts';
import type { AuthorityWatcher } from './authority-watchers.ts';
import { AuthorityWatchers } from './authority-watchers.ts';
import { OrganisationRecords } from './organisation-records.ts';

/**
 * One organisation: its tenants, projects and API keys. Holds MACs, never a secret; nothing is written before it is founded. Calls are refused
 * with `unavailable` where what was stored is lost.
 */
export class OrganisationService {
  readonly #records: OrganisationRecords;
  readonly #documents: OrganisationRecords['documents'];
  readonly #keys: OrganisationKeys;
  readonly #spentFiles: SqliteSpentKeys;
  readonly #watchers: AuthorityWatchers;

  constructor(storage: SqlStorage, clock: Clock, timer: Timer) {
    this.#watchers = new AuthorityWatchers(clock, timer);
    this.#records = new OrganisationRecords(storage, clock, () => this.#watchers.changed());
    this.#documents = this.#records.documents;
    this.#keys = new OrganisationKeys(this.#records);
    this.#spentFiles = new SqliteSpentKeys(storage, SPENT_KEY_BOUNDS);
  }

  /** `isListed`: the directory has it, so it was founded before. */
  found(organisation: Organisation, ticket: Ticket, isListed: boolean): Outcome<Organisation> {
    return this.#records.found(organisation, ticket, isListed);
  }

  /** A tenant and its default project, in one step. Refuses with `idempotency_key_spent` the repetition whose tenant has been erased since. */
  addTenant(tenant: Tenant, project: Project, { actor, digest }: Ticket): Outcome<Tenant> {
    return this.#records.inside(() => {
      const { id, organisationId: parent, name } = tenant;
      const added = this.#documents.create('tenant', { id, parent, name, digest, body: tenant }, 'tenantsPerOrganisationMaxCount', actor);
      const state = added.ok ? stateOf(added.value) : undefined;
      if (added.ok && state === 'erased') return keySpent({ id, endedAtMs: added.value.erasedAtMs ?? null }, 'was erased');
      if (state !== 'active') return added;
      const first = this.#documents.create(
        'project',
        { id: project.id, parent: id, name: project.name, digest, body: project },
        { bound: 1 },
        actor,
      );
      assert(first.ok, 'a new tenant has room for its default project');
      return added;
    });
  }

  addProject(project: Project, { actor, digest }: Ticket): Outcome<Project> {
    return this.#records.insideLasting(project.tenantId, actor, () => {
      const document = { id: project.id, parent: project.tenantId, name: project.name, digest, body: project };
      return this.#documents.create('project', document, 'projectsPerTenantMaxCount', actor);
    });
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

  /** `tenantId` narrows to one tenant. */
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
        ok({
          ...found.value,
          sharesCache: cacheSharing === 'on',
          isSuspended: stateOf(tenant) !== 'active',
          version: this.#documents.newest(),
        }),
      ),
    );
  }

  /**
   * Answers the version of what keys and tenants may do once it is newer than the one that the isolate knows, at the latest after `waitMs`: it
   * rises with each change of any of them. [T120]
   */
  async watch(watcher: AuthorityWatcher, waitMs: number): Promise<Outcome<number>> {
    const found = this.organisation();
    if (!found.ok) return found;
    await this.#watchers.wait(watcher, waitMs, () => this.#documents.newest());
    return this.#records.inside(() => ok(this.#documents.newest()));
  }

  /** How many isolates may have calls of a tenant under way that were let in before its erasure began. [T122] */
  countCalling(id: TenantId): Outcome<number> {
    return this.#records.insideTenant(id, () => ok(this.#watchers.countBehind(this.#documents.newestOf('tenant.erasing', id) ?? 0)));
  }

  /** Suspends a tenant, ends that, or begins its erasure. Refuses with `state_conflict` what would take an erasure back. */
  moveTenant(id: TenantId, to: 'active' | 'suspended' | 'erasing', actor: Actor): Outcome<Tenant> {
    return this.#records.insideTenant(id, (tenant) => {
      const next = moved(tenant, to);
      if (next.ok && next.value !== tenant) this.#documents.change('tenant', next.value, actor, to);
      return next;
    });
  }

  /** Before a file is deleted that was uploaded under an idempotency key: its upload is not repeated (T78). */
  spendFile(tenantId: TenantId, id: FileId, digest: string): Outcome<null> {
    return this.#records.insideLasting(tenantId, 'admin', () => {
      this.#spentFiles.spend(tenantId, { key: id, digest }, id, this.#nowMs());
      return ok(null);
    });
  }

  /** Refuses with `idempotency_key_spent` or `idempotency_mismatch` the upload of a file that was deleted. */
  admitFile(tenantId: TenantId, id: FileId, digest: string): Outcome<null> {
    return this.#records.insideTenant(tenantId, () => admitKey(this.#spentFiles.find(tenantId, id, this.#nowMs()), digest));
  }

  /** Before the tenant's first index: whether there is a registry to ask is known from this. Refuses with `state_conflict` as it is erased. */
  openIndexes(tenantId: TenantId): Outcome<Tenant> {
    // On behalf of a caller that creates an index: the index's own object checks its right.
    return this.#records.insideLasting(tenantId, 'admin', (tenant) => {
      const opened = withIndexes(tenant);
      if (opened !== tenant) this.#documents.replace('tenant', opened);
      return ok(opened);
    });
  }

  /** Once its registry is stored: from then on it is known to be there, whatever state the tenant is in. */
  keepRegistry(tenantId: TenantId): Outcome<null> {
    return this.#records.insideTenant(tenantId, (tenant) => {
      const kept = withRegistry(tenant);
      if (kept !== tenant) this.#documents.replace('tenant', kept);
      return ok(null);
    });
  }

  /** The projects and keys of a tenant. */
  belowTenant(id: TenantId): Outcome<(ProjectId | KeyId)[]> {
    const below = (): string[] => [...this.#documents.idsOf('project', id), ...this.#documents.idsOf('key', id)];
    return this.#records.insideTenant(id, () => ok(below() as (ProjectId | KeyId)[]));
  }

  eraseBelow(id: TenantId, actor: Actor): Outcome<number> {
    return this.#records.insideTenant(id, () => {
      this.#documents.removeOf('rotation', id);
      this.#spentFiles.forget(id);
      const count = this.#documents.removeOf('key', id) + this.#documents.removeOf('project', id);
      if (count > 0) this.#documents.note({ atMs: this.#nowMs(), actor, action: 'tenant.erase_keys_and_projects', subject: id });
      return ok(count);
    });
  }

  /** Keeps an erased tenant's id, but neither its name nor its owner. */
  buryTenant(id: TenantId, actor: Actor): Outcome<Tenant> {
    return this.#records.insideTenant(id, (tenant) => {
      if (stateOf(tenant) === 'erased') return ok(tenant);
      const buried = tombstone(tenant, this.#nowMs());
      this.#documents.rename('tenant', buried.id, buried.name);
      this.#documents.change('tenant', buried, actor, 'erased');
      return ok(buried);
    });
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

  /** A repetition answers the first one's nonce, or `idempotency_key_spent` once its secret is dead or no longer the current one. */
  rotateKey(id: KeyId, tenantId: TenantId | undefined, secret: NewSecret, ticket: Ticket): Outcome<Rotated> {
    return this.#keys.rotate(this.key(id, tenantId), secret, ticket);
  }

  /** In one step, with all keys that descend from it if that is asked for. */
  revokeKey(id: KeyId, tenantId: TenantId | undefined, withDescendants: boolean, actor: Actor): Outcome<Revoked> {
    return this.#keys.revoke(this.key(id, tenantId), withDescendants, actor);
  }

  /** Writes an action on a tenant that another object carries out: none begins for a tenant that is being erased. */
  note(tenantId: TenantId, action: string, actor: Actor, subject: string = tenantId): Outcome<Tenant> {
    return this.#records.insideLasting(tenantId, actor, (tenant) => {
      this.#documents.note({ atMs: this.#nowMs(), actor, action, subject });
      return ok(tenant);
    });
  }

  /** Writes an action on a level of the organisation that another object carries out. */
  log(action: string, actor: Actor, subject: string): Outcome<null> {
    return this.#records.inside(() => ok(this.#documents.note({ atMs: this.#nowMs(), actor, action, subject })));
  }

  /** The audit trail: actions and their actors, newest first, before the entry at `before`. */
  audit(limit: number, before = Number.MAX_SAFE_INTEGER): Outcome<readonly AuditEntry[]> {
    return this.#records.inside(() => ok(this.#documents.trail(limit, before)));
  }

  #nowMs(): number {
    return this.#records.clock.nowMs();
  }
}

import type { AliasAction, AliasPage } from '../src/index/aliases.ts';
import { changedAliases } from '../src/index/aliases.ts';
import type { Erasure } from '../src/index/erasure.ts';
import { keyUsedOtherwise } from '../src/index/index-lifecycle.ts';
import type { IndexManifest, IndexPage } from '../src/index/index-manifest.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse, refuseBeyond } from '../src/contract/outcome.ts';
import type { WriteLease } from '../src/contract/write-lease.ts';
import { ERASED_TENANT, underLease } from '../src/contract/write-lease.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { MadeIndex } from '../src/index/registry/index-registry.ts';
import { ErasureLog, SqliteAliasRegistry, SqliteIndexRegistry } from '../src/index/registry/index-registry.ts';
import { StoredCell } from './stored-cell.ts';

/**
 * The indexes of one tenant, by name: for listing and counting them. The index's own object is the authority; it reserves its name here before
 * anything else exists and releases it when it is deleted, so every repetition must change nothing.
 */
export class TenantIndexRegistry {
  readonly #registry: SqliteIndexRegistry;
  readonly #erasures: ErasureLog;
  readonly #aliases: SqliteAliasRegistry;
  readonly #closed: StoredCell<true>;

  constructor(storage: DurableObjectStorage) {
    this.#registry = new SqliteIndexRegistry(storage);
    this.#erasures = new ErasureLog(storage);
    this.#aliases = new SqliteAliasRegistry(storage);
    this.#closed = new StoredCell(storage, 'closed');
  }

  /** Nothing else may be called before. */
  open(): void {
    this.#registry.open();
  }

  /** Whether it was ever opened, according to its storage. */
  isOpen(): boolean {
    return this.#registry.isOpen();
  }

  /** Refuses as `admits`, and with `state_conflict` the name of another index: it releases its name before the next one reserves it. */
  reserve(manifest: IndexManifest, idempotencyKey: string | null, bodyDigest?: string): Outcome<null> {
    const holder = this.#registry.holderOf(manifest.name);
    if (holder === manifest.id) return ok(null);
    if (holder !== undefined) return refuse('state_conflict', `the name "${manifest.name}" belongs to another index`, 'name');
    const admitted = this.admits(manifest.name, idempotencyKey, bodyDigest);
    if (admitted.ok) this.#registry.add(manifest, idempotencyKey);
    return admitted;
  }

  /**
   * Whether the name is taken already, or could be reserved. Refuses with `limit_exceeded`, with `already_exists` when an alias has the name,
   * with `idempotency_mismatch` when the key created an index of another name, or with `idempotency_key_spent`.
   */
  admits(name: string, idempotencyKey: string | null, bodyDigest?: string): Outcome<null> {
    if (idempotencyKey !== null && bodyDigest !== undefined) {
      const unspent = this.#registry.admit({ key: idempotencyKey, digest: bodyDigest }, Date.now());
      if (!unspent.ok) return unspent;
    }
    if (this.#registry.holderOf(name) !== undefined) return ok(null);
    if (this.#closed.get() === true) return ERASED_TENANT;
    const target = this.#aliases.targetOf(name);
    if (target !== undefined) return refuse('already_exists', `"${name}" is the name of an alias: choose another name`, 'name');
    if (idempotencyKey !== null && this.#registry.knowsKey(idempotencyKey)) return keyUsedOtherwise();
    const count = this.#registry.count();
    if (count < LIMITS.indexesPerTenantMaxCount) return ok(null);
    return refuseBeyond({
      path: 'name',
      limit: 'indexesPerTenantMaxCount',
      value: count + 1,
      what: `the tenant has ${count} indexes already`,
    });
  }

  close(): void {
    if (this.#closed.get() !== true) {
      this.#closed.put(true);
      this.#registry.forgetSpent();
    }
    // Once nothing is left to be erased: what the indexes were called goes, too.
    if (this.#registry.names(1).length === 0) this.#erasures.forget();
  }

  taken(limit: number): readonly string[] {
    return this.#registry.names(limit);
  }

  confirm(name: string, indexId: IndexId): null {
    this.#registry.list(name, indexId);
    return null;
  }

  withdraw(name: string, indexId: IndexId): null {
    if (this.#registry.holderOf(name) !== indexId) return null;
    this.#aliases.removeOf(name);
    this.#registry.unlist(name, indexId);
    return null;
  }

  /** Forgets the index, if the name is still its own, but not the idempotency key that made it (T78). */
  release(name: string, indexId: IndexId, made: MadeIndex | undefined): null {
    if (this.#registry.holderOf(name) !== indexId) return null;
    this.withdraw(name, indexId);
    this.#registry.remove(name, indexId, this.#closed.get() === true ? undefined : made, Date.now());
    return null;
  }

  nameOf(name: string): string | undefined {
    return this.#registry.holderOf(name) === undefined ? this.#aliases.targetOf(name) : name;
  }

  isTaken(name: string): boolean {
    return this.#registry.holderOf(name) !== undefined;
  }

  /** All or none. Refuses with `index_not_found`, `alias_not_found`, `already_exists` or `limit_exceeded`. */
  changeAliases(actions: readonly AliasAction[], lease: WriteLease | undefined): Outcome<null> {
    const leased = this.#closed.get() === true ? ERASED_TENANT : underLease(lease, Date.now());
    if (!leased.ok) return leased;
    const changed = changedAliases(actions, {
      isIndex: (name) => this.#registry.holderOf(name) !== undefined,
      isListed: (name) => this.#registry.isListed(name),
      targetOf: (alias) => this.#aliases.targetOf(alias),
      aliasCount: this.#aliases.count(),
    });
    if (!changed.ok) return changed;
    this.#aliases.change(changed.value);
    return ok(null);
  }

  aliasPage(index: string | undefined, after: string | undefined, limit: number): AliasPage {
    const aliases = this.#aliases.page(index, after ?? '', limit + 1);
    return { aliases: aliases.slice(0, limit), hasMore: aliases.length > limit };
  }

  keepErasure(erasure: Erasure): null {
    this.#erasures.add(erasure);
    return null;
  }

  erasure(id: string): Erasure | null {
    return this.#erasures.find(id) ?? null;
  }

  holds(name: string, indexIds: readonly IndexId[]): boolean {
    const holder = this.#registry.holderOf(name);
    return indexIds.some((id) => id === holder);
  }

  replace(manifest: IndexManifest): null {
    this.#registry.replace(manifest);
    return null;
  }

  page(after: string | undefined, limit: number): IndexPage {
    const indexes = this.#registry.page(after ?? '', limit + 1);
    return { indexes: indexes.slice(0, limit), hasMore: indexes.length > limit };
  }
}

import type { AliasAction, AliasPage } from '../src/index/aliases.ts';
import { changedAliases } from '../src/index/aliases.ts';
import type { Erasure } from '../src/index/erasure.ts';
import { keyUsedOtherwise } from '../src/index/index-lifecycle.ts';
import type { IndexManifest, IndexPage } from '../src/index/index-manifest.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { refuse } from '../src/contract/api/outcome.ts';
import { refuseBeyond } from '../src/contract/limits/limit-refusal.ts';
import type { WriteLease } from '../src/contract/tenancy/write-lease.ts';
import { ERASED_TENANT, underLease } from '../src/contract/tenancy/write-lease.ts';
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
    return this.#registry.exists();
  }

  /** Takes the name; the index is not listed yet. Refuses as `admits`, and with `state_conflict` the name of another index: it releases its name before the next one reserves it. */
  reserve(manifest: IndexManifest, idempotencyKey: string | null, bodyDigest?: string): Outcome<null> {
    const holder = this.#registry.holderOf(manifest.name);
    if (holder === manifest.id) return ok(null);
    if (holder !== undefined) return refuse('state_conflict', `the name "${manifest.name}" belongs to another index`, 'name');
    const admitted = this.admits(manifest.name, idempotencyKey, bodyDigest);
    if (admitted.ok) this.#registry.add(manifest, idempotencyKey);
    return admitted;
  }

  /**
   * Whether the name is taken already, or could be reserved; asked before the object of the name is addressed. Refuses with `limit_exceeded`, with `already_exists` when an alias has the name,
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
    if (count < INDEX_LIMITS.indexesPerTenantMaxCount) return ok(null);
    return refuseBeyond({
      path: 'name',
      limit: 'indexesPerTenantMaxCount',
      value: count + 1,
      what: `the tenant has ${count} indexes already`,
    });
  }

  /** From now on no index or alias gets a name here: the tenant is being erased (T59). Returns the first names that are taken, as `taken` does. */
  close(limit: number): Outcome<readonly string[]> {
    if (this.#closed.get() !== true) {
      this.#closed.put(true);
      this.#registry.forgetSpent();
    }
    // Once nothing is left to be erased: what the indexes were called goes, too.
    if (this.#registry.names(1).length === 0) this.#erasures.forget();
    return this.taken(limit);
  }

  /** The first names that are taken: also those of indexes that are not listed yet, or no longer. */
  taken(limit: number): Outcome<readonly string[]> {
    return ok(this.#registry.names(limit));
  }

  /** Lists the index from now on. */
  confirm(name: string, indexId: IndexId): Outcome<null> {
    this.#registry.list(name, indexId);
    return ok(null);
  }

  /** Lists the index no more and forgets its aliases, if the name is still its own. It keeps the name until nothing of it is left. */
  withdraw(name: string, indexId: IndexId): Outcome<null> {
    if (this.#registry.holderOf(name) !== indexId) return ok(null);
    this.#aliases.removeOf(name);
    this.#registry.unlist(name, indexId);
    return ok(null);
  }

  /** Forgets the index, if the name is still its own, but not the idempotency key of `made`, the request that made it (T78). */
  release(name: string, indexId: IndexId, made?: MadeIndex): Outcome<null> {
    if (this.#registry.holderOf(name) !== indexId) return ok(null);
    this.withdraw(name, indexId);
    this.#registry.remove(name, indexId, this.#closed.get() === true ? undefined : made, Date.now());
    return ok(null);
  }

  /** The name of the index that has this name, or that an alias of this name stands for: no object of any other name holds an index. */
  nameOf(name: string): Outcome<string | undefined> {
    return ok(this.#registry.holderOf(name) === undefined ? this.#aliases.targetOf(name) : name);
  }

  /** Whether an index has the name, from before it is created until nothing of it is left. */
  isTaken(name: string): Outcome<boolean> {
    return ok(this.#registry.holderOf(name) !== undefined);
  }

  /** All or none. Refuses with `index_not_found`, `alias_not_found`, `already_exists` or `limit_exceeded`. */
  changeAliases(actions: readonly AliasAction[], lease?: WriteLease): Outcome<null> {
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

  /** Aliases in the order of their names, those after `after`; of one index, or of all. */
  aliasPage(index: string | undefined, after: string | undefined, limit: number): Outcome<AliasPage> {
    const aliases = this.#aliases.page(index, after ?? '', limit + 1);
    return ok({ aliases: aliases.slice(0, limit), hasMore: aliases.length > limit });
  }

  keepErasure(erasure: Erasure): Outcome<null> {
    this.#erasures.add(erasure);
    return ok(null);
  }

  erasure(id: string): Outcome<Erasure | null> {
    return ok(this.#erasures.find(id) ?? null);
  }

  /** Whether the name still stands for one of those indexes. */
  holds(name: string, indexIds: readonly IndexId[]): Outcome<boolean> {
    const holder = this.#registry.holderOf(name);
    return ok(indexIds.some((id) => id === holder));
  }

  /** Another generation of the index serves. */
  replace(manifest: IndexManifest): Outcome<null> {
    this.#registry.replace(manifest);
    return ok(null);
  }

  /** Live indexes in the order of their names, those after `after`. */
  page(after: string | undefined, limit: number): Outcome<IndexPage> {
    const indexes = this.#registry.page(after ?? '', limit + 1);
    return ok({ indexes: indexes.slice(0, limit), hasMore: indexes.length > limit });
  }
}

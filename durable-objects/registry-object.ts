import { DurableObject } from 'cloudflare:workers';

import type { AliasAction, AliasPage } from '../src/ann/aliases.ts';
import { changedAliases } from '../src/ann/aliases.ts';
import { indexLost, keyUsedOtherwise } from '../src/ann/index-lifecycle.ts';
import type { Erasure } from '../src/ann/erasure.ts';
import type { IndexManifest, IndexPage } from '../src/ann/index-manifest.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { WriteLease } from '../src/contract/write-lease.ts';
import { underLease } from '../src/contract/write-lease.ts';
import { refuse } from '../src/contract/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import { ERASED_TENANT } from '../src/tenancy/tenant-state.ts';
import { StoredCell } from './stored-cell.ts';
import { SqliteAliasRegistry } from './sqlite/alias-registry.ts';
import { ErasureLog } from './sqlite/erasure-log.ts';
import type { MadeIndex } from './sqlite/index-registry.ts';
import { SqliteIndexRegistry } from './sqlite/index-registry.ts';

/**
 * The indexes of one tenant, by name: for listing and counting them. The index's own object is the authority; it reserves its name
 * here before anything else exists and releases it when it is deleted, so every repetition must change nothing.
 */
export class RegistryObject extends DurableObject {
  readonly #registry = new SqliteIndexRegistry(this.ctx.storage);
  readonly #erasures = new ErasureLog(this.ctx.storage);
  readonly #aliases = new SqliteAliasRegistry(this.ctx.storage);
  readonly #closed = new StoredCell<true>(this.ctx.storage, 'closed');

  /**
   * Takes the name; the index is not listed yet. Refuses with `limit_exceeded`, with `already_exists` when an alias has the name, with
   * `idempotency_mismatch` when the key created an index of another name, or with `idempotency_key_spent`.
   */
  reserve(manifest: IndexManifest, idempotencyKey: string | null, bodyDigest?: string): Outcome<null> {
    const holder = this.#registry.holderOf(manifest.name);
    if (holder === manifest.id) return ok(null);
    // An index releases its name before the next one of that name reserves it.
    if (holder !== undefined) return indexLost(manifest.name);
    const admitted = this.admits(manifest.name, idempotencyKey, bodyDigest);
    if (admitted.ok) this.#registry.add(manifest, idempotencyKey);
    return admitted;
  }

  /** Whether the name is taken already, which its index answers for, or could be reserved: asked before the object of the name is addressed. */
  admits(name: string, idempotencyKey: string | null, bodyDigest?: string): Outcome<null> {
    if (idempotencyKey !== null && bodyDigest !== undefined) {
      const unspent = this.#registry.admit({ key: idempotencyKey, digest: bodyDigest }, Date.now());
      if (!unspent.ok) return unspent;
    }
    if (this.#registry.holderOf(name) !== undefined) return ok(null);
    if (this.#closed.get() === true) return ERASED_TENANT;
    const target = this.#aliases.targetOf(name);
    if (target !== undefined) return refuse('already_exists', `"${name}" is an alias of the index "${target}"`, 'name');
    if (idempotencyKey !== null && this.#registry.knowsKey(idempotencyKey)) return keyUsedOtherwise();
    if (this.#registry.count() < LIMITS.indexesPerTenantMaxCount) return ok(null);
    const message = `the tenant has ${LIMITS.indexesPerTenantMaxCount} indexes, the most it may have (indexesPerTenantMaxCount)`;
    return refuse('limit_exceeded', message, 'name');
  }

  /** From now on and for good, no index or alias gets a name here: the tenant is being erased (T59). */
  close(): void {
    if (this.#closed.get() === true) return;
    this.#closed.put(true);
    this.#registry.forgetSpent();
  }

  /** The first names that are taken: also those of indexes that are not listed yet, or no longer. */
  taken(limit: number): readonly string[] {
    return this.#registry.names(limit);
  }

  /** Lists the index from now on. */
  confirm(name: string, indexId: IndexId): void {
    this.#registry.list(name, indexId);
  }

  /** Lists the index no more and forgets its aliases, if the name is still its own. It keeps the name until nothing of it is left. */
  withdraw(name: string, indexId: IndexId): void {
    if (this.#registry.holderOf(name) !== indexId) return;
    this.#aliases.removeOf(name);
    this.#registry.unlist(name, indexId);
  }

  /** Forgets the index, if the name is still its own, but not the idempotency key that made it (T78). */
  release(name: string, indexId: IndexId, made?: MadeIndex): void {
    if (this.#registry.holderOf(name) !== indexId) return;
    this.withdraw(name, indexId);
    this.#registry.remove(name, indexId, this.#closed.get() === true ? undefined : made, Date.now());
  }

  /** The name of the index that has this name, or that an alias of this name stands for: no object of any other name holds an index. */
  nameOf(name: string): string | undefined {
    return this.#registry.holderOf(name) === undefined ? this.#aliases.targetOf(name) : name;
  }

  /** Whether an index has the name, from before it is created until nothing of it is left. */
  isTaken(name: string): boolean {
    return this.#registry.holderOf(name) !== undefined;
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
  aliasPage(index: string | undefined, after: string | undefined, limit: number): AliasPage {
    const aliases = this.#aliases.page(index, after ?? '', limit + 1);
    return { aliases: aliases.slice(0, limit), hasMore: aliases.length > limit };
  }

  keepErasure(erasure: Erasure): void {
    this.#erasures.add(erasure);
  }

  erasure(id: string): Erasure | null {
    return this.#erasures.find(id) ?? null;
  }

  /** Whether the name still stands for one of those. */
  holds(name: string, indexIds: readonly IndexId[]): boolean {
    const holder = this.#registry.holderOf(name);
    return indexIds.some((id) => id === holder);
  }

  /** Another generation of the index serves. */
  replace(manifest: IndexManifest): void {
    this.#registry.replace(manifest);
  }

  /** Live indexes in the order of their names, those after `after`. */
  page(after: string | undefined, limit: number): IndexPage {
    const indexes = this.#registry.page(after ?? '', limit + 1);
    return { indexes: indexes.slice(0, limit), hasMore: indexes.length > limit };
  }
}

import { DurableObject } from 'cloudflare:workers';

import type { AliasAction, AliasPage } from '../src/index/aliases.ts';
import type { Erasure } from '../src/index/erasure.ts';
import type { IndexManifest, IndexPage } from '../src/index/index-manifest.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse } from '../src/contract/outcome.ts';
import type { WriteLease } from '../src/contract/write-lease.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { MadeIndex } from '../src/index/registry/index-registry.ts';
import { TenantIndexRegistry } from './tenant-index-registry.ts';

/**
 * The indexes of one tenant. It is opened before the tenant's first index, and then the tenant's organisation records that it exists. So a
 * registry that finds nothing in its storage has lost it, and refuses every call with `unavailable`: no index counts as deleted, or is
 * created anew. [T91]
 */
export class RegistryObject extends DurableObject {
  readonly #registry = new TenantIndexRegistry(this.ctx.storage);

  open(): void {
    this.#registry.open();
  }

  isOpen(): boolean {
    return this.#registry.isOpen();
  }

  /** Takes the name; the index is not listed yet. */
  reserve(manifest: IndexManifest, idempotencyKey: string | null, bodyDigest?: string): Outcome<null> {
    return this.#held((registry) => registry.reserve(manifest, idempotencyKey, bodyDigest));
  }

  /** Asked before the object of the name is addressed; for a name that is taken, its index answers. */
  admits(name: string, idempotencyKey: string | null, bodyDigest?: string): Outcome<null> {
    return this.#held((registry) => registry.admits(name, idempotencyKey, bodyDigest));
  }

  /** From now on no index or alias gets a name here: the tenant is being erased (T59). Returns the first names that are taken, as `taken` does. */
  close(limit: number): Outcome<readonly string[]> {
    return this.#held((registry) => {
      registry.close();
      return ok(registry.taken(limit));
    });
  }

  /** The first names that are taken: also those of indexes that are not listed yet, or no longer. */
  taken(limit: number): Outcome<readonly string[]> {
    return this.#answered((registry) => registry.taken(limit));
  }

  /** Lists the index from now on. */
  confirm(name: string, indexId: IndexId): Outcome<null> {
    return this.#answered((registry) => registry.confirm(name, indexId));
  }

  /** Lists the index no more and forgets its aliases, if the name is still its own. It keeps the name until nothing of it is left. */
  withdraw(name: string, indexId: IndexId): Outcome<null> {
    return this.#answered((registry) => registry.withdraw(name, indexId));
  }

  /** Forgets the index, if the name is still its own; `made`: the request that made it. */
  release(name: string, indexId: IndexId, made?: MadeIndex): Outcome<null> {
    return this.#answered((registry) => registry.release(name, indexId, made));
  }

  /** The name of the index that has this name, or that an alias of this name stands for: no object of any other name holds an index. */
  nameOf(name: string): Outcome<string | undefined> {
    return this.#answered((registry) => registry.nameOf(name));
  }

  /** Whether an index has the name, from before it is created until nothing of it is left. */
  isTaken(name: string): Outcome<boolean> {
    return this.#answered((registry) => registry.isTaken(name));
  }

  changeAliases(actions: readonly AliasAction[], lease?: WriteLease): Outcome<null> {
    return this.#held((registry) => registry.changeAliases(actions, lease));
  }

  /** Aliases in the order of their names, those after `after`; of one index, or of all. */
  aliasPage(index: string | undefined, after: string | undefined, limit: number): Outcome<AliasPage> {
    return this.#answered((registry) => registry.aliasPage(index, after, limit));
  }

  keepErasure(erasure: Erasure): Outcome<null> {
    return this.#answered((registry) => registry.keepErasure(erasure));
  }

  erasure(id: string): Outcome<Erasure | null> {
    return this.#answered((registry) => registry.erasure(id));
  }

  /** Whether the name still stands for one of those indexes. */
  holds(name: string, indexIds: readonly IndexId[]): Outcome<boolean> {
    return this.#answered((registry) => registry.holds(name, indexIds));
  }

  /** Another generation of the index serves. */
  replace(manifest: IndexManifest): Outcome<null> {
    return this.#answered((registry) => registry.replace(manifest));
  }

  /** Live indexes in the order of their names, those after `after`. */
  page(after: string | undefined, limit: number): Outcome<IndexPage> {
    return this.#answered((registry) => registry.page(after, limit));
  }

  #held<T>(work: (registry: TenantIndexRegistry) => Outcome<T>): Outcome<T> {
    return this.#registry.isOpen() ? work(this.#registry) : LOST;
  }

  #answered<T>(read: (registry: TenantIndexRegistry) => T): Outcome<T> {
    return this.#held((registry) => ok(read(registry)));
  }
}

const LOST = refuse('unavailable', 'the registry of the indexes has lost its storage: restore its file and repeat the call');

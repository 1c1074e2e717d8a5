import { DurableObject } from 'cloudflare:workers';

import { keyUsedOtherwise } from '../src/ann/index-lifecycle.ts';
import type { IndexManifest, IndexPage } from '../src/ann/index-manifest.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse } from '../src/contract/outcome.ts';
import { assert } from '../src/kernel/assert.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import { SqliteIndexRegistry } from './sqlite/index-registry.ts';

/**
 * The indexes of one tenant, by name: for listing and counting them. The index's own object is the authority; it reserves its name
 * here before anything else exists and releases it when it is deleted, so every repetition must change nothing.
 */
export class RegistryObject extends DurableObject {
  readonly #registry = new SqliteIndexRegistry(this.ctx.storage);

  /**
   * Takes the name; the index is not listed yet. Refuses with `limit_exceeded`, or with `idempotency_mismatch` when the key created
   * an index of another name.
   */
  reserve(manifest: IndexManifest, idempotencyKey: string | null): Outcome<null> {
    const holder = this.#registry.holderOf(manifest.name);
    if (holder === manifest.id) return ok(null);
    assert(holder === undefined, 'an index releases its name before the next one of that name reserves it');
    if (idempotencyKey !== null && this.#registry.knowsKey(idempotencyKey)) return keyUsedOtherwise();
    if (this.#registry.count() >= LIMITS.indexesPerTenantMaxCount) {
      const message = `the tenant has ${LIMITS.indexesPerTenantMaxCount} indexes, the most it may have (indexesPerTenantMaxCount)`;
      return refuse('limit_exceeded', message, 'name');
    }
    this.#registry.add(manifest, idempotencyKey);
    return ok(null);
  }

  /** Lists the index from now on. */
  confirm(name: string, indexId: IndexId): void {
    this.#registry.list(name, indexId);
  }

  /** Forgets the index, if the name is still its own. */
  release(name: string, indexId: IndexId): void {
    this.#registry.remove(name, indexId);
  }

  /** Live indexes in the order of their names, those after `after`. */
  page(after: string | undefined, limit: number): IndexPage {
    const indexes = this.#registry.page(after ?? '', limit + 1);
    return { indexes: indexes.slice(0, limit), hasMore: indexes.length > limit };
  }
}

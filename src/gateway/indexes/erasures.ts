import type { Erasure } from '../../index/erasure.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseResource } from '../../contract/api/outcome.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';

/** Where something of an erased index could be. Every call may be refused with `unavailable`. */
export interface ErasedObjects {
  find(tenantId: TenantId, id: string): Promise<Outcome<Erasure | null>>;
  /** Whether the storage of that shard holds anything. */
  isShardLeft(shard: string): Promise<Outcome<boolean>>;
  isLocatorLeft(locator: string): Promise<Outcome<boolean>>;
  isReplicaLeft(replica: string): Promise<Outcome<boolean>>;
  /** Whether the object of the index's name, or the tenant's index registry, still has it. */
  isIndexLeft(erasure: Erasure): Promise<Outcome<boolean>>;
}

export interface VerifiedErasure {
  readonly erasure: Erasure;
  readonly remaining: number;
}

/** Proves that nothing is left of indexes that were deleted. */
export class Erasures {
  readonly #objects: ErasedObjects;

  constructor(objects: ErasedObjects) {
    this.#objects = objects;
  }

  /** Asks everywhere, each time. Refuses with `erasure_not_found`. */
  async verify(tenantId: TenantId, id: string): Promise<Outcome<VerifiedErasure>> {
    const found = await this.#objects.find(tenantId, id);
    if (!found.ok) return found;
    const erasure = found.value;
    if (erasure === null)
      return refuseResource('erasure_not_found', { kind: 'erasure', name: id }, 'no index with this id was deleted recently', 'erasure');
    let remaining = 0;
    const { shards, locators = [], replicas = [] } = erasure;
    const asking = [
      ...shards.map((shard) => this.#objects.isShardLeft(shard)),
      ...locators.map((locator) => this.#objects.isLocatorLeft(locator)),
      ...replicas.map((replica) => this.#objects.isReplicaLeft(replica)),
      this.#objects.isIndexLeft(erasure),
    ];
    for (const asked of asking) {
      const isLeft = await asked;
      if (!isLeft.ok) return isLeft;
      remaining += Number(isLeft.value);
    }
    return ok({ erasure, remaining });
  }
}

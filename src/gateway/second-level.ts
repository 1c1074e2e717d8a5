import type { NewVector, StoredVector } from '../cache/stored-vector.ts';
import type { TenantId } from '../kernel/ids.ts';

/** A vector that the second level held. */
export interface FoundVector extends StoredVector {
  readonly vector: Float32Array<ArrayBuffer>;
}

/** The cache that all isolates share. It may fail at any time: then it answers nothing and keeps nothing, but never rejects. */
export interface SecondLevel {
  get(tenantId: TenantId, contractHash: string, digests: readonly string[]): Promise<readonly FoundVector[]>;
  /** Row `i` of `vectors` is the vector of `entries[i]`. */
  put(tenantId: TenantId, contractHash: string, entries: readonly NewVector[], vectors: Float32Array<ArrayBuffer>): Promise<void>;
}

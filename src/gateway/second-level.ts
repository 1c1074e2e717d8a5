import type { NewVector, StoredVector, VectorOrigin } from '../cache/stored-vector.ts';
import type { CacheOwnerId } from '../kernel/ids.ts';
import type { Acting } from './authority.ts';

/** A vector that the second level held. */
export interface FoundVector extends StoredVector {
  readonly vector: Float32Array<ArrayBuffer>;
}

/** The cache that all isolates share. It may fail at any time: then it answers nothing and keeps nothing, but never rejects. */
export interface SecondLevel {
  /** What is held in the vector space of `origin`, whatever made it. What is moved meanwhile is so in the name of `acting`. */
  get(owner: CacheOwnerId, origin: VectorOrigin, digests: readonly string[], acting: Acting): Promise<readonly FoundVector[]>;
  /** Row `i` of `vectors` is the vector of `entries[i]`. Keeps nothing once the right of `acting` has ended. */
  put(
    owner: CacheOwnerId,
    origin: VectorOrigin,
    entries: readonly NewVector[],
    vectors: Float32Array<ArrayBuffer>,
    acting: Acting,
  ): Promise<void>;
}

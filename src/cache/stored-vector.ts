import type { FillStamp } from './purge-predicate.ts';
import type { OfBatch } from './vector-rows.ts';

/** What made vectors, and the space they lie in: models with one contract hash have interchangeable vectors. */
export interface VectorOrigin {
  readonly contractHash: string;
  readonly model: string;
  readonly modelVersion: string;
}

/** A vector sent to the second level. Row `i` of the accompanying vectors belongs to entry `i`. */
export interface NewVector extends FillStamp, OfBatch {
  readonly digest: string;
  readonly tags: readonly string[];
  /** Above zero for one that is moved. */
  readonly ageMs: number;
  /** Undefined: it stays until it is evicted. */
  readonly ttlMs: number | undefined;
}

/** A vector the second level holds. Its age and its end are durations: wall times do not cross between machines. */
export interface StoredVector extends FillStamp, OfBatch {
  /** Which of the digests asked for this is. */
  readonly at: number;
  readonly tags: readonly string[];
  readonly ageMs: number;
  /** What is left of its TTL; undefined when it has none. */
  readonly ttlMs: number | undefined;
}

/** Row `i` of `vectors` (row-major) belongs to entry `i`. */
export interface StoredVectors {
  readonly entries: readonly StoredVector[];
  readonly vectors: Float32Array<ArrayBuffer>;
}

/** A vector on its way into the second level. Row `i` of the accompanying matrix belongs to entry `i`. */
export interface NewVector {
  readonly digest: string;
  /** See `Purgeable`. */
  readonly position: number;
  /** Undefined: it stays until it is evicted. */
  readonly ttlMs: number | undefined;
}

/** A vector the second level holds. Durations cross between machines, wall times never do. */
export interface StoredVector {
  /** Which of the digests asked for this is. */
  readonly at: number;
  readonly position: number;
  readonly ageMs: number;
  /** What is left of its TTL; undefined when it has none. */
  readonly ttlMs: number | undefined;
}

/** Row `i` of `vectors` (row-major, all of one length) belongs to entry `i`. */
export interface StoredVectors {
  readonly entries: readonly StoredVector[];
  readonly vectors: Float32Array<ArrayBuffer>;
}

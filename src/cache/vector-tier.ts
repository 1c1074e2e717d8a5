/** What a tier knew of one key. */
export interface TierAnswer {
  readonly vector: Float32Array<ArrayBuffer> | undefined;
  /** Changes whenever the key may have been forgotten. Undefined: the tier could not determine it. */
  readonly fence: number | undefined;
}

export interface TierEntry {
  readonly key: string;
  readonly vector: Float32Array<ArrayBuffer>;
  /** Durations cross between processes, wall times never do. Undefined: it stays until it is evicted. */
  readonly ttlMs: number | undefined;
  /** The fence of the answer that had no vector for the key. */
  readonly fence: number;
}

/**
 * A cache that several readers share: threads, processes. It may lose anything at any time and must not reject: what it cannot answer
 * is missing, what it cannot keep is not kept.
 */
export interface VectorTier {
  /** One answer for each key. */
  get(keys: readonly string[]): Promise<readonly TierAnswer[]>;
  /** Keeps no entry whose key has another fence by now. */
  set(entries: readonly TierEntry[]): Promise<void>;
  /** Once this resolves with true, no reader gets what was stored, or is being computed, before. False: that is not certain. */
  forget(keys: readonly string[]): Promise<boolean>;
  /** The same for every key. */
  forgetAll(): Promise<boolean>;
}

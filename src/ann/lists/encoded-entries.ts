/**
 * Entries coded against the centroids of their lists: columns of `count` items.
 *
 * A vector x of the index's space (see `prepare`) is `scale * (codes + low / 256)`, but for what quantising lost; without a low plane, `low` is
 * zero. `quantiseTo` gives codes and scale; with a low plane, `low` is the rest in 256ths, rounded, within [-128, 127].
 * There is no column of biases: |x|^2 follows from the codes.
 */
export interface EncodedEntries {
  readonly count: number;
  /** Row numbers, whole, below 2^32. */
  readonly rows: Float64Array;
  /** Codewords of x less the centroid, one a byte; for `l2` then the high and the low nibble of the bias. [count x nibbleCount(model)] */
  readonly nibbles: Uint8Array;
  /** [count x dimensions], within [-127, 127]. */
  readonly codes: Int8Array;
  /** Float32, not negative. */
  readonly scales: Float32Array;
  /** [count x dimensions] when the model has a low plane, else null. */
  readonly low: Int8Array | null;
}

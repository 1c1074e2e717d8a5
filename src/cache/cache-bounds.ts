/** What a cache may hold. */
export interface CacheBounds {
  readonly entriesMax: number;
  /** The bytes of values and keys, as the caller states them. */
  readonly bytesMax: number;
}

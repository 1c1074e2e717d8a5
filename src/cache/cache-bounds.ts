/** What a cache may hold. */
export interface CacheBounds {
  readonly entriesMax: number;
  /** Of the values and their keys, as the caller states them. */
  readonly bytesMax: number;
}

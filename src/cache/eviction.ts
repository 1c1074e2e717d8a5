/** What a cache may hold. */
export interface CacheBounds {
  readonly entriesMax: number;
  /** The bytes of values and keys, as the caller states them. */
  readonly bytesMax: number;
}

/** Decides which entry of a cache goes when there is no room for all. */
export interface Eviction {
  /** A new entry is in `slot`. */
  add(slot: number, key: string, bytes: number): void;
  use(slot: number): void;
  remove(slot: number): void;
  /** The slot whose entry goes next. There must be one. */
  victim(): number;
  /** Slots below `slotCount` may be used from now on. */
  grow(slotCount: number): void;
}

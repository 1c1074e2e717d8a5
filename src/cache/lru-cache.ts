import { assert, must } from '../kernel/assert.ts';

export interface CacheBounds {
  readonly entriesMax: number;
  /** Of the values and their keys, as the caller states them. */
  readonly bytesMax: number;
}

interface Slot<V> {
  readonly key: string;
  readonly value: V;
  readonly bytes: number;
  readonly expiresAtMs: number | undefined;
  newer: Slot<V> | undefined;
  older: Slot<V> | undefined;
}

/** The least recently used go first, once there are too many entries or too many bytes. Time is an argument. */
export class LruCache<V> {
  readonly #bounds: CacheBounds;
  readonly #slots = new Map<string, Slot<V>>();
  #newest: Slot<V> | undefined;
  #oldest: Slot<V> | undefined;
  #bytes = 0;

  constructor(bounds: CacheBounds) {
    assert(bounds.entriesMax > 0 && bounds.bytesMax > 0, 'a cache holds something');
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The value, which becomes the most recently used; undefined when there is none or its time has run out. */
  get(key: string, nowMs: number): V | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    if (slot.expiresAtMs !== undefined && slot.expiresAtMs <= nowMs) {
      this.#drop(slot);
      return undefined;
    }
    if (slot !== this.#newest) {
      this.#unlink(slot);
      this.#linkNewest(slot);
    }
    return slot.value;
  }

  /** `expiresAtMs` undefined keeps the value until it is evicted. A value larger than the whole cache is not kept. */
  set(key: string, value: V, bytes: number, expiresAtMs: number | undefined): void {
    this.delete(key);
    if (bytes > this.#bounds.bytesMax) return;
    const slot: Slot<V> = { key, value, bytes, expiresAtMs, newer: undefined, older: undefined };
    this.#slots.set(key, slot);
    this.#bytes += bytes;
    this.#linkNewest(slot);
    while (this.#slots.size > this.#bounds.entriesMax || this.#bytes > this.#bounds.bytesMax) {
      this.#drop(must(this.#oldest, 'a cache out of bounds has an oldest entry'));
    }
  }

  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) this.#drop(slot);
  }

  #drop(slot: Slot<V>): void {
    this.#unlink(slot);
    this.#slots.delete(slot.key);
    this.#bytes -= slot.bytes;
  }

  #linkNewest(slot: Slot<V>): void {
    slot.older = this.#newest;
    slot.newer = undefined;
    if (this.#newest !== undefined) this.#newest.newer = slot;
    this.#newest = slot;
    this.#oldest ??= slot;
  }

  #unlink(slot: Slot<V>): void {
    if (slot.newer === undefined) this.#newest = slot.older;
    else slot.newer.older = slot.older;
    if (slot.older === undefined) this.#oldest = slot.newer;
    else slot.older.newer = slot.newer;
  }
}

import { assert } from '../kernel/assert.ts';
import type { CacheBounds, Eviction } from './eviction.ts';
import { RecencyEviction } from './recency-eviction.ts';
import { TinyLfuEviction } from './tiny-lfu-eviction.ts';

/** Why a cache lets a value go. `refused`: it is larger than the whole cache. */
export type Removal = 'evicted' | 'expired' | 'replaced' | 'deleted' | 'refused';

export interface LruCacheOptions<V> {
  /** `frequent`: what was used once does not evict what is used often (W-TinyLFU). Default: all are admitted. */
  readonly admission?: 'all' | 'frequent';
  /** How long an entry stays after its end, for `getStale`. */
  readonly staleMs?: number;
  /** Receives every value that the cache drops, replaced ones included. Must not call the cache. */
  readonly onRemoved?: (value: V, why: Removal) => void;
}

/** What has happened since the cache was made. A value replaced or deleted is not evicted. */
export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  readonly evicted: number;
}

const FIRST_SLOTS = 64;

/**
 * Values by key, bounded in entries and bytes; the least recently used go first, or by `admission`. Time is an argument and nothing runs by
 * itself. Entries live in numbered slots: ends, sizes and the order of use are columns of numbers, not objects.
 */
export class LruCache<V> {
  readonly #bounds: CacheBounds;
  readonly #staleMs: number;
  readonly #onRemoved: ((value: V, why: Removal) => void) | undefined;
  readonly #slots = new Map<string, number>();
  readonly #eviction: Eviction;
  readonly #keys: (string | undefined)[] = [];
  readonly #values: (V | undefined)[] = [];
  #bytesOf = new Float64Array(FIRST_SLOTS);
  /** Infinity: it stays until it is evicted. */
  #expiresAtMs = new Float64Array(FIRST_SLOTS);
  /** Slots given back. */
  readonly #free: number[] = [];
  #bytes = 0;
  #hits = 0;
  #misses = 0;
  #evicted = 0;

  constructor(bounds: CacheBounds, { admission = 'all', staleMs = 0, onRemoved }: LruCacheOptions<V> = {}) {
    assert(bounds.entriesMax > 0 && bounds.bytesMax > 0, 'a cache holds something');
    this.#bounds = bounds;
    this.#staleMs = staleMs;
    this.#onRemoved = onRemoved;
    this.#eviction = admission === 'all' ? new RecencyEviction() : new TinyLfuEviction(bounds);
    this.#eviction.grow(FIRST_SLOTS);
  }

  get size(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get counts(): CacheCounts {
    return { hits: this.#hits, misses: this.#misses, evicted: this.#evicted };
  }

  /** The value, which becomes the most recently used; undefined when there is none or its time has run out. */
  get(key: string, nowMs: number): V | undefined {
    const slot = this.#slots.get(key);
    if (slot !== undefined) {
      const expiresAtMs = this.#expiresAtMs[slot] ?? 0;
      if (nowMs < expiresAtMs) {
        this.#hits += 1;
        this.#eviction.use(slot);
        return this.#values[slot];
      }
      if (nowMs >= expiresAtMs + this.#staleMs) this.#drop(key, slot, 'expired');
    }
    this.#misses += 1;
    return undefined;
  }

  /** Like `get`, but for `staleMs` after its end, too. `expiresAtMs` shows whether that has come. */
  getStale(key: string, nowMs: number): { readonly value: V; readonly expiresAtMs: number } | undefined {
    const slot = this.#slots.get(key);
    if (slot !== undefined) {
      const expiresAtMs = this.#expiresAtMs[slot] ?? 0;
      if (nowMs < expiresAtMs + this.#staleMs) {
        this.#hits += 1;
        this.#eviction.use(slot);
        return { value: this.#values[slot] as V, expiresAtMs };
      }
      this.#drop(key, slot, 'expired');
    }
    this.#misses += 1;
    return undefined;
  }

  /** `expiresAtMs` undefined keeps the value until it is evicted. Answers whether it is kept: one larger than the whole cache is not. */
  set(key: string, value: V, bytes: number, expiresAtMs: number | undefined): boolean {
    const known = this.#slots.get(key);
    if (bytes > this.#bounds.bytesMax) {
      if (known !== undefined) this.#drop(key, known, 'replaced');
      this.#onRemoved?.(value, 'refused');
      return false;
    }
    // A used entry keeps its standing: to `frequent`, replacing a value is one more use.
    if (known !== undefined && bytes === this.#bytesOf[known]) {
      const replaced = this.#values[known] as V;
      this.#values[known] = value;
      this.#expiresAtMs[known] = expiresAtMs ?? Infinity;
      this.#eviction.use(known);
      this.#onRemoved?.(replaced, 'replaced');
      return true;
    }
    if (known !== undefined) this.#drop(key, known, 'replaced');
    const slot = this.#take();
    this.#slots.set(key, slot);
    this.#keys[slot] = key;
    this.#values[slot] = value;
    this.#bytesOf[slot] = bytes;
    this.#expiresAtMs[slot] = expiresAtMs ?? Infinity;
    this.#bytes += bytes;
    this.#eviction.add(slot, key, bytes);
    if (this.#slots.size > this.#bounds.entriesMax || this.#bytes > this.#bounds.bytesMax) this.#makeRoom();
    return this.#keys[slot] === key;
  }

  delete(key: string): boolean {
    const slot = this.#slots.get(key);
    if (slot !== undefined) this.#drop(key, slot, 'deleted');
    return slot !== undefined;
  }

  #makeRoom(): void {
    while (this.#slots.size > this.#bounds.entriesMax || this.#bytes > this.#bounds.bytesMax) {
      const slot = this.#eviction.victim();
      this.#drop(this.#keys[slot] as string, slot, 'evicted');
      this.#evicted += 1;
    }
  }

  #drop(key: string, slot: number, why: Removal): void {
    this.#eviction.remove(slot);
    this.#slots.delete(key);
    this.#bytes -= this.#bytesOf[slot] ?? 0;
    const value = this.#values[slot] as V;
    this.#keys[slot] = undefined;
    this.#values[slot] = undefined;
    this.#free.push(slot);
    this.#onRemoved?.(value, why);
  }

  /** A slot that nothing is in. */
  #take(): number {
    const slot = this.#free.pop();
    if (slot !== undefined) return slot;
    const fresh = this.#keys.length;
    if (fresh === this.#bytesOf.length) this.#grow(Math.min(fresh * 2, this.#bounds.entriesMax + 1));
    this.#keys.push(undefined);
    this.#values.push(undefined);
    return fresh;
  }

  /** An entry is added before another goes, so there is one slot more than there may be entries. */
  #grow(slotCount: number): void {
    const [bytes, expires] = [this.#bytesOf, this.#expiresAtMs];
    this.#bytesOf = new Float64Array(slotCount);
    this.#expiresAtMs = new Float64Array(slotCount);
    this.#bytesOf.set(bytes);
    this.#expiresAtMs.set(expires);
    this.#eviction.grow(slotCount);
  }
}

import type { CacheBounds } from './cache-bounds.ts';
import { LruCache } from './lru-cache.ts';
import type { CacheCounts, LruCacheOptions } from './lru-cache.ts';
import { VectorSlab } from './vector-slab.ts';

export interface CachedVector<Meta> {
  /** The caller's own copy. */
  readonly vector: Float32Array<ArrayBuffer>;
  readonly meta: Meta;
  /** Infinity: it stays until it is evicted. */
  readonly expiresAtMs: number;
}

interface Held<Meta> {
  readonly slab: VectorSlab;
  readonly row: number;
  readonly meta: Meta;
}

/** Bytes of an entry besides its numbers and the characters of its key: the slot, the key's entry in the index, the objects in it. */
const ENTRY_OVERHEAD_BYTES = 160;

export const vectorEntryBytes = (key: string, vector: Float32Array): number => vector.byteLength + key.length + ENTRY_OVERHEAD_BYTES;

/**
 * Vectors by key, each with metadata of the caller (`meta`, one object for many entries if need be). Numbers are copied in and out, so no
 * caller changes what is cached.
 */
export class VectorCache<Meta> {
  readonly #entries: LruCache<Held<Meta>>;
  readonly #slabs = new Map<number, VectorSlab>();

  constructor(bounds: CacheBounds, { onRemoved, ...options }: LruCacheOptions<Meta> = {}) {
    this.#entries = new LruCache(bounds, {
      ...options,
      onRemoved: ({ slab, row, meta }, why) => {
        slab.remove(row);
        onRemoved?.(meta, why);
      },
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.bytes;
  }

  get counts(): CacheCounts {
    return this.#entries.counts;
  }

  /** Undefined when there is none or its time has run out. */
  get(key: string, nowMs: number): CachedVector<Meta> | undefined {
    const found = this.getStale(key, nowMs);
    return found !== undefined && nowMs < found.expiresAtMs ? found : undefined;
  }

  /** Like `get`, but for the `staleMs` of the options after its end, too. */
  getStale(key: string, nowMs: number): CachedVector<Meta> | undefined {
    const found = this.#entries.getStale(key, nowMs);
    if (found === undefined) return undefined;
    const { slab, row, meta } = found.value;
    return { vector: slab.read(row), meta, expiresAtMs: found.expiresAtMs };
  }

  /** What `getStale` would answer with the vector. */
  metaOf(key: string, nowMs: number): Meta | undefined {
    return this.#entries.getStale(key, nowMs)?.value.meta;
  }

  /**
   * `expiresAtMs` undefined keeps it until it is evicted; `bytes` are what it counts for. Answers whether it is kept: one larger than
   * the whole cache is not.
   */
  set(key: string, vector: Float32Array, meta: Meta, expiresAtMs: number | undefined, bytes = vectorEntryBytes(key, vector)): boolean {
    const slab = this.#slabOf(vector.length);
    return this.#entries.set(key, { slab, row: slab.add(vector), meta }, bytes, expiresAtMs);
  }

  delete(key: string): boolean {
    return this.#entries.delete(key);
  }

  #slabOf(dimensions: number): VectorSlab {
    const known = this.#slabs.get(dimensions);
    if (known !== undefined) return known;
    const slab = new VectorSlab(dimensions);
    this.#slabs.set(dimensions, slab);
    return slab;
  }
}

import { must } from '../kernel/assert.ts';
import type { CacheBounds } from './eviction.ts';
import type { CacheCounts, LruCacheOptions } from './lru-cache.ts';
import { LruCache } from './lru-cache.ts';

/** About what one page holds: large enough that its own object does not count, small enough to give back. */
const PAGE_BYTES = 64 * 1024;

interface Page {
  /** Undefined while no row of it is in use. */
  numbers: Float32Array<ArrayBuffer> | undefined;
  /** Rows not in use: the first `freeCount` of it. */
  readonly free: Uint16Array;
  freeCount: number;
}

/** Vectors of one length, side by side in pages: four bytes a number and two a row, where an array of its own costs some 300 more. */
export class VectorSlab {
  readonly dimensions: number;
  readonly #rowsPerPage: number;
  readonly #pages: Page[] = [];
  /** Pages with free rows. */
  readonly #open: number[] = [];

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#rowsPerPage = Math.max(1, Math.floor(PAGE_BYTES / 4 / Math.max(1, dimensions)));
  }

  /** Bytes of the pages that hold something. */
  get bytes(): number {
    return this.#pages.reduce((bytes, { numbers }) => bytes + (numbers?.byteLength ?? 0), 0);
  }

  /** Copies a vector in; answers its row. */
  add(vector: Float32Array): number {
    if (this.#open.length === 0) this.#openPage();
    const at = must(this.#open.at(-1), 'a page was opened');
    const page = must(this.#pages[at], 'open pages exist');
    page.freeCount -= 1;
    if (page.freeCount === 0) this.#open.pop();
    const row = page.free[page.freeCount] ?? 0;
    page.numbers ??= new Float32Array(this.#rowsPerPage * this.dimensions);
    page.numbers.set(vector, row * this.dimensions);
    return at * this.#rowsPerPage + row;
  }

  /** A copy of what was added. */
  read(at: number): Float32Array<ArrayBuffer> {
    const row = at % this.#rowsPerPage;
    const { numbers } = this.#pageOf(at);
    return must(numbers, 'a page in use has numbers').slice(row * this.dimensions, (row + 1) * this.dimensions);
  }

  remove(at: number): void {
    const page = this.#pageOf(at);
    if (page.freeCount === 0) this.#open.push(Math.floor(at / this.#rowsPerPage));
    page.free[page.freeCount] = at % this.#rowsPerPage;
    page.freeCount += 1;
    if (page.freeCount === this.#rowsPerPage) page.numbers = undefined;
  }

  #pageOf(at: number): Page {
    return must(this.#pages[Math.floor(at / this.#rowsPerPage)], 'rows are answers of `add`');
  }

  #openPage(): void {
    const free = new Uint16Array(this.#rowsPerPage);
    for (let i = 0; i < free.length; i += 1) free[i] = free.length - 1 - i;
    this.#open.push(this.#pages.length);
    this.#pages.push({ numbers: undefined, free, freeCount: this.#rowsPerPage });
  }
}

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

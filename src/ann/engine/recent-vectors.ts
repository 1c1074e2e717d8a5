import { must } from '../../kernel/assert.ts';
import type { MemoryHolder, MemoryRegistry } from '../../kernel/memory-registry.ts';
import { SlotIndex } from '../flat/slot-index.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import type { ReadVectors, Row, StoredVector } from '../stored-vector.ts';

// What an entry takes beside its floats and its id: the row, the object of the id, its slot in the index.
const ENTRY_BYTES = 56;
// At most as many as a page of vectors of 16 dimensions holds: with fewer, ids would take many times what the floats do.
const PAGE_ENTRIES_MAX = 1_024;
/** Bytes of an id within the estimate of a page; a page of longer ids is full sooner. */
const ID_BYTES = 32;

interface Page {
  readonly floats: Float32Array;
  readonly rows: Float64Array;
  readonly ids: string[];
  idBytes: number;
}

/**
 * The vectors of a shard that were read last, with their ids, as many as the isolate has memory to spare for: a search that finds its
 * candidates here asks SQL nothing. What a row holds never changes, so nothing here is ever outdated.
 */
export class RecentVectors implements MemoryHolder {
  readonly #memory: MemoryRegistry;
  readonly #name: string;
  readonly #dimensions: number;
  readonly #capacity: number;
  readonly #pageBytes: number;
  // A slot is a page's place here times the capacity of pages, and a place in the page.
  readonly #pages: (Page | undefined)[] = [];
  readonly #slots = new SlotIndex((slot) => this.#pageOf(slot).rows[slot % this.#capacity]!);
  #pageCount = 0;
  // The place of the page that is filled.
  #filling = -1;

  constructor(memory: MemoryRegistry, name: string, dimensions: number) {
    this.#memory = memory;
    this.#name = name;
    this.#dimensions = dimensions;
    this.#capacity = Math.max(1, Math.min(PAGE_ENTRIES_MAX, Math.floor(PAGE_BYTES / (4 * dimensions))));
    this.#pageBytes = this.#capacity * (4 * dimensions + ENTRY_BYTES + ID_BYTES);
  }

  /** Bytes resident. */
  get bytes(): number {
    return this.#pageCount * this.#pageBytes;
  }

  get count(): number {
    return this.#slots.count;
  }

  /** Reads vectors from here, the others from the store, which are then here. `values` are valid until the next vector. */
  reading(readVectors: ReadVectors): ReadVectors {
    return (rows) => this.#read(rows, readVectors);
  }

  *#read(rows: readonly Row[], readVectors: ReadVectors): Generator<StoredVector> {
    const missing: Row[] = [];
    const dimensions = this.#dimensions;
    for (const row of rows) {
      const slot = this.#slots.get(row);
      if (slot === undefined) {
        missing.push(row);
        continue;
      }
      const place = slot % this.#capacity;
      const { floats, ids } = this.#pageOf(slot);
      yield { row, id: ids[place]!, values: floats.subarray(place * dimensions, (place + 1) * dimensions) };
    }
    if (missing.length === 0) return;
    for (const vector of readVectors(missing)) {
      this.#add(vector);
      yield vector;
    }
  }

  drop(): void {
    this.evict(Infinity);
    this.#memory.release(this.#name, this);
  }

  /** Page by page, the one filled longest ago first. */
  evict(bytes: number): number {
    let given = 0;
    for (let at = 1; at <= this.#pages.length && given < bytes; at += 1) {
      const place = (this.#filling + at) % this.#pages.length;
      if (this.#pages[place] === undefined) continue;
      this.#empty(place);
      this.#pages[place] = undefined;
      this.#pageCount -= 1;
      given += this.#pageBytes;
    }
    if (this.#pageCount > 0) return given;
    this.#pages.length = 0;
    this.#filling = -1;
    return Infinity;
  }

  #add({ row, id, values }: StoredVector): void {
    const page = this.#pageWithRoom(2 * id.length);
    if (page === undefined) return;
    const place = page.ids.length;
    page.floats.set(values, place * this.#dimensions);
    page.rows[place] = row;
    page.ids.push(id);
    page.idBytes += 2 * id.length;
    this.#slots.set(row, this.#filling * this.#capacity + place);
  }

  /** Undefined while the isolate has nothing to spare. */
  #pageWithRoom(idBytes: number): Page | undefined {
    const filled = this.#pages[this.#filling];
    const isFull = filled === undefined || filled.ids.length === this.#capacity || filled.idBytes + idBytes > this.#capacity * ID_BYTES;
    // The longest id takes a page of its own at worst.
    return isFull && filled?.ids.length !== 0 ? this.#nextPage() : filled;
  }

  #nextPage(): Page | undefined {
    if (this.#memory.claimSpare(this.#name, this, this.bytes + this.#pageBytes)) {
      const free = this.#pages.indexOf(undefined);
      this.#filling = free === -1 ? this.#pages.length : free;
      this.#pageCount += 1;
      const page = {
        floats: new Float32Array(this.#capacity * this.#dimensions),
        rows: new Float64Array(this.#capacity),
        ids: [],
        idBytes: 0,
      };
      this.#pages[this.#filling] = page;
      return page;
    }
    if (this.#pageCount === 0) return undefined;
    do this.#filling = (this.#filling + 1) % this.#pages.length;
    while (this.#pages[this.#filling] === undefined);
    this.#empty(this.#filling);
    return this.#pages[this.#filling];
  }

  #empty(place: number): void {
    const page = must(this.#pages[place], 'a page with entries is there');
    for (let at = 0; at < page.ids.length; at += 1) this.#slots.delete(page.rows[at]!);
    page.ids.length = 0;
    page.idBytes = 0;
  }

  #pageOf(slot: number): Page {
    return must(this.#pages[Math.floor(slot / this.#capacity)], `slot ${slot} lies in a page`);
  }
}

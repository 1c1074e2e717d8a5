import { assert } from '../../kernel/assert.ts';
import type { RowSet } from '../filter/row-set.ts';
import { CHUNK_ROWS } from '../filter/row-set.ts';
import type { PageMemory } from '../page-memory.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import type { Row, Rows } from '../stored-vector.ts';

const PAGE_ROWS = PAGE_BYTES * 8;
const PAGE_WORDS = PAGE_BYTES / 4;
const PAGE_CHUNKS = PAGE_ROWS / CHUNK_ROWS;
const ROWS_MAX = 2 ** 32;

/** A set of rows where kernels can test it: bits in pages of 2^19 rows, of which only those with a row exist. Rows lie below 2^32. */
export class RowBitmap implements Rows {
  readonly #memory: PageMemory;
  // Addresses by page; 0 where no page is.
  readonly #pages: number[] = [];

  constructor(memory: PageMemory) {
    this.#memory = memory;
  }

  /** Bytes resident. */
  get bytes(): number {
    return this.#pages.reduce((bytes, address) => (address === 0 ? bytes : bytes + PAGE_BYTES), 0);
  }

  /** Addresses of the pages, by row / 2^19; 0 or absent: none of its rows. */
  get pages(): readonly number[] {
    return this.#pages;
  }

  has(row: Row): boolean {
    const address = this.#pages[Math.floor(row / PAGE_ROWS)] ?? 0;
    if (address === 0) return false;
    const bit = row % PAGE_ROWS;
    return ((this.#memory.views.uint32[address / 4 + (bit >>> 5)]! >>> (bit & 31)) & 1) === 1;
  }

  add(row: Row): void {
    assert(row >= 0 && row < ROWS_MAX, `row ${row} lies below 2^32`);
    const index = Math.floor(row / PAGE_ROWS);
    const address = this.#pages[index] || this.#take(index);
    const bit = row % PAGE_ROWS;
    this.#memory.views.uint32[address / 4 + (bit >>> 5)]! |= 1 << (bit & 31);
  }

  delete(row: Row): void {
    const address = this.#pages[Math.floor(row / PAGE_ROWS)] ?? 0;
    if (address === 0) return;
    const bit = row % PAGE_ROWS;
    this.#memory.views.uint32[address / 4 + (bit >>> 5)]! &= ~(1 << (bit & 31));
  }

  /** Adds them all. */
  fill(rows: RowSet): void {
    for (const [index, words] of rows.chunks()) {
      assert((index + 1) * CHUNK_ROWS <= ROWS_MAX, 'rows lie below 2^32');
      const page = Math.floor(index / PAGE_CHUNKS);
      const start = (this.#pages[page] || this.#take(page)) / 4 + (index % PAGE_CHUNKS) * words.length;
      const { uint32 } = this.#memory.views;
      for (let word = 0; word < words.length; word += 1) uint32[start + word]! |= words[word]!;
    }
  }

  /** Gives its memory back: it is empty from now on. */
  free(): void {
    for (const index of this.#pages.keys()) this.#giveBack(index);
    this.#pages.length = 0;
  }

  #take(index: number): number {
    const address = this.#memory.allocate();
    this.#memory.views.uint32.fill(0, address / 4, address / 4 + PAGE_WORDS);
    while (this.#pages.length < index) this.#pages.push(0);
    this.#pages[index] = address;
    return address;
  }

  #giveBack(index: number): void {
    const address = this.#pages[index] ?? 0;
    if (address !== 0) this.#memory.free(address);
    this.#pages[index] = 0;
  }
}

import { assert } from '../kernel/assert.ts';

/** WebAssembly's own unit. */
export const PAGE_BYTES = 65_536;

// Growing replaces every view; a megabyte at a time, that is rare.
const GROWTH_PAGES = 16;

// 4 MiB above what may be claimed: for the scratch of the deepest search, which takes 2.5, and for runs that find no gap between pages in
// use.
const SPARE_PAGES = 64;

/**
 * The one WebAssembly memory of all engines in an isolate, handed out by the page or by runs of pages. It never shrinks, so pages
 * given back are used again, the lowest first. Its first page belongs to the kernels.
 */
export class PageMemory {
  readonly memory: WebAssembly.Memory;
  readonly #pagesClaimable: number;
  readonly #pagesMax: number;
  // By page: 1 when it is free.
  readonly #free: Uint8Array;
  // No page below it is free.
  #lowest = 1;
  #views: Views;

  /** Grows to `bytesMax` at most, beyond the first page and 4 MiB to spare. */
  constructor(bytesMax: number) {
    this.#pagesClaimable = 1 + Math.floor(bytesMax / PAGE_BYTES);
    this.#pagesMax = this.#pagesClaimable + SPARE_PAGES;
    this.#free = new Uint8Array(this.#pagesMax);
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: this.#pagesMax });
    this.#views = viewsOf(this.memory.buffer);
  }

  /** Bytes the isolate spends on it. */
  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** The whole memory. Not to be kept: allocating may replace it. */
  get views(): Views {
    return this.#views;
  }

  /** The address of a run of `pages` that are free, with anything in them. */
  allocate(pages = 1): number {
    let start = this.#firstFit(pages);
    while (start === undefined) {
      this.#grow(pages);
      start = this.#firstFit(pages);
    }
    this.#free.fill(0, start, start + pages);
    if (start === this.#lowest) this.#lowest = start + pages;
    return start * PAGE_BYTES;
  }

  /** Gives back the run at `address`, which `allocate` returned. */
  free(address: number, pages = 1): void {
    const start = address / PAGE_BYTES;
    this.#free.fill(1, start, start + pages);
    this.#lowest = Math.min(this.#lowest, start);
  }

  #firstFit(pages: number): number | undefined {
    let start = this.#free.indexOf(1, this.#lowest);
    if (start === -1) return undefined;
    this.#lowest = start;
    while (start !== -1) {
      const end = this.#free.indexOf(0, start);
      if ((end === -1 ? this.#pagesMax : end) - start >= pages) return start;
      start = end === -1 ? -1 : this.#free.indexOf(1, end);
    }
    return undefined;
  }

  #grow(pages: number): void {
    const before = this.bytes / PAGE_BYTES;
    const missing = pages - (before - 1 - this.#free.lastIndexOf(0, before - 1));
    const more = Math.max(missing, Math.min(GROWTH_PAGES, this.#pagesClaimable - before));
    const message = `engines need more than their memory of ${this.#pagesMax} pages: what they claim bounds what they take`;
    assert(before + more <= this.#pagesMax, message);
    this.memory.grow(more);
    this.#views = viewsOf(this.memory.buffer);
    this.#free.fill(1, before, before + more);
  }
}

interface Views {
  readonly int8: Int8Array;
  readonly uint8: Uint8Array;
  readonly int16: Int16Array;
  readonly int32: Int32Array;
  readonly uint32: Uint32Array;
  readonly float32: Float32Array;
  readonly float64: Float64Array;
}

const viewsOf = (buffer: ArrayBuffer): Views => ({
  int8: new Int8Array(buffer),
  uint8: new Uint8Array(buffer),
  int16: new Int16Array(buffer),
  int32: new Int32Array(buffer),
  uint32: new Uint32Array(buffer),
  float32: new Float32Array(buffer),
  float64: new Float64Array(buffer),
});

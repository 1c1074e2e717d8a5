import { assert } from '../kernel/assert.ts';

/** WebAssembly's own unit. */
export const PAGE_BYTES = 65_536;

// Growing replaces every view; a megabyte at a time, that is rare.
const GROWTH_PAGES = 16;

/**
 * The one WebAssembly memory of all engines in an isolate, handed out by the page. It never shrinks, so pages given back are used
 * again. Its first page belongs to the kernels.
 */
export class PageMemory {
  readonly memory: WebAssembly.Memory;
  readonly #pagesMax: number;
  readonly #free: number[] = [];
  #views: Views;

  /** Grows to `bytesMax` at most, beyond the first page. */
  constructor(bytesMax: number) {
    this.#pagesMax = 1 + Math.floor(bytesMax / PAGE_BYTES);
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

  /** The address of a page that is free, with anything in it. */
  allocate(): number {
    if (this.#free.length === 0) this.#grow();
    const page = this.#free.pop();
    assert(page !== undefined, `engines need more than their memory of ${this.#pagesMax} pages: what they claim bounds what they take`);
    return page * PAGE_BYTES;
  }

  /** Gives back the page at `address`, which `allocate` returned. */
  free(address: number): void {
    this.#free.push(address / PAGE_BYTES);
  }

  #grow(): void {
    const pages = this.bytes / PAGE_BYTES;
    const more = Math.min(GROWTH_PAGES, this.#pagesMax - pages);
    this.memory.grow(more);
    this.#views = viewsOf(this.memory.buffer);
    for (let page = pages + more - 1; page >= pages; page -= 1) this.#free.push(page);
  }
}

interface Views {
  readonly int8: Int8Array;
  readonly int16: Int16Array;
  readonly uint32: Uint32Array;
  readonly float64: Float64Array;
}

const viewsOf = (buffer: ArrayBuffer): Views => ({
  int8: new Int8Array(buffer),
  int16: new Int16Array(buffer),
  uint32: new Uint32Array(buffer),
  float64: new Float64Array(buffer),
});

import { must } from '../kernel/assert.ts';
import type { PageMemory } from './page-memory.ts';
import { PAGE_BYTES } from './page-memory.ts';
import type { Quantised } from './quantise.ts';
import type { Row } from './stored-vector.ts';

// Kernels read four slots at a time: up to three entries past the last column's end.
const SLACK_BYTES = 16;
// Scale, error, length and row as float64, the namespace as uint32.
const COLUMN_BYTES = 4 * 8 + 4;

/** How many vectors a page holds, and how many bytes lie from the codes of one to those of the next. */
export interface PageLayout {
  readonly dimensions: number;
  readonly stride: number;
  readonly capacity: number;
}

export function pageLayout(dimensions: number): PageLayout {
  // Kernels multiply eight codes at a time. Whatever lies past the dimensions meets zeros of the query.
  const stride = Math.ceil(dimensions / 8) * 8;
  return { dimensions, stride, capacity: Math.floor((PAGE_BYTES - SLACK_BYTES) / (stride + COLUMN_BYTES)) };
}

/**
 * A page of quantised vectors, column after column: int8 codes, scales, errors, lengths, rows, namespaces. Which slots are in use
 * is for its engine to know.
 */
export class VectorPage {
  readonly address: number;
  readonly #memory: PageMemory;
  readonly #layout: PageLayout;

  constructor(memory: PageMemory, layout: PageLayout) {
    this.#memory = memory;
    this.#layout = layout;
    this.address = memory.allocate();
  }

  free(): void {
    this.#memory.free(this.address);
  }

  /** Where the codes of `slot` lie: to be written before `set` and not to be kept. */
  codesAt(slot: number): Int8Array {
    const start = this.#codes(slot);
    return this.#memory.views.int8.subarray(start, start + this.#layout.dimensions);
  }

  rowAt(slot: number): Row {
    return must(this.#memory.views.float64[this.#column(3) + slot], 'a slot lies in the memory');
  }

  set(slot: number, row: Row, namespace: number, { scale, error, length }: Quantised): void {
    const { float64, uint32 } = this.#memory.views;
    float64[this.#column(0) + slot] = scale;
    float64[this.#column(1) + slot] = error;
    float64[this.#column(2) + slot] = length;
    float64[this.#column(3) + slot] = row;
    uint32[this.#namespaces() + slot] = namespace;
  }

  /** Copies slot `from` of another page of the same layout, or of this one, to slot `to`. */
  copyFrom(source: VectorPage, from: number, to: number): void {
    const { int8, float64, uint32 } = this.#memory.views;
    int8.copyWithin(this.#codes(to), source.#codes(from), source.#codes(from) + this.#layout.stride);
    for (let column = 0; column < 4; column += 1) float64[this.#column(column) + to] = float64[source.#column(column) + from]!;
    uint32[this.#namespaces() + to] = uint32[source.#namespaces() + from]!;
  }

  #codes(slot: number): number {
    return this.address + slot * this.#layout.stride;
  }

  /** Index of a float64 column's first entry. */
  #column(index: number): number {
    return (this.address + this.#layout.capacity * (this.#layout.stride + 8 * index)) / 8;
  }

  /** Index of the first namespace, among uint32. */
  #namespaces(): number {
    return this.#column(4) * 2;
  }
}

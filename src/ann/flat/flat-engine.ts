import type { Metric } from '../../contract/indexes/index-settings.ts';
import { assert, must } from '../../kernel/assert.ts';
import type { Candidate } from '../rescoring.ts';
import { Rescoring } from '../rescoring.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import { CODE_MAX, quantise } from '../quantise.ts';
import type { ReadVectors, Row, VectorMatch, VectorQuery } from '../stored-vector.ts';
import type { FilledPage } from './scan-pages.ts';
import { candidatesIn } from './scan-pages.ts';
import type { PageLayout, Scanner } from './scanner.ts';
import { pageLayout, VectorPage } from './scanner.ts';
import { SlotIndex, slotIndexBytes } from './slot-index.ts';

/** Bytes a flat engine keeps resident for `count` vectors: whole pages, and the index of their slots. */
export const flatEngineBytes = (count: number, dimensions: number): number =>
  Math.ceil(count / pageLayout(dimensions).capacity) * PAGE_BYTES + slotIndexBytes(count);

/** The most vectors a flat engine holds in `bytesMax`. */
export function flatEngineCapacity(bytesMax: number, dimensions: number): number {
  let fits = 0;
  let exceeds = 1 + Math.floor(bytesMax / PAGE_BYTES) * pageLayout(dimensions).capacity;
  while (exceeds - fits > 1) {
    const count = Math.floor((fits + exceeds) / 2);
    if (flatEngineBytes(count, dimensions) <= bytesMax) fits = count;
    else exceeds = count;
  }
  return fits;
}

/**
 * Searches by reading the int8 codes of every vector of the namespace, then scores exactly the rows that may belong to the answer.
 *
 * The answer is exact. Each vector's codes come with a bound on what quantising lost, so the scan yields an interval of closeness;
 * a vector is passed over only when its whole interval lies behind the `topK` best lower ends, or behind `topK` exact scores.
 */
export class FlatEngine {
  readonly #scanner: Scanner;
  readonly #metric: Metric;
  readonly #layout: PageLayout;
  // Slots in use are contiguous: every page but the last is full.
  readonly #pages: VectorPage[] = [];
  readonly #slots = new SlotIndex((slot) => this.#pageOf(slot).rowAt(slot % this.#layout.capacity));

  constructor(scanner: Scanner, metric: Metric, dimensions: number) {
    this.#scanner = scanner;
    this.#metric = metric;
    this.#layout = pageLayout(dimensions);
  }

  get count(): number {
    return this.#slots.count;
  }

  get bytes(): number {
    return this.#pages.length * PAGE_BYTES + this.#slots.bytes;
  }

  has(row: Row): boolean {
    return this.#slots.get(row) !== undefined;
  }

  /** Adds a vector or replaces the one at `row`. Values are finite. */
  put(row: Row, namespace: number, values: Float32Array): void {
    const { dimensions, capacity } = this.#layout;
    assert(values.length === dimensions, `a vector of this engine has ${dimensions} dimensions, not ${values.length}`);
    const slot = this.#slots.get(row) ?? this.count;
    if (slot === this.#pages.length * capacity) this.#pages.push(new VectorPage(this.#scanner.memory, this.#layout));
    const page = this.#pageOf(slot);
    const inPage = slot % capacity;
    page.set(inPage, row, namespace, quantise(this.#metric, values, CODE_MAX, page.codesAt(inPage)));
    this.#slots.set(row, slot);
  }

  /** Forgets the vector at `row`, which must be there. */
  remove(row: Row): void {
    const { capacity } = this.#layout;
    const slot = must(this.#slots.get(row), `row ${row} is in the engine`);
    const lastSlot = this.count - 1;
    const lastPage = this.#pageOf(lastSlot);
    this.#slots.delete(row);
    // The last vector fills the gap.
    if (slot !== lastSlot) {
      this.#pageOf(slot).copyFrom(lastPage, lastSlot % capacity, slot % capacity);
      this.#slots.set(lastPage.rowAt(lastSlot % capacity), slot);
    }
    if (lastSlot % capacity === 0) this.#pages.pop()?.free();
  }

  /** The closest vectors that the query allows, closest first, equal scores in code unit order of their ids. */
  search(query: VectorQuery, readVectors: ReadVectors): VectorMatch[] {
    const rescoring = new Rescoring(this.#metric, query, readVectors);
    rescoring.push(this.candidates(query));
    return rescoring.matches();
  }

  /** Every vector whose interval of closeness reaches into the `topK` best, the most promising first. */
  candidates(query: VectorQuery): Candidate[] {
    return candidatesIn(this.#scanner, this.#metric, this.#layout, query, this.#filledPages());
  }

  /** Gives its memory back: it holds nothing from now on. */
  free(): void {
    for (const page of this.#pages) page.free();
    this.#pages.length = 0;
    this.#slots.clear();
  }

  *#filledPages(): Generator<FilledPage> {
    const { capacity } = this.#layout;
    for (const [index, page] of this.#pages.entries()) yield { page, count: Math.min(capacity, this.count - index * capacity) };
  }

  #pageOf(slot: number): VectorPage {
    return must(this.#pages[Math.floor(slot / this.#layout.capacity)], `slot ${slot} lies in a page`);
  }
}

import type { Metric } from '../../contract/indexes/index-settings.ts';
import { must } from '../../kernel/assert.ts';
import type { PageMemory } from '../page-memory.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import type { Quantised } from '../quantise.ts';
import { quantise, queryCodeMax } from '../quantise.ts';
import type { Row } from '../stored-vector.ts';

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

// Kernels multiply eight codes at a time. Whatever lies past the dimensions meets zeros of the query.
const strideOf = (dimensions: number): number => Math.ceil(dimensions / 8) * 8;

/** What a scan reads of a vector. */
export const flatRowBytes = (dimensions: number): number => strideOf(dimensions) + COLUMN_BYTES;

export function pageLayout(dimensions: number): PageLayout {
  return { dimensions, stride: strideOf(dimensions), capacity: Math.floor((PAGE_BYTES - SLACK_BYTES) / flatRowBytes(dimensions)) };
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

  /** The first `count` slots, without what is free behind them: what `load` takes. */
  image(count: number): Uint8Array<ArrayBuffer> {
    const image = new Uint8Array(count * flatRowBytes(this.#layout.dimensions));
    this.#eachColumn(count, (column, at) => image.set(column, at));
    return image;
  }

  /** Fills the first `count` slots with those of an image. */
  load(image: Uint8Array, count: number): void {
    this.#eachColumn(count, (column, at) => column.set(image.subarray(at, at + column.length)));
  }

  /** The first `count` entries of each column, and where they begin in an image. */
  #eachColumn(count: number, visit: (column: Uint8Array, at: number) => void): void {
    const { capacity, stride } = this.#layout;
    let [address, at] = [this.address, 0];
    for (const bytesEach of [stride, 8, 8, 8, 8, 4]) {
      visit(this.#memory.views.uint8.subarray(address, address + count * bytesEach), at);
      address += capacity * bytesEach;
      at += count * bytesEach;
    }
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

type ScanKernel = (
  page: number,
  stride: number,
  capacity: number,
  count: number,
  namespace: number,
  isDistance: boolean,
  scale: number,
  length: number,
  error: number,
  threshold: number,
) => number;

// Addresses in the kernels' page, as in wasm/scan.ts: two bytes a dimension, of `dimensionsMaxCount` at most, and room for what a page of the
// shortest vectors has.
const QUERY = 0;
const SLOTS = 16_384;
const CLOSEST = 24_576;
const GUARANTEED = 40_960;

/** A query ready to be scanned for. One at a time: its codes lie in the kernels' page. */
interface PreparedQuery {
  readonly quantised: Quantised;
  readonly layout: PageLayout;
  readonly namespace: number;
  readonly isDistance: boolean;
}

/** The scan kernel of an isolate and the memory it works on. Closeness grows as vectors get closer: a product, or minus a distance. */
export class Scanner {
  readonly memory: PageMemory;
  readonly #scan: ScanKernel;

  /** `module` is wasm/scan.wasm. */
  constructor(module: WebAssembly.Module, memory: PageMemory) {
    this.memory = memory;
    this.#scan = new WebAssembly.Instance(module, { env: { memory: this.memory.memory } }).exports['scan'] as ScanKernel;
  }

  prepare(metric: Metric, values: Float32Array, namespace: number, layout: PageLayout): PreparedQuery {
    const codes = this.memory.views.int16.subarray(QUERY, QUERY + layout.stride);
    codes.fill(0);
    const quantised = quantise(metric, values, queryCodeMax(layout.dimensions), codes);
    return { quantised, layout, namespace, isDistance: metric === 'l2' };
  }

  /**
   * Finds the vectors of the query's namespace among the first `count` of a page, at least 1, whose closeness may reach
   * `threshold`. Answers how many they are; the accessors below read them, in the order of their slots, until the next scan.
   */
  scan(page: VectorPage, count: number, { quantised, layout, namespace, isDistance }: PreparedQuery, threshold: number): number {
    const { scale, length, error } = quantised;
    return this.#scan(page.address, layout.stride, layout.capacity, count, namespace, isDistance, scale, length, error, threshold);
  }

  slotAt(found: number): number {
    return this.memory.views.uint32[SLOTS / 4 + found]!;
  }

  /** The closeness it has at most. */
  closestAt(found: number): number {
    return this.memory.views.float64[CLOSEST / 8 + found]!;
  }

  /** The closeness it has at least. */
  guaranteedAt(found: number): number {
    return this.memory.views.float64[GUARANTEED / 8 + found]!;
  }
}

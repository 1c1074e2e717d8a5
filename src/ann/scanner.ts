import type { Metric } from '../contract/metric.ts';
import type { PageMemory } from './page-memory.ts';
import type { Quantised } from './quantise.ts';
import { quantise, queryCodeMax } from './quantise.ts';
import type { PageLayout, VectorPage } from './vector-page.ts';

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

import type { Quantised } from './quantise.ts';
import type { Row } from './vector-engine.ts';

/** Vectors a block has room for: large enough that loops run inside a block, small enough that a tiny index stays tiny. */
export const BLOCK_SLOTS = 256;

/** A fixed number of quantised vectors, each column a typed array. Slots below the engine's count are in use. */
export class VectorBlock {
  readonly dimensions: number;
  /** Row-major [BLOCK_SLOTS x dimensions]. */
  readonly codes: Int8Array;
  readonly scales: Float64Array;
  readonly errors: Float64Array;
  readonly lengths: Float64Array;
  readonly rows: Float64Array;
  readonly namespaces: Float64Array;

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.codes = new Int8Array(BLOCK_SLOTS * dimensions);
    this.scales = new Float64Array(BLOCK_SLOTS);
    this.errors = new Float64Array(BLOCK_SLOTS);
    this.lengths = new Float64Array(BLOCK_SLOTS);
    this.rows = new Float64Array(BLOCK_SLOTS);
    this.namespaces = new Float64Array(BLOCK_SLOTS);
  }

  codesAt(slot: number): Int8Array {
    return this.codes.subarray(slot * this.dimensions, (slot + 1) * this.dimensions);
  }

  set(slot: number, row: Row, namespace: number, quantised: Quantised): void {
    this.rows[slot] = row;
    this.namespaces[slot] = namespace;
    this.scales[slot] = quantised.scale;
    this.errors[slot] = quantised.error;
    this.lengths[slot] = quantised.length;
  }

  /** Copies `slot` of another block, or of this one, to slot `to`. */
  copyFrom(from: VectorBlock, slot: number, to: number): void {
    this.codesAt(to).set(from.codesAt(slot));
    this.set(to, from.rows[slot]!, from.namespaces[slot]!, {
      scale: from.scales[slot]!,
      error: from.errors[slot]!,
      length: from.lengths[slot]!,
    });
  }

  /** The exact integer product of the codes at `slot` and those of a query, which must be made under `queryCodeMax`. */
  product(slot: number, query: Int32Array): number {
    const { codes, dimensions } = this;
    const start = slot * dimensions;
    let sum = 0;
    for (let i = 0; i < dimensions; i += 1) sum = (sum + Math.imul(codes[start + i]!, query[i]!)) | 0;
    return sum;
  }
}

/** Bytes a block keeps resident: one byte a code and five float64 columns. */
export const blockBytes = (dimensions: number): number => BLOCK_SLOTS * (dimensions + 5 * 8);

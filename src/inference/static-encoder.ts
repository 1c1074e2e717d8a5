import { assert } from '../kernel/assert.ts';
import type { EmbeddingModel } from './embedding-model.ts';
import type { ModelManifest } from './model-manifest.ts';
import type { StaticTable } from './static-table.ts';
import type { TokenBatch } from './token-batch.ts';

/**
 * A text's vector is the sum of its tokens' rows, scaled to unit length.
 * Word weights and the change of axes are in the table already, so this is all there is to compute.
 */
export class StaticEncoder implements EmbeddingModel {
  readonly manifest: ModelManifest;
  readonly #table: StaticTable;
  readonly #sum: Float64Array;

  constructor(manifest: ModelManifest, table: StaticTable) {
    this.manifest = manifest;
    this.#table = table;
    this.#sum = new Float64Array(table.dimensions);
  }

  embed({ ids, offsets }: TokenBatch): Float32Array<ArrayBuffer> {
    const { dimensions } = this.#table;
    const rows = offsets.length - 1;
    const vectors = new Float32Array(rows * dimensions);
    for (let row = 0; row < rows; row++) {
      this.#addTokens(ids, offsets[row]!, offsets[row + 1]!);
      this.#writeUnit(vectors, row * dimensions);
    }
    return vectors;
  }

  /** Leaves the sum of `ids[from .. to)` in `#sum`. */
  #addTokens(ids: Int32Array, from: number, to: number): void {
    const { codes, scales, dimensions } = this.#table;
    const sum = this.#sum.fill(0);
    for (let at = from; at < to; at++) {
      const id = ids[at]!;
      assert(id >= 0 && id < scales.length, 'token ids are checked before they are embedded');
      const scale = scales[id]!;
      if (scale === 0) continue;
      const base = id * dimensions;
      for (let d = 0; d < dimensions; d++) sum[d] = sum[d]! + codes[base + d]! * scale;
    }
  }

  /** Writes `#sum` at unit length; a zero sum leaves zeros, never NaN. */
  #writeUnit(vectors: Float32Array, base: number): void {
    const sum = this.#sum;
    let square = 0;
    for (let d = 0; d < sum.length; d++) square += sum[d]! * sum[d]!;
    if (square === 0) return;
    const scale = 1 / Math.sqrt(square);
    for (let d = 0; d < sum.length; d++) vectors[base + d] = sum[d]! * scale;
  }
}

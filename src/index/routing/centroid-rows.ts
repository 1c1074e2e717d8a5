import { quantiseTo } from '../../ann/lists/list-model.ts';
import type { CentroidRows } from './route-table.ts';

/** `values`: [n x dimensions] */
export function encodeCentroids(values: Float32Array, dimensions: number): CentroidRows {
  const count = values.length / dimensions;
  const rows = { codes: new Int8Array(values.length), scales: new Float32Array(count) };
  for (let row = 0; row < count; row += 1) {
    const [from, to] = [row * dimensions, (row + 1) * dimensions];
    rows.scales[row] = quantiseTo(values.subarray(from, to), rows.codes.subarray(from, to));
  }
  return rows;
}

/** Writes the centroids to `out` from `at` on: [n x dimensions]. */
export function decodeCentroids({ codes, scales }: CentroidRows, dimensions: number, out: Float32Array, at: number): void {
  for (let row = 0; row < scales.length; row += 1) {
    const scale = scales[row]!;
    for (let i = row * dimensions; i < (row + 1) * dimensions; i += 1) out[at + i] = codes[i]! * scale;
  }
}

import { quantiseTo } from '../../ann/lists/list-model.ts';
import type { CentroidRows, RouteTable } from './route-table.ts';

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

/** A point as centroids are compared with it. */
export interface RankingPoint {
  readonly values: Float32Array;
  /** Its squared length; absent for queries by inner product. */
  readonly square?: number;
}

/** Centroids, ready for computing how far a point is from each. They stay in their stored form: decoded they would take four times the memory. */
export class CentroidDistances {
  readonly #dimensions: number;
  readonly #codes: Int8Array<ArrayBuffer>;
  readonly #scales: Float32Array<ArrayBuffer>;
  /** Squared lengths. */
  readonly #squares: Float64Array;

  constructor(rows: CentroidRows, { dimensions }: Pick<RouteTable, 'dimensions'>) {
    this.#dimensions = dimensions;
    this.#codes = rows.codes;
    this.#scales = rows.scales;
    this.#squares = squaresOf(rows, dimensions);
  }

  /** In memory. */
  get bytes(): number {
    return this.#codes.byteLength + this.#scales.byteLength + this.#squares.byteLength;
  }

  /** One of them alone, as it is stored. */
  centroid(row: number): CentroidRows {
    const start = row * this.#dimensions;
    return { codes: this.#codes.slice(start, start + this.#dimensions), scales: this.#scales.slice(row, row + 1) };
  }

  /** Squared; for queries by inner product minus it. */
  distance({ values, square }: RankingPoint, row: number): number {
    const product = this.#product(values, row) * this.#scales[row]!;
    return square === undefined ? -product : Math.max(0, square + this.#squares[row]! - 2 * product);
  }

  /** Four sums, so that additions need not wait for each other. */
  #product(values: Float32Array, row: number): number {
    const codes = this.#codes;
    const start = row * this.#dimensions;
    const whole = this.#dimensions & ~3;
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let i = 0; i < whole; i += 4) {
      a += values[i]! * codes[start + i]!;
      b += values[i + 1]! * codes[start + i + 1]!;
      c += values[i + 2]! * codes[start + i + 2]!;
      d += values[i + 3]! * codes[start + i + 3]!;
    }
    for (let i = whole; i < this.#dimensions; i += 1) a += values[i]! * codes[start + i]!;
    return a + b + c + d;
  }
}

function squaresOf({ codes, scales }: CentroidRows, dimensions: number): Float64Array {
  return Float64Array.from(scales, (scale, row) => {
    let square = 0;
    for (let i = row * dimensions; i < (row + 1) * dimensions; i += 1) square += codes[i]! * codes[i]!;
    return square * scale * scale;
  });
}

import { CODEWORDS } from '../lists/list-model.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import { largestMagnitude, unitFor } from '../float32.ts';
import type { NearestCentroids } from './nearest-centroids.ts';
import { batchCountMax, putRows, strideOf } from './nearest-centroids.ts';
import type { TrainKernels } from './train-kernels.ts';
import { Columns } from './train-kernels.ts';

/** After this many passes of coordinate descent few codes change; most vectors settle sooner. */
const PASSES = 3;

// Keeps the factor between two units a float32.
const FACTOR_MAX = 2 ** 100;

/** The number of subspaces into which vectors are divided, and their width. */
export interface Subspaces {
  readonly dimensions: number;
  readonly count: number;
  readonly width: number;
}

/** A sum over vectors that a codeword codes: see `gather` in wasm/train.ts. */
export const momentSize = (width: number): number => 1 + width + (width * (width + 1)) / 2;

interface Layout {
  readonly pages: number;
  readonly rows: number;
  readonly places: number;
  readonly nibbles: number;
  readonly errors: number;
  readonly biases: number;
  readonly scratch: number;
  readonly codebook: number;
  readonly moments: number;
}

function layoutOf({ dimensions, count, width }: Subspaces, gathers: boolean): Layout {
  const columns = new Columns();
  const batch = batchCountMax(dimensions);
  const stride = strideOf(dimensions);
  const offsets = {
    rows: columns.add(batch * stride),
    places: columns.add(batch * 4),
    nibbles: columns.add(batch * count),
    errors: columns.add(batch * 8),
    biases: columns.add(batch * 8),
    scratch: columns.add(3 * Math.max(stride, count * width * 4) + 2 * count * CODEWORDS * 4),
    codebook: columns.add(count * width * CODEWORDS * 4),
    moments: columns.add(gathers ? count * CODEWORDS * momentSize(width) * 8 : 0),
  };
  return { ...offsets, pages: columns.pages };
}

/** Page memory that `ProductCoder` holds. */
export const productCoderBytes = (subspaces: Subspaces, gathers: boolean): number => layoutOf(subspaces, gathers).pages * PAGE_BYTES;

/** Where codes go, by vector. */
interface ProductCodes {
  /** One a subspace from every `stride`th on. */
  readonly nibbles: Uint8Array;
  readonly stride: number;
  /** Squared lengths of what the codes lose. */
  readonly errors: Float64Array;
  /** |c|^2/2 - |x'|^2/2 where x' is what the codes stand for. */
  readonly biases: Float64Array;
}

/** A codebook in the kernels' memory, and vectors coded with it. */
export class ProductCoder {
  readonly #kernels: TrainKernels;
  readonly #subspaces: Subspaces;
  readonly #gathers: boolean;
  readonly #layout: Layout;
  readonly #address: number;
  #unit = 1;
  #weight = 0;

  /** `gathers`: whether the codebook is to be trained. */
  constructor(kernels: TrainKernels, subspaces: Subspaces, gathers: boolean) {
    this.#kernels = kernels;
    this.#subspaces = subspaces;
    this.#gathers = gathers;
    this.#layout = layoutOf(subspaces, gathers);
    this.#address = kernels.memory.allocate(this.#layout.pages);
  }

  get bytes(): number {
    return this.#layout.pages * PAGE_BYTES;
  }

  /**
   * [subspaces x 16 x width]; what was gathered with the one before is forgotten. `weight`: how much more than an error across a vector
   * one along it counts, which is what changes its products most.
   */
  setCodebook(codebook: Float32Array, weight: number): void {
    this.#weight = weight;
    const { count, width } = this.#subspaces;
    const { float32, float64 } = this.#kernels.memory.views;
    this.#unit = unitFor(largestMagnitude(codebook));
    let at = (this.#address + this.#layout.codebook) / 4;
    for (let m = 0; m < count; m += 1) {
      for (let j = 0; j < width; j += 1) {
        for (let k = 0; k < CODEWORDS; k += 1) float32[at + k] = codebook[(m * CODEWORDS + k) * width + j]! * this.#unit;
        at += CODEWORDS;
      }
    }
    const moments = (this.#address + this.#layout.moments) / 8;
    if (this.#gathers) float64.fill(0, moments, moments + count * CODEWORDS * momentSize(width));
  }

  /**
   * Codes vectors `from` to `to`, at most `batchCountMax`, against the centroids at `places`. [n x dimensions]. Adds them to the gathered
   * sums, if the codebook is to be trained.
   */
  encode(vectors: Float32Array, from: number, to: number, centroids: NearestCentroids, places: Uint32Array, out: ProductCodes): void {
    const { count: subspaces, width, dimensions } = this.#subspaces;
    const { rows, codebook, scratch, nibbles, errors, biases, moments } = this.#layout;
    const { float32, float64, uint8, uint32 } = this.#kernels.memory.views;
    const start = this.#address;
    const count = to - from;
    putRows(float32, start + rows, vectors, from, to, dimensions);
    uint32.set(places.subarray(from, to), (start + this.#layout.places) / 4);
    this.#kernels.encode(
      start + rows,
      count,
      strideOf(dimensions),
      this.#unit,
      centroids.centroidsAddress,
      centroids.scalesAddress,
      Math.min(FACTOR_MAX, this.#unit / centroids.unit),
      start + this.#layout.places,
      start + codebook,
      subspaces,
      width,
      this.#weight,
      this.#weight === 0 ? 0 : PASSES,
      start + scratch,
      start + nibbles,
      start + errors,
      start + biases,
      this.#gathers ? start + moments : 0,
    );
    for (let i = 0; i < count; i += 1) {
      const coded = start + nibbles + i * subspaces;
      out.nibbles.set(uint8.subarray(coded, coded + subspaces), (from + i) * out.stride);
      out.errors[from + i] = float64[(start + errors) / 8 + i]! / this.#unit / this.#unit;
      out.biases[from + i] = float64[(start + biases) / 8 + i]! / this.#unit / this.#unit;
    }
  }

  /** What was gathered for the codewords of a subspace, in multiples of `1 / unit`. [16 x momentSize] */
  momentsOf(subspace: number): { moments: Float64Array; unit: number } {
    const size = CODEWORDS * momentSize(this.#subspaces.width);
    const first = (this.#address + this.#layout.moments) / 8 + subspace * size;
    return { moments: this.#kernels.memory.views.float64.slice(first, first + size), unit: this.#unit };
  }

  free(): void {
    this.#kernels.memory.free(this.#address, this.#layout.pages);
  }
}

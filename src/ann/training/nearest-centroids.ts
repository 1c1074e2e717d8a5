import { assert } from '../../kernel/assert.ts';
import type { Centroid } from '../lists/list-model.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import { CODE_MAX, queryCodeMax } from '../quantise.ts';
import { unitFor } from '../float32.ts';
import type { TrainKernels } from './train-kernels.ts';
import { Columns } from './train-kernels.ts';

/** Vectors that one call of a kernel takes at most: a few hundred, or as many as 16k components. */
export const batchCountMax = (dimensions: number): number => Math.max(4, Math.min(512, (16_384 / dimensions) & ~3));

// Centroids lie in groups of eight.
const GROUP = 8;
const STATE_BYTES = 32 * 32;

interface Layout {
  readonly pages: number;
  readonly rows: number;
  readonly packed: number;
  readonly ratios: number;
  readonly places: number;
  readonly keys: number;
  readonly states: number;
  readonly scales: number;
  readonly halves: number;
  readonly centroids: number;
}

function layoutOf(dimensions: number, centroidCount: number): Layout {
  const columns = new Columns();
  const stride = strideOf(dimensions);
  const batch = batchCountMax(dimensions);
  const slots = Math.ceil(centroidCount / GROUP) * GROUP;
  const offsets = {
    rows: columns.add(batch * stride),
    packed: columns.add((batch * stride) / 2),
    ratios: columns.add(batch * 4),
    places: columns.add(batch * 4),
    keys: columns.add(batch * 4),
    states: columns.add(STATE_BYTES),
    scales: columns.add(slots * 4),
    halves: columns.add(slots * 4),
    centroids: columns.add((slots * stride) / 2),
  };
  return { ...offsets, pages: columns.pages };
}

/** Bytes from one row of the kernels' vectors to the next. */
export const strideOf = (dimensions: number): number => Math.ceil(dimensions / 4) * 16;

/** Page memory that `NearestCentroids` holds. */
export const nearestCentroidsBytes = (dimensions: number, centroidCount: number): number =>
  layoutOf(dimensions, centroidCount).pages * PAGE_BYTES;

/** Centroids in the kernels' memory, and vectors' nearest ones by exact products of codes: int8 of the centroids, int16 of the vectors. */
export class NearestCentroids {
  readonly dimensions: number;
  readonly #kernels: TrainKernels;
  readonly #layout: Layout;
  readonly #address: number;
  #count = 0;
  #unit = 1;

  constructor(kernels: TrainKernels, dimensions: number, countMax: number) {
    this.dimensions = dimensions;
    this.#kernels = kernels;
    this.#layout = layoutOf(dimensions, countMax);
    this.#address = kernels.memory.allocate(this.#layout.pages);
  }

  get bytes(): number {
    return this.#layout.pages * PAGE_BYTES;
  }

  /** What centroids' components are multiplied with: see `unitFor`. */
  get unit(): number {
    return this.#unit;
  }

  get centroidsAddress(): number {
    return this.#address + this.#layout.centroids;
  }

  /** Of the centroids' scales, float32 and times the unit. */
  get scalesAddress(): number {
    return this.#address + this.#layout.scales;
  }

  /** Takes the number and the largest scale of the centroids that `put` then writes, one by one. */
  reset(count: number, largestScale: number): void {
    this.#count = count;
    this.#unit = unitFor(largestScale * CODE_MAX);
    const { float32 } = this.#kernels.memory.views;
    // Slots past the last centroid are never nearest.
    const end = Math.ceil(count / GROUP) * GROUP;
    float32.fill(0, this.scalesAddress / 4, this.scalesAddress / 4 + end);
    float32.fill(Infinity, this.#halves, this.#halves + end);
  }

  put(place: number, { codes, scale }: Centroid): void {
    const { float32, int16 } = this.#kernels.memory.views;
    const stride = strideOf(this.dimensions);
    const group = this.centroidsAddress + Math.floor(place / GROUP) * stride * 4;
    // Two components of each of eight centroids are side by side.
    let at = group / 2 + (place % GROUP) * 2;
    let squared = 0;
    for (let i = 0; i < stride / 4; i += 2) {
      const [first, second] = [codes[i] ?? 0, codes[i + 1] ?? 0];
      int16[at] = first;
      int16[at + 1] = second;
      squared += first * first + second * second;
      at += 2 * GROUP;
    }
    const scaled = Math.fround(scale * this.#unit);
    float32[this.scalesAddress / 4 + place] = scaled;
    float32[this.#halves + place] = (squared * scaled * scaled) / 2;
  }

  /**
   * The indexes of the nearest centroids of prepared vectors, the first of several; until the next call. Returns them, vector by vector,
   * with x.c - |c|^2/2 where asked for: half of what the distance's square is less than |x|^2.
   */
  nearest(vectors: Float32Array, count: number, places: Uint32Array, gains?: Float64Array): void {
    assert(this.#count > 0, 'there is a centroid');
    const batch = batchCountMax(this.dimensions);
    for (let from = 0; from < count; from += batch) this.#batch(vectors, from, Math.min(count, from + batch), places, gains);
  }

  #batch(vectors: Float32Array, from: number, to: number, places: Uint32Array, gains?: Float64Array): void {
    const { rows, packed, ratios, keys, states } = this.#layout;
    const start = this.#address;
    const stride = strideOf(this.dimensions);
    const count = to - from;
    const { float32, uint32 } = this.#kernels.memory.views;
    putRows(float32, start + rows, vectors, from, to, this.dimensions);
    this.#kernels.pack(start + rows, count, stride, this.#unit, queryCodeMax(this.dimensions), start + packed, start + ratios);
    this.#kernels.nearest(
      start + packed,
      count,
      stride,
      start + ratios,
      this.centroidsAddress,
      Math.ceil(this.#count / GROUP),
      this.scalesAddress,
      this.#halves * 4,
      start + states,
      start + this.#layout.places,
      start + keys,
    );
    const found = (start + this.#layout.places) / 4;
    places.set(uint32.subarray(found, found + count), from);
    if (gains === undefined) return;
    for (let i = 0; i < count; i += 1) {
      gains[from + i] = float32[(start + keys) / 4 + i]! / float32[(start + ratios) / 4 + i]! / this.#unit / this.#unit;
    }
  }

  free(): void {
    this.#kernels.memory.free(this.#address, this.#layout.pages);
  }

  get #halves(): number {
    return (this.#address + this.#layout.halves) / 4;
  }
}

/** Lays vectors `from` to `to` out for the kernels: zeros after each up to the next row. */
export function putRows(float32: Float32Array, address: number, vectors: Float32Array, from: number, to: number, dimensions: number): void {
  const floats = strideOf(dimensions) / 4;
  let at = address / 4;
  if (floats === dimensions) {
    float32.set(vectors.subarray(from * dimensions, to * dimensions), at);
    return;
  }
  for (let i = from; i < to; i += 1) {
    float32.set(vectors.subarray(i * dimensions, (i + 1) * dimensions), at);
    float32.fill(0, at + dimensions, at + floats);
    at += floats;
  }
}

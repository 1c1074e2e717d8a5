import type { Metric } from '../../contract/indexes/index-settings.ts';
import { assert, must } from '../../kernel/assert.ts';
import type { Centroid, EncodedEntries, ListModel } from '../lists/list-model.ts';
import { nibbleCount, quantiseTo, subspaceCount } from '../lists/list-model.ts';
import { NearestCentroids, batchCountMax, nearestCentroidsBytes } from './nearest-centroids.ts';
import { ProductCoder, productCoderBytes } from './product-coder.ts';
import type { TrainKernels } from './train-kernels.ts';

/**
 * How much more than an error across a vector one along it counts: what a vector is close to lies in its direction, so there the products
 * that matter suffer (Guo et al. 2020). A distance suffers from any direction alike. Measured on word vectors: 3 and 4 are equally good,
 * 1 and 2 worse.
 */
export const parallelWeight = (metric: Metric): number => (metric === 'l2' ? 0 : 3);

const LEVELS = 256;

/** Levels of which the outermost are the extremes of what was seen. */
export const biasLevels = (min: number, max: number): Pick<ListModel, 'biasMin' | 'biasStep'> => ({
  biasMin: min,
  biasStep: (max - min) / (LEVELS - 1),
});

/** The closest level to a bias. */
function biasLevel({ biasMin, biasStep }: Pick<ListModel, 'biasMin' | 'biasStep'>, bias: number): number {
  if (biasStep === 0) return 0;
  return Math.max(0, Math.min(LEVELS - 1, Math.floor((bias - biasMin) / biasStep + 0.5)));
}

/** The centroid of a list. */
export interface NumberedCentroid {
  readonly list: number;
  readonly centroid: Centroid;
}

export interface Encoding {
  readonly entries: EncodedEntries;
  /** Summed squared length of what the codes lose: over the count, to be compared with the model's `distortion`. */
  readonly squaredError: number;
}

/** Finds the lists of vectors and codes them against their centroids. All vectors are prepared ones: see `prepare`. */
export class Encoder {
  readonly #kernels: TrainKernels;
  readonly #model: ListModel;
  readonly #coder: ProductCoder;
  #centroids: NearestCentroids | undefined;
  #lists = new Uint32Array();
  #placeOf = new Map<number, number>();

  constructor(kernels: TrainKernels, model: ListModel) {
    this.#kernels = kernels;
    this.#model = model;
    this.#coder = new ProductCoder(kernels, subspacesOf(model), false);
    this.#coder.setCodebook(model.codebook, parallelWeight(model.metric));
  }

  /** Bytes of page memory it holds. */
  get bytes(): number {
    return this.#coder.bytes + (this.#centroids?.bytes ?? 0);
  }

  /** The centroids to assign to and code against, replacing the previous ones. At least one. */
  setCentroids(lists: readonly NumberedCentroid[]): void {
    this.#centroids?.free();
    this.#centroids = new NearestCentroids(this.#kernels, this.#model.dimensions, lists.length);
    this.#centroids.reset(
      lists.length,
      lists.reduce((largest, { centroid }) => Math.max(largest, centroid.scale), 0),
    );
    for (const [place, { centroid }] of lists.entries()) this.#centroids.put(place, centroid);
    this.#lists = Uint32Array.from(lists, ({ list }) => list);
    this.#placeOf = new Map(lists.map(({ list }, place) => [list, place]));
  }

  /** The list whose centroid is nearest to each vector, the one given first if several are. [count x dimensions] -> [count] */
  assign(prepared: Float32Array, count: number): Uint32Array {
    const places = new Uint32Array(count);
    this.#held.nearest(prepared, count, places);
    return places.map((place) => this.#lists[place]!);
  }

  /** `lists` has the list of each vector, which need not be the nearest one. */
  encode(prepared: Float32Array, rows: readonly number[], lists: Uint32Array): Encoding {
    const { metric, dimensions, hasLowPlane } = this.#model;
    const count = rows.length;
    assert(prepared.length === count * dimensions && lists.length === count, 'every row has a vector and a list');
    const stride = nibbleCount(this.#model);
    const nibbles = new Uint8Array(count * stride);
    const [errors, biases] = [new Float64Array(count), new Float64Array(count)];
    const places = lists.map((list) => must(this.#placeOf.get(list), 'a list has a centroid'));
    const batch = batchCountMax(dimensions);
    for (let from = 0; from < count; from += batch) {
      const out = { nibbles, stride, errors, biases };
      this.#coder.encode(prepared, from, Math.min(count, from + batch), this.#held, places, out);
    }
    if (metric === 'l2') {
      for (let i = 0; i < count; i += 1) {
        const level = biasLevel(this.#model, biases[i]!);
        nibbles[(i + 1) * stride - 2] = level >> 4;
        nibbles[(i + 1) * stride - 1] = level & 15;
      }
    }
    const entries = { count, rows: Float64Array.from(rows), nibbles, ...planesOf(prepared, count, dimensions, hasLowPlane) };
    return { entries, squaredError: errors.reduce((sum, error) => sum + error, 0) };
  }

  free(): void {
    this.#coder.free();
    this.#centroids?.free();
    this.#centroids = undefined;
  }

  get #held(): NearestCentroids {
    return must(this.#centroids, 'there are centroids');
  }
}

/** Page memory that an encoder holds. */
export const encoderBytes = (dimensions: number, subspaceDimensions: number, listCount: number): number =>
  nearestCentroidsBytes(dimensions, listCount) + productCoderBytes(subspacesOf({ dimensions, subspaceDimensions }), false);

export const subspacesOf = (model: Pick<ListModel, 'dimensions' | 'subspaceDimensions'>) => ({
  dimensions: model.dimensions,
  count: subspaceCount(model),
  width: model.subspaceDimensions,
});

function planesOf(prepared: Float32Array, count: number, dimensions: number, hasLowPlane: boolean) {
  const codes = new Int8Array(count * dimensions);
  const scales = new Float32Array(count);
  const low = hasLowPlane ? new Int8Array(count * dimensions) : null;
  for (let i = 0; i < count; i += 1) {
    const [start, end] = [i * dimensions, (i + 1) * dimensions];
    const values = prepared.subarray(start, end);
    const scale = quantiseTo(values, codes.subarray(start, end));
    scales[i] = scale;
    if (low === null || scale === 0) continue;
    for (let j = 0; j < dimensions; j += 1) {
      const rest = Math.floor((values[j]! / scale - codes[start + j]!) * 256 + 0.5);
      low[start + j] = Math.max(-128, Math.min(127, rest));
    }
  }
  return { codes, scales, low };
}

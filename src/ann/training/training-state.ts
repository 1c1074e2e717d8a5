import type { Metric } from '../../contract/indexes/index-settings.ts';
import { intact } from '../lists/integrity.ts';
import { CODEWORDS } from '../lists/list-model.ts';
import { CentroidSet } from './centroid-set.ts';
import { subspacesOf } from './encoder.ts';

/** The options of a training. The same options and the same sample give the same result, to the bit. */
export interface TrainingOptions {
  readonly metric: Metric;
  readonly dimensions: number;
  /** How many lists, at least 1. More than there are vectors in the sample leave lists that no vector is nearest to. */
  readonly listCount: number;
  /** A uint32. */
  readonly seed: number;
  /** Whether the index keeps a low-byte plane: goes into the model as it is. */
  readonly hasLowPlane: boolean;
  /** See `subspaceDimensionsFor`. */
  readonly subspaceDimensions: number;
}

/** Dimensions that share a 4-bit code: more codes a vector where there are few dimensions, and never more than 512 codes. */
export function subspaceDimensionsFor(dimensions: number): number {
  if (dimensions <= 8) return 1;
  if (dimensions <= 48) return 2;
  if (dimensions <= 128) return 3;
  return Math.max(4, Math.ceil(dimensions / 512));
}

// Layout 1, little-endian: u32 magic and layout, u32 round, four float64; float32 mean and codebook; of the centroids and then of their
// rivals, float32 scales and int8 codes.
const MAGIC = 0x5453_0001;
const HEADER_BYTES = 2 * 4 + 4 * 8;

/** The whole state of a training between two rounds. */
export class TrainingState {
  /** Rounds done: what comes next follows from it. */
  round = 0;
  /** How good the rivals are: see `lloydRound`. */
  rivalGain = -Infinity;
  distortion = 0;
  biasMin = 0;
  biasMax = 0;
  /** Zeros unless `l2`. */
  readonly mean: Float32Array;
  readonly codebook: Float32Array;
  readonly centroids: CentroidSet;
  /** The best of the trials so far. */
  readonly rivals: CentroidSet;

  constructor({ dimensions, listCount, subspaceDimensions }: TrainingOptions) {
    const { count, width } = subspacesOf({ dimensions, subspaceDimensions });
    this.mean = new Float32Array(dimensions);
    this.codebook = new Float32Array(count * CODEWORDS * width);
    this.centroids = new CentroidSet(listCount, dimensions);
    this.rivals = new CentroidSet(listCount, dimensions);
  }

  encode(): Uint8Array<ArrayBuffer> {
    const columns = this.#columns();
    const bytes = new Uint8Array(HEADER_BYTES + columns.reduce((sum, { byteLength }) => sum + byteLength, 0));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, this.round, true);
    const numbers = [this.rivalGain, this.distortion, this.biasMin, this.biasMax];
    for (const [i, number] of numbers.entries()) view.setFloat64(8 + i * 8, number, true);
    let at = HEADER_BYTES;
    for (const column of columns) {
      bytes.set(new Uint8Array(column.buffer), at);
      at += column.byteLength;
    }
    return bytes;
  }

  static decode(options: TrainingOptions, bytes: Uint8Array): TrainingState {
    const state = new TrainingState(options);
    const columns = state.#columns();
    const length = HEADER_BYTES + columns.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    intact(bytes.length === length && view.getUint32(0, true) === MAGIC, 'a checkpoint is of layout 1 and of these options');
    state.round = view.getUint32(4, true);
    [state.rivalGain, state.distortion, state.biasMin, state.biasMax] = [0, 1, 2, 3].map((i) => view.getFloat64(8 + i * 8, true)) as [
      number,
      number,
      number,
      number,
    ];
    let at = HEADER_BYTES;
    for (const column of columns) {
      new Uint8Array(column.buffer).set(bytes.subarray(at, at + column.byteLength));
      at += column.byteLength;
    }
    return state;
  }

  /** WebAssembly runs on little-endian memory, and so do the engines that run it. */
  #columns(): (Float32Array | Int8Array)[] {
    const { mean, codebook, centroids, rivals } = this;
    return [mean, codebook, centroids.scales, centroids.codes, rivals.scales, rivals.codes];
  }
}

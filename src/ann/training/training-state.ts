import { intact } from '../lists/integrity.ts';
import { CODEWORDS } from '../lists/list-model.ts';
import { CentroidSet } from './centroid-set.ts';
import { subspacesOf } from './encoder.ts';
import type { TrainingOptions } from './training-options.ts';

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

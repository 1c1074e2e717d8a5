import { assert } from '../../kernel/assert.ts';
import type { Centroid, ListModel } from '../lists/list-model.ts';
import { biasLevels, parallelWeight, subspacesOf } from './encoder.ts';
import { STEP_COMPONENTS } from './centroid-set.ts';
import { chance } from '../../kernel/seeded.ts';
import type { AssignedSample } from './codebook.ts';
import { codebookRound, seedCodebook } from './codebook.ts';
import { assignedPerStep, lloydRound } from './lloyd-round.ts';
import { NearestCentroids, nearestCentroidsBytes } from './nearest-centroids.ts';
import { ProductCoder, productCoderBytes } from './product-coder.ts';
import { Sample } from './sample.ts';
import type { TrainKernels } from './train-kernels.ts';
import type { TrainingOptions } from './training-state.ts';
import { TrainingState } from './training-state.ts';

// The centroids that k-means starts with are the best of a few trials, on this many vectors a list.
const TRIALS = 3;
const TRIAL_ROUNDS = 3;
const TRIAL_VECTORS_PER_LIST = 16;
const LLOYD_ROUNDS = 8;
// The codebook is trained on this many vectors: five hundred for each codeword of a subspace.
const CODED_COUNT_MAX = 8_192;
const NEAREST_ROUNDS = 6;
const WEIGHTED_ROUNDS = 6;

// In a row, with the first round of each. The first round of all is the mean's, the last one measures and moves nothing that counts.
const TRIALS_FROM = 1;
const LLOYD_FROM = TRIALS_FROM + TRIALS * TRIAL_ROUNDS;
const CODEBOOK_FROM = LLOYD_FROM + LLOYD_ROUNDS;
const WEIGHTED_FROM = CODEBOOK_FROM + NEAREST_ROUNDS;
const MEASURE = WEIGHTED_FROM + WEIGHTED_ROUNDS;

/** Trains centroids and a model on a sample, in bounded steps. However it is interrupted and resumed, the result is the same. */
export class Training {
  readonly #options: TrainingOptions;
  readonly #sample: Sample;
  readonly #nearest: NearestCentroids;
  readonly #coder: ProductCoder;
  readonly #state: TrainingState;
  readonly #steps: Iterator<undefined>;
  readonly #values: Float32Array;
  #checkpoint: Uint8Array<ArrayBuffer>;
  #isDone = false;

  private constructor(kernels: TrainKernels, options: TrainingOptions, values: Float32Array, state: TrainingState) {
    const { metric, dimensions, listCount } = options;
    assert(values.length > 0 && values.length % dimensions === 0, 'a sample is whole vectors');
    this.#options = options;
    this.#values = values;
    this.#state = state;
    this.#sample = new Sample(values, { metric, dimensions, mean: state.mean });
    this.#nearest = new NearestCentroids(kernels, dimensions, listCount);
    this.#coder = new ProductCoder(kernels, subspacesOf(options), true);
    this.#checkpoint = state.encode();
    this.#steps = this.#run();
  }

  /** `sample`: vectors as stored, at least one. [count x dimensions] The training changes them. */
  static start(kernels: TrainKernels, options: TrainingOptions, sample: Float32Array): Training {
    return new Training(kernels, options, sample, new TrainingState(options));
  }

  /** Goes on from a checkpoint made under the same options and sample. Throws if the bytes are not such a checkpoint. */
  static resume(kernels: TrainKernels, options: TrainingOptions, sample: Float32Array, checkpoint: Uint8Array): Training {
    return new Training(kernels, options, sample, TrainingState.decode(options, checkpoint));
  }

  /** Bytes of page memory it holds. */
  get bytes(): number {
    return this.#nearest.bytes + this.#coder.bytes;
  }

  /** Does one bounded piece of work; true once there is nothing left. */
  step(): boolean {
    this.#isDone ||= this.#steps.next().done === true;
    return this.#isDone;
  }

  /** The state from which to continue. Work since the last such point is repeated: a fraction of a second at most. */
  checkpoint(): Uint8Array<ArrayBuffer> {
    return this.#checkpoint;
  }

  /** Once done. */
  result(): { model: ListModel; centroids: Centroid[] } {
    assert(this.#isDone, 'only a training that is done has a result');
    const { metric, dimensions, subspaceDimensions, hasLowPlane } = this.#options;
    const { mean, codebook, distortion, biasMin, biasMax, centroids } = this.#state;
    const levels = metric === 'l2' ? biasLevels(biasMin, biasMax) : { biasMin: 0, biasStep: 0 };
    return {
      model: { metric, dimensions, subspaceDimensions, mean, codebook, ...levels, distortion, hasLowPlane },
      centroids: Array.from({ length: centroids.count }, (_, place) => centroids.at(place)),
    };
  }

  free(): void {
    this.#nearest.free();
    this.#coder.free();
  }

  *#run(): Generator<undefined> {
    const state = this.#state;
    if (state.round < TRIALS_FROM) yield* this.#done(this.#mean());
    yield* this.#sample.prepare();
    while (state.round < LLOYD_FROM) yield* this.#done(this.#trial());
    while (state.round < CODEBOOK_FROM) yield* this.#done(lloydRound(this.#sample, this.#sample.count, state.centroids, this.#nearest));
    const assigned = yield* this.#assigned();
    while (state.round <= MEASURE) yield* this.#done(this.#codebook(assigned));
  }

  *#done(round: Iterable<undefined>): Generator<undefined> {
    yield* round;
    this.#state.round += 1;
    this.#checkpoint = this.#state.encode();
    yield;
  }

  *#mean(): Generator<undefined> {
    const { metric, dimensions } = this.#options;
    if (metric !== 'l2') return;
    const sums = new Float64Array(dimensions);
    for (let at = 0; at < this.#values.length; at += dimensions) {
      for (let j = 0; j < dimensions; j += 1) sums[j]! += this.#values[at + j]!;
      if (at % STEP_COMPONENTS < dimensions) yield;
    }
    this.#state.mean.set(sums.map((sum) => sum / this.#sample.count));
  }

  /** A round of a trial. After its last one, the better of the trial and the best before stays. */
  *#trial(): Generator<undefined> {
    const state = this.#state;
    const { centroids, rivals } = state;
    const [trial, round] = [Math.floor((state.round - TRIALS_FROM) / TRIAL_ROUNDS), (state.round - TRIALS_FROM) % TRIAL_ROUNDS];
    if (round === 0) yield* this.#scatter(trial);
    const of = Math.min(this.#sample.count, TRIAL_VECTORS_PER_LIST * centroids.count);
    const gain = yield* lloydRound(this.#sample, of, centroids, this.#nearest);
    if (round < TRIAL_ROUNDS - 1) return;
    if (gain > state.rivalGain) {
      rivals.copyFrom(centroids);
      state.rivalGain = gain;
    }
    if (trial === TRIALS - 1) centroids.copyFrom(rivals);
  }

  /** One centroid from each of as many stretches of the sample. */
  *#scatter(trial: number): Generator<undefined> {
    const { centroids } = this.#state;
    const perStep = Math.ceil(STEP_COMPONENTS / centroids.dimensions);
    for (let place = 0; place < centroids.count; place += 1) {
      const at = Math.floor(((place + chance(this.#options.seed, trial, place)) * this.#sample.count) / centroids.count);
      centroids.set(place, this.#sample.read(this.#sample.count, at, at + 1));
      if (place % perStep === perStep - 1) yield;
    }
  }

  *#assigned(): Generator<undefined, AssignedSample> {
    const { centroids } = this.#state;
    const of = Math.min(this.#sample.count, CODED_COUNT_MAX);
    const places = new Uint32Array(of);
    const perStep = assignedPerStep(centroids.dimensions, centroids.count);
    yield* centroids.loadInto(this.#nearest);
    for (let from = 0; from < of; from += perStep) {
      const to = Math.min(of, from + perStep);
      this.#nearest.nearest(this.#sample.read(of, from, to), to - from, places.subarray(from, to));
      yield;
    }
    return { sample: this.#sample, of, nearest: this.#nearest, places };
  }

  *#codebook(assigned: AssignedSample): Generator<undefined> {
    const state = this.#state;
    const subspaces = subspacesOf(this.#options);
    const { codebook, centroids } = state;
    if (state.round === CODEBOOK_FROM) codebook.set(yield* seedCodebook(assigned, centroids, subspaces, this.#options.seed));
    const weight = state.round < WEIGHTED_FROM ? 0 : parallelWeight(this.#options.metric);
    // What is measured last is the codebook that stays.
    const moved = state.round === MEASURE ? codebook.slice() : codebook;
    const { distortion, biasMin, biasMax } = yield* codebookRound(assigned, subspaces, moved, weight, this.#coder);
    Object.assign(state, { distortion, biasMin, biasMax });
  }
}

/** Page memory that a training holds. */
export const trainingBytes = (options: Pick<TrainingOptions, 'dimensions' | 'subspaceDimensions' | 'listCount'>): number =>
  nearestCentroidsBytes(options.dimensions, options.listCount) + productCoderBytes(subspacesOf(options), true);

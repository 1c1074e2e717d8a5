import { quantise, queryCodeMax } from '../quantise.ts';
import type { PageMemory } from '../page-memory.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import type { ListModel } from './list-model.ts';
import { CODEWORDS, nibbleCount, prepare, subspaceCount } from './list-model.ts';
import type { ProbeKernels } from './probe-kernels.ts';

// The sum of a chunk of tables saturates at this many standard deviations: of entries that matter, next to none.
const DEVIATIONS = 6;
const SUM_MAX = 127;
// Below it, tables are zeros but for rounding: their largest value is about 1.
const VARIANCE_MIN = 1e-24;
// Relative, of a vector brought into the index's space.
const FLOAT_ROUNDING = 1e-7;

/** The finest codes whose products with either plane fit 32 bits: low planes reach -128. */
const codeMaxOf = (dimensions: number): number => queryCodeMax(dimensions + 64);

/**
 * What a search needs to know of its query, put where kernels find it: int16 codes, and for each nibble a table of what its codewords
 * add to the closeness, in units of the scan. A unit is such that sums fit 8 bits.
 */
export class QueryTables {
  readonly #kernels: ProbeKernels;
  readonly #model: ListModel;
  readonly #memory: PageMemory;
  readonly #subspaces: number;
  readonly #prepared: Float32Array;
  // By subspace, dimension and codeword, over its largest magnitude: float32 products of queries can not overflow.
  readonly #codebook: number;
  #codebookPages: number;
  readonly #codebookMax: number;

  constructor(kernels: ProbeKernels, model: ListModel) {
    this.#kernels = kernels;
    this.#model = model;
    this.#memory = kernels.memory;
    this.#subspaces = subspaceCount(model);
    this.#prepared = new Float32Array(model.dimensions);
    this.#codebookPages = Math.ceil((4 * model.codebook.length) / PAGE_BYTES);
    this.#codebook = this.#memory.allocate(this.#codebookPages);
    this.#codebookMax = model.codebook.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
    const { subspaceDimensions: width, codebook } = model;
    const out = this.#memory.views.float32.subarray(this.#codebook / 4);
    for (let i = 0; i < codebook.length; i += 1) {
      const [subspace, codeword, dimension] = [Math.floor(i / (CODEWORDS * width)), Math.floor(i / width) % CODEWORDS, i % width];
      out[(subspace * width + dimension) * CODEWORDS + codeword] = codebook[i]! / this.#codebookMax;
    }
  }

  get bytes(): number {
    return this.#codebookPages * PAGE_BYTES;
  }

  free(): void {
    this.#memory.free(this.#codebook, this.#codebookPages);
    this.#codebookPages = 0;
  }

  /** Writes the query's codes, their scale and an upper bound of the query's length. Answers a bound of what the codes lose. */
  code(values: Float32Array): number {
    const { frame } = this.#kernels;
    const { dimensions } = this.#model;
    prepare(this.#model, values, this.#prepared);
    const stride = Math.ceil(dimensions / 8) * 8;
    const start = frame.word('query') / 2;
    const codes = this.#memory.views.int16.subarray(start, start + stride);
    codes.fill(0, dimensions);
    const { scale, length, error } = quantise('dot', this.#prepared, codeMaxOf(dimensions), codes);
    frame.setDouble('queryScale', scale);
    frame.setDouble('queryLength', length + error);
    return error + FLOAT_ROUNDING * (length + error);
  }

  /** The tables; after `code`. The size of a unit is the rest of `inverse`, 0 if all vectors of a list are much the same. */
  tabulate(): void {
    const { frame, run } = this.#kernels;
    const { dimensions, biasStep, subspaceDimensions } = this.#model;
    const { float32 } = this.#memory.views;
    const queryMax = frame.double('queryScale') * codeMaxOf(dimensions);
    const largest = Math.max(queryMax * this.#codebookMax, biasStep * CODEWORDS * CODEWORDS) || 1;
    const factor = this.#codebookMax / largest;
    const floats = frame.floats / 4;
    for (let i = 0; i < dimensions; i += 1) float32[floats + i] = this.#prepared[i]! * factor;
    float32.fill(0, floats + dimensions, floats + this.#subspaces * subspaceDimensions);
    if (nibbleCount(this.#model) > this.#subspaces) {
      const raw = frame.word('raw') / 4 + this.#subspaces * CODEWORDS;
      for (let level = 0; level < CODEWORDS; level += 1) {
        float32[raw + level] = (biasStep * CODEWORDS * level) / largest;
        float32[raw + CODEWORDS + level] = (biasStep * level) / largest;
      }
    }
    const variance = run.tabulate(frame.address, frame.floats, this.#codebook, this.#subspaces, subspaceDimensions);
    const inverse = variance > VARIANCE_MIN ? SUM_MAX / (DEVIATIONS * Math.sqrt(variance)) : 0;
    run.quantiseTables(frame.address, inverse);
    frame.setDouble('inverse', inverse / largest);
  }
}

import type { PageMemory } from '../page-memory.ts';
import { PAGE_BYTES } from '../page-memory.ts';

type Pack = (rows: number, count: number, stride: number, unit: number, codeMax: number, packed: number, ratios: number) => void;

type Nearest = (
  packed: number,
  count: number,
  stride: number,
  ratios: number,
  centroids: number,
  groups: number,
  scales: number,
  halves: number,
  states: number,
  places: number,
  keys: number,
) => void;

type Encode = (
  rows: number,
  count: number,
  stride: number,
  unit: number,
  centroids: number,
  scales: number,
  factor: number,
  places: number,
  codebook: number,
  subspaces: number,
  width: number,
  weight: number,
  passes: number,
  scratch: number,
  nibbles: number,
  errors: number,
  biases: number,
  moments: number,
) => void;

/** The training kernels of an isolate, and the memory they work on. They keep nothing between calls. */
export class TrainKernels {
  readonly memory: PageMemory;
  readonly pack: Pack;
  readonly nearest: Nearest;
  readonly encode: Encode;

  /** `module` is wasm/train.wasm. */
  constructor(module: WebAssembly.Module, memory: PageMemory) {
    const { exports } = new WebAssembly.Instance(module, { env: { memory: memory.memory } });
    this.memory = memory;
    this.pack = exports['pack'] as Pack;
    this.nearest = exports['nearest'] as Nearest;
    this.encode = exports['encode'] as Encode;
  }
}

/** Addresses within a run of pages: columns one after the other, each on a multiple of 16. */
export class Columns {
  #end = 0;

  /** The offset of a column of this many bytes. */
  add(bytes: number): number {
    const start = this.#end;
    this.#end += Math.ceil(bytes / 16) * 16;
    return start;
  }

  get pages(): number {
    return Math.ceil(this.#end / PAGE_BYTES);
  }
}

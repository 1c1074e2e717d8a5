import type { PageMemory } from '../page-memory.ts';

/** The training kernels of an isolate, and the memory they work on. `module` is wasm/train.wasm. */
export declare class TrainKernels {
  constructor(module: WebAssembly.Module, memory: PageMemory);
  readonly memory: PageMemory;
}

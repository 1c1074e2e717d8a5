import type { PageMemory } from '../page-memory.ts';

/** The kernels of inverted lists over the memory of an isolate. */
export declare class ProbeKernels {
  readonly memory: PageMemory;
  /** `module` is wasm/probe.wasm or, where the platform takes it, wasm/probe.relaxed.wasm. */
  constructor(module: WebAssembly.Module, memory: PageMemory);
}

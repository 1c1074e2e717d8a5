import type { PageMemory } from '../page-memory.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import { SearchFrame } from './search-frame.ts';

interface Exports {
  checksum(address: number, bytes: number, lanes: number): number;
  tabulate(search: number, query: number, codebook: number, subspaces: number, subspaceDimensions: number): number;
  quantiseTables(search: number, inverse: number): void;
  scoreLists(search: number): void;
  openWindow(search: number): void;
  probe(search: number, from: number): number;
  compact(search: number): void;
  gather(search: number, block: number, entries: number): number;
  settle(search: number, wholly: number): void;
  refine(search: number, count: number): void;
  select(search: number, count: number): number;
  weed(search: number, threshold: number, scaleError: number, lost: number, length: number, queryError: number, arithmetic: number): number;
}

const LANES_BYTES = 64;

/** The kernels of inverted lists over the memory of an isolate, with the scratch they need: one search at a time. */
export class ProbeKernels {
  readonly memory: PageMemory;
  readonly run: Exports;
  /** The search that is under way. */
  readonly frame: SearchFrame;
  // Where bytes to be checked are put.
  #staging = 0;
  #stagingPages = 0;

  /** `module` is wasm/probe.wasm or, where the platform takes it, wasm/probe.relaxed.wasm: both find the same. */
  constructor(module: WebAssembly.Module, memory: PageMemory) {
    this.memory = memory;
    this.run = new WebAssembly.Instance(module, { env: { memory: memory.memory } }).exports as unknown as Exports;
    this.frame = new SearchFrame(memory);
  }

  /** Bytes of scratch. */
  get bytes(): number {
    return this.#stagingPages * PAGE_BYTES + this.frame.bytes;
  }

  /** Gives its scratch back, until it is used again. */
  free(): void {
    this.frame.free();
    if (this.#stagingPages > 0) this.memory.free(this.#staging, this.#stagingPages);
    this.#stagingPages = 0;
  }

  /** `checksum` of checksum.ts. */
  checksum(bytes: Uint8Array): number {
    const pages = Math.ceil((LANES_BYTES + bytes.length) / PAGE_BYTES);
    if (pages > this.#stagingPages) {
      if (this.#stagingPages > 0) this.memory.free(this.#staging, this.#stagingPages);
      this.#staging = this.memory.allocate(pages);
      this.#stagingPages = pages;
    }
    const address = this.#staging + LANES_BYTES;
    this.memory.views.uint8.set(bytes, address);
    return this.run.checksum(address, bytes.length, this.#staging) >>> 0;
  }
}

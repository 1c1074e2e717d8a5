/** What wasm/encoder.ts exports; addresses are bytes of its memory, and rows are of float32 unless noted. */
export interface EncoderKernels {
  packColumn(codes: number, inputs: number, column: number, panel: number, scale: number, zero: number, bias: number): void;
  pickRow(codes: number, bits: number, columns: number, block: number, blocks: number, row: number): void;
  addRow(row: number, more: number, columns: number): void;
  addAndNormalise(rows: number, more: number, count: number, columns: number, gain: number, bias: number, epsilon: number): void;
  quantise(from: number, rows: number, columns: number, kind: number, codes: number, facts: number): void;
  multiply(codes: number, facts: number, rows: number, inputs: number, panels: number, columns: number, out: number): void;
  attend(states: number, tokens: number, hidden: number, size: number, first: number, end: number, scratch: number, out: number): void;
}

/** The memory of one encoder, and the kernels over it. Others have memories of their own: what is released is collected as a whole. */
export class EncoderMemory {
  readonly run: EncoderKernels;
  readonly buffer: ArrayBuffer;

  /** `module` is wasm/encoder.wasm or, where the platform takes it, wasm/encoder.relaxed.wasm: both compute the same. Throws a RangeError where there is no room. */
  constructor(module: WebAssembly.Module, bytes: number) {
    const pages = Math.ceil(bytes / PAGE_BYTES);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.run = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as EncoderKernels;
    this.buffer = memory.buffer;
  }

  floats(address: number, count: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.buffer, address, count);
  }
}

const PAGE_BYTES = 65_536;

/** Hands out addresses from the lowest on, all multiples of 64; nothing is given back. */
export class MemoryPlan {
  /** What is before has constants of the kernels. */
  bytes = CONSTANT_BYTES;

  take(bytes: number): number {
    const address = this.bytes;
    this.bytes += Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
    return address;
  }
}

const LINE_BYTES = 64;
const CONSTANT_BYTES = 4096;

/** Pages of the snapshot: small ones leave out more zeros. */
const PAGE_BYTES = 4_096;
const PAGE_WORDS = PAGE_BYTES / 4;

/**
 * The memory of a WebAssembly runtime as it was once the runtime was ready and held nothing: put back, everything it lost since is free
 * again. What lives in it then is gone, so its users must not touch it any more. The memory itself keeps the size it grew to. [M83]
 */
export class RuntimeMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #pages = new Map<number, Uint8Array>();

  /** Takes the snapshot: of the pages that are not all zero. */
  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    const words = new Uint32Array(memory.buffer);
    const bytes = new Uint8Array(memory.buffer);
    for (let page = 0; page * PAGE_WORDS < words.length; page += 1) {
      if (isZero(words, page * PAGE_WORDS)) continue;
      this.#pages.set(page * PAGE_BYTES, bytes.slice(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
    }
  }

  get snapshotBytes(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  restore(): void {
    // Allocators take memory that they never had for zeros.
    const bytes = new Uint8Array(this.#memory.buffer).fill(0);
    for (const [at, page] of this.#pages) bytes.set(page, at);
  }
}

function isZero(words: Uint32Array, from: number): boolean {
  for (let at = from; at < from + PAGE_WORDS; at += 1) if (words[at] !== 0) return false;
  return true;
}

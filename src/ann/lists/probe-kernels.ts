import type { PageMemory } from '../page-memory.ts';
import { PAGE_BYTES } from '../page-memory.ts';

/** The fields of `Search` in wasm/probe/search.ts, in the same order: words, then float64. */
const WORDS = [
  ...(['lists', 'listCodes', 'listScales', 'listBiases', 'listReaches', 'listFirsts', 'listCounts', 'listUsed', 'tick'] as const),
  ...(['stride', 'dimensions', 'nibbles', 'rowsAt', 'cellShift', 'record', 'isDistance', 'hasLow'] as const),
  ...(['query', 'raw', 'tables', 'ranks', 'depths', 'order', 'sliceCounts', 'keys', 'keyCount', 'candidates', 'candidatesMax'] as const),
  ...(['closeness', 'rows', 'addresses', 'lows', 'heap', 'bitmap', 'bitmapPages', 'hits', 'nibbleMask'] as const),
  ...([
    'stop',
    'goal',
    'need',
    'atLeast',
    'found',
    'start',
    'slice',
    'ordered',
    'listsProbed',
    'codesScanned',
    'touched',
    'scales',
    'blockBytes',
  ] as const),
] as const;
const DOUBLES = ['queryScale', 'queryLength', 'inverse', 'usualReach', 'slack', 'top', 'nextTop'] as const;

type Word = (typeof WORDS)[number];
type Double = (typeof DOUBLES)[number];

const WORD_AT = Object.fromEntries(WORDS.map((name, index) => [name, index])) as Record<Word, number>;
const DOUBLE_AT = Object.fromEntries(DOUBLES.map((name, index) => [name, WORDS.length / 2 + index])) as Record<Double, number>;

/** Rows a page of a bitmap has: 2^19. There may be 2^32 rows. */
const BITMAP_DIRECTORY_BYTES = 4 * 2 ** 13;
/** `HITS_BYTES` of wasm/probe.ts, and room for the block that is one too many. */
const HITS_BYTES = 5 * 80;
/** One more than the units of a slice, `SLICE` in wasm/probe/search.ts. */
const SLICE_COUNTS_BYTES = 4 * 65;
const VECTOR_BYTES = 16;
const FIXED_BYTES = 4 * WORDS.length + 8 * DOUBLES.length;

/** What a search needs of scratch. */
interface FrameSizes {
  readonly dimensions: number;
  readonly nibbles: number;
  readonly listCapacity: number;
  readonly candidatesMax: number;
  readonly keyCount: number;
  /** How many floats the query takes, with the zeros after its dimensions. */
  readonly floatCount: number;
}

/** What the kernels know of the search under way, and its scratch: one run of pages that grows with the largest search. */
class SearchFrame {
  readonly #memory: PageMemory;
  #address = 0;
  #pages = 0;
  #sizes: FrameSizes | undefined;

  constructor(memory: PageMemory) {
    this.#memory = memory;
  }

  get bytes(): number {
    return this.#pages * PAGE_BYTES;
  }

  /** The address of the frame, for kernels. */
  get address(): number {
    return this.#address;
  }

  /** A query as float32, behind everything else. */
  floats = 0;

  word(name: Word): number {
    return this.#memory.views.uint32[this.#address / 4 + WORD_AT[name]]!;
  }

  setWord(name: Word, value: number): void {
    this.#memory.views.uint32[this.#address / 4 + WORD_AT[name]] = value;
  }

  double(name: Double): number {
    return this.#memory.views.float64[this.#address / 8 + DOUBLE_AT[name]]!;
  }

  setDouble(name: Double, value: number): void {
    this.#memory.views.float64[this.#address / 8 + DOUBLE_AT[name]] = value;
  }

  /** Lays out the scratch of a search. */
  layOut(sizes: FrameSizes): void {
    // Most searches are of the size of the last one.
    if (this.#pages > 0 && this.#sizes !== undefined && isSame(sizes, this.#sizes)) return;
    this.#sizes = sizes;
    this.#place(sizes);
  }

  #place({ dimensions, nibbles, listCapacity, candidatesMax, keyCount, floatCount }: FrameSizes): void {
    const stride = Math.ceil(dimensions / 8) * 8;
    const parts: readonly (readonly [Word, number])[] = [
      ['nibbleMask', VECTOR_BYTES],
      ['hits', HITS_BYTES],
      ['query', stride * 2],
      ['tables', nibbles * 16],
      ['raw', nibbles * 64],
      ['ranks', listCapacity * 8],
      ['depths', listCapacity * 4],
      ['order', listCapacity * 4],
      ['sliceCounts', SLICE_COUNTS_BYTES],
      ['keys', (keyCount + 1) * 4],
      ['candidates', candidatesMax * 8],
      ['closeness', candidatesMax * 8],
      ['rows', candidatesMax * 4],
      ['addresses', candidatesMax * 4],
      ['lows', candidatesMax * 4],
      ['scales', candidatesMax * 4],
      ['heap', candidatesMax * 4],
      ['bitmap', BITMAP_DIRECTORY_BYTES],
    ];
    const bytes = parts.reduce((sum, [, size]) => sum + aligned(size), aligned(FIXED_BYTES) + 4 * floatCount);
    this.#reserve(Math.ceil(bytes / PAGE_BYTES));
    let at = this.#address + aligned(FIXED_BYTES);
    for (const [name, size] of parts) {
      this.setWord(name, at);
      at += aligned(size);
    }
    this.floats = at;
    this.setWord('candidatesMax', candidatesMax);
    this.setWord('keyCount', keyCount);
    const mask = this.word('nibbleMask');
    this.#memory.views.uint8.fill(15, mask, mask + VECTOR_BYTES);
  }

  free(): void {
    if (this.#pages > 0) this.#memory.free(this.#address, this.#pages);
    this.#pages = 0;
  }

  #reserve(pages: number): void {
    if (pages <= this.#pages) return;
    this.free();
    this.#address = this.#memory.allocate(pages);
    this.#pages = pages;
  }
}

const aligned = (bytes: number): number => Math.ceil(bytes / VECTOR_BYTES) * VECTOR_BYTES;

const isSame = (a: FrameSizes, b: FrameSizes): boolean =>
  a.dimensions === b.dimensions &&
  a.nibbles === b.nibbles &&
  a.listCapacity === b.listCapacity &&
  a.candidatesMax === b.candidatesMax &&
  a.keyCount === b.keyCount &&
  a.floatCount === b.floatCount;

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

  /** `checksum` of integrity.ts. */
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

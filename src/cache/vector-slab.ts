import { must } from '../kernel/assert.ts';

/** About what one page holds: large enough that its own object does not count, small enough to give back. */
const PAGE_BYTES = 64 * 1024;

interface Page {
  /** Undefined while no row of it is in use. */
  numbers: Float32Array<ArrayBuffer> | undefined;
  /** Rows not in use: the first `freeCount` of it. */
  readonly free: Uint16Array;
  freeCount: number;
}

/** Vectors of one length, side by side in pages: four bytes a number and two a row, where an array of its own costs some 300 more. */
export class VectorSlab {
  readonly dimensions: number;
  readonly #rowsPerPage: number;
  readonly #pages: Page[] = [];
  /** Pages with free rows. */
  readonly #open: number[] = [];

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#rowsPerPage = Math.max(1, Math.floor(PAGE_BYTES / 4 / Math.max(1, dimensions)));
  }

  /** Bytes of the pages that hold something. */
  get bytes(): number {
    return this.#pages.reduce((bytes, { numbers }) => bytes + (numbers?.byteLength ?? 0), 0);
  }

  /** Copies a vector in; answers its row. */
  add(vector: Float32Array): number {
    if (this.#open.length === 0) this.#openPage();
    const at = must(this.#open.at(-1), 'a page was opened');
    const page = must(this.#pages[at], 'open pages exist');
    page.freeCount -= 1;
    if (page.freeCount === 0) this.#open.pop();
    const row = page.free[page.freeCount] ?? 0;
    page.numbers ??= new Float32Array(this.#rowsPerPage * this.dimensions);
    page.numbers.set(vector, row * this.dimensions);
    return at * this.#rowsPerPage + row;
  }

  /** A copy of what was added. */
  read(at: number): Float32Array<ArrayBuffer> {
    const row = at % this.#rowsPerPage;
    const { numbers } = this.#pageOf(at);
    return must(numbers, 'a page in use has numbers').slice(row * this.dimensions, (row + 1) * this.dimensions);
  }

  remove(at: number): void {
    const page = this.#pageOf(at);
    if (page.freeCount === 0) this.#open.push(Math.floor(at / this.#rowsPerPage));
    page.free[page.freeCount] = at % this.#rowsPerPage;
    page.freeCount += 1;
    if (page.freeCount === this.#rowsPerPage) page.numbers = undefined;
  }

  #pageOf(at: number): Page {
    return must(this.#pages[Math.floor(at / this.#rowsPerPage)], 'rows are answers of `add`');
  }

  #openPage(): void {
    const free = new Uint16Array(this.#rowsPerPage);
    for (let i = 0; i < free.length; i += 1) free[i] = free.length - 1 - i;
    this.#open.push(this.#pages.length);
    this.#pages.push({ numbers: undefined, free, freeCount: this.#rowsPerPage });
  }
}

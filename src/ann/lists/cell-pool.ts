import { must } from '../../kernel/assert.ts';
import type { PageMemory } from '../page-memory.ts';
import { PAGE_BYTES } from '../page-memory.ts';

// Kernels read up to 7 bytes past what they need.
const SLACK_BYTES = 8;
// A run of pages holds cells without a gap but for its end: at most this share of it, or as many pages as there may be.
const WASTE_MAX = 0.02;
const RUN_PAGES_MAX = 16;

interface Run {
  readonly address: number;
  used: number;
  /** Cells that were never taken begin here. */
  fresh: number;
  /** The first cell given back, each of which has the next in its first word; 0 for none. */
  free: number;
}

/** Cells of one size, packed in runs of pages of the memory. A run whose last cell is given back is given back itself. */
export class CellPool {
  readonly cellBytes: number;
  readonly #memory: PageMemory;
  readonly #runPages: number;
  readonly #runCells: number;
  readonly #runs = new Map<number, Run>();
  // Pages with room; cells are taken from the last.
  readonly #roomy: Run[] = [];
  #count = 0;

  constructor(memory: PageMemory, bytes: number, alignment: number) {
    this.#memory = memory;
    this.cellBytes = Math.ceil(bytes / alignment) * alignment;
    this.#runPages = runPagesOf(this.cellBytes);
    this.#runCells = cellsIn(this.#runPages, this.cellBytes);
  }

  /** Bytes resident. */
  get bytes(): number {
    return this.#count * this.#runPages * PAGE_BYTES;
  }

  /** The address of a cell, with anything in it. */
  take(): number {
    const run = this.#roomy.at(-1) ?? this.#add();
    let cell = run.free;
    if (cell === 0) {
      cell = run.fresh;
      run.fresh += this.cellBytes;
    } else {
      run.free = this.#memory.views.uint32[cell / 4]!;
    }
    run.used += 1;
    if (run.used === this.#runCells) this.#roomy.pop();
    return cell;
  }

  give(cell: number): void {
    const run = must(this.#runs.get(Math.floor(cell / PAGE_BYTES)), 'a cell lies in a run');
    if (run.used === this.#runCells) this.#roomy.push(run);
    run.used -= 1;
    this.#memory.views.uint32[cell / 4] = run.free;
    run.free = cell;
    if (run.used === 0) this.#remove(run);
  }

  free(): void {
    for (const run of new Set(this.#runs.values())) this.#memory.free(run.address, this.#runPages);
    this.#runs.clear();
    this.#roomy.length = 0;
    this.#count = 0;
  }

  #add(): Run {
    const address = this.#memory.allocate(this.#runPages);
    const run = { address, used: 0, fresh: address, free: 0 };
    for (let page = 0; page < this.#runPages; page += 1) this.#runs.set(address / PAGE_BYTES + page, run);
    this.#roomy.push(run);
    this.#count += 1;
    return run;
  }

  #remove(run: Run): void {
    for (let page = 0; page < this.#runPages; page += 1) this.#runs.delete(run.address / PAGE_BYTES + page);
    this.#roomy.splice(this.#roomy.indexOf(run), 1);
    this.#memory.free(run.address, this.#runPages);
    this.#count -= 1;
  }
}

const cellsIn = (pages: number, cellBytes: number): number => Math.floor((pages * PAGE_BYTES - SLACK_BYTES) / cellBytes);

function runPagesOf(cellBytes: number): number {
  let pages = Math.ceil((cellBytes + SLACK_BYTES) / PAGE_BYTES);
  while (pages < RUN_PAGES_MAX && 1 - (cellsIn(pages, cellBytes) * cellBytes) / (pages * PAGE_BYTES) > WASTE_MAX) pages += 1;
  return pages;
}

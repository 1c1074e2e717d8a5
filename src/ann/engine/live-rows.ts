import type { RowSet } from '../filter/row-set.ts';
import { RowBitmap } from '../lists/row-bitmap.ts';
import type { PageMemory } from '../page-memory.ts';
import type { Row } from '../stored-vector.ts';

// Bitmaps kept: each takes a page for every half a million rows.
const NAMESPACES_MAX = 8;

interface LiveNamespace {
  readonly bitmap: RowBitmap;
  count: number;
}

/** The live rows with vectors of the namespaces searched last, where kernels can read them. */
export class LiveRows {
  readonly #memory: PageMemory;
  // In order of use: the least recently used comes first.
  readonly #namespaces = new Map<number, LiveNamespace>();

  constructor(memory: PageMemory) {
    this.#memory = memory;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { bitmap } of this.#namespaces.values()) bytes += bitmap.bytes;
    return bytes;
  }

  /** The rows of a namespace and how many they are: valid until the next call. `stored` reads them when they are not there. */
  of(namespace: number, stored: () => RowSet): Readonly<LiveNamespace> {
    const known = this.#namespaces.get(namespace);
    this.#namespaces.delete(namespace);
    const live = known ?? this.#load(stored());
    this.#namespaces.set(namespace, live);
    return live;
  }

  /** Follows that a row was written that was not there before. */
  add(namespace: number, row: Row): void {
    const live = this.#namespaces.get(namespace);
    if (live === undefined) return;
    live.bitmap.add(row);
    live.count += 1;
  }

  /** Follows that a row is gone, if it was here. */
  delete(namespace: number, row: Row): void {
    const live = this.#namespaces.get(namespace);
    if (live?.bitmap.has(row) !== true) return;
    live.bitmap.delete(row);
    live.count -= 1;
  }

  free(): void {
    for (const { bitmap } of this.#namespaces.values()) bitmap.free();
    this.#namespaces.clear();
  }

  #load(rows: RowSet): LiveNamespace {
    for (const [oldest, { bitmap }] of this.#namespaces) {
      if (this.#namespaces.size < NAMESPACES_MAX) break;
      bitmap.free();
      this.#namespaces.delete(oldest);
    }
    const bitmap = new RowBitmap(this.#memory);
    bitmap.fill(rows);
    return { bitmap, count: rows.size };
  }
}

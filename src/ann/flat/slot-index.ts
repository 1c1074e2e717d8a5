import { assert } from '../../kernel/assert.ts';
import type { Row } from '../stored-vector.ts';

const SIZE_MIN = 16;

/** Slots of an index of `count` rows: a power of two, of which at most three quarters are taken, so that probes stay short. */
function sizeFor(count: number): number {
  return count === 0 ? 0 : Math.max(SIZE_MIN, 2 ** (32 - Math.clz32(Math.ceil((count * 4) / 3) - 1)));
}

/** Bytes an index of `count` rows holds. */
export const slotIndexBytes = (count: number): number => sizeFor(count) * Uint32Array.BYTES_PER_ELEMENT;

/**
 * Where each row lies: a hash table of slot numbers, four bytes a slot. It keeps no rows: it asks for the row of a slot, so every slot in
 * it must have its row while it is in use.
 */
export class SlotIndex {
  readonly #rowAt: (slot: number) => Row;
  // One more than the slot; 0 is free. A row lies in the slot of its hash or in the run of taken ones from there on.
  #places = new Uint32Array(0);
  #count = 0;

  constructor(rowAt: (slot: number) => Row) {
    this.#rowAt = rowAt;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#places.byteLength;
  }

  get(row: Row): number | undefined {
    if (this.#count === 0) return undefined;
    const entry = this.#places[this.#find(row)]!;
    return entry === 0 ? undefined : entry - 1;
  }

  set(row: Row, slot: number): void {
    if (this.get(row) === undefined) {
      this.#count += 1;
      this.#fit();
    }
    this.#places[this.#find(row)] = slot + 1;
  }

  /** Forgets `row`, which must be there. */
  delete(row: Row): void {
    assert(this.get(row) !== undefined, `row ${row} has a slot`);
    const places = this.#places;
    const mask = places.length - 1;
    let gap = this.#find(row);
    // Whatever could not lie closer to its home because of the gap moves into it.
    for (let next = (gap + 1) & mask; places[next] !== 0; next = (next + 1) & mask) {
      const home = this.#home(this.#rowAt(places[next]! - 1));
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      places[gap] = places[next]!;
      gap = next;
    }
    places[gap] = 0;
    this.#count -= 1;
    this.#fit();
  }

  clear(): void {
    this.#places = new Uint32Array(0);
    this.#count = 0;
  }

  /** The slot of `row`, or the free one where it would go. */
  #find(row: Row): number {
    const mask = this.#places.length - 1;
    let place = this.#home(row);
    for (;;) {
      const entry = this.#places[place]!;
      if (entry === 0 || this.#rowAt(entry - 1) === row) return place;
      place = (place + 1) & mask;
    }
  }

  /** Multiplicative hashing spreads the consecutive rows that storage hands out. */
  #home(row: Row): number {
    const bits = (row ^ (row / 2 ** 32)) | 0;
    return Math.imul(bits, 0x9e37_79b1) >>> (Math.clz32(this.#places.length) + 1);
  }

  #fit(): void {
    const size = sizeFor(this.#count);
    if (size === this.#places.length) return;
    const entries = this.#places.filter((entry) => entry !== 0);
    this.#places = new Uint32Array(size);
    for (const entry of entries) this.#places[this.#find(this.#rowAt(entry - 1))] = entry;
  }
}

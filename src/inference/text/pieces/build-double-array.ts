import { HAS_VALUE, VALUE } from './double-array.ts';

/** Byte strings, one behind the other. */
export interface ByteStrings {
  readonly bytes: Uint8Array;
  /** Where each begins, and behind the last one where it ends. */
  readonly starts: Uint32Array;
}

/** A node whose children are still to be set: the strings `order[from]` to `order[to - 1]` begin with its `depth` bytes. */
interface OpenNode {
  readonly node: number;
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

/** Units in one block: the children of a node differ in their last eight bits, and stand in one. */
const BLOCK = 256;
/** Free units are looked for in the newest blocks, 16 as darts-clone has it: few stay free, and no search is long. */
const OPEN_UNITS = 16 * BLOCK;
/** Offsets have 21 bits. */
export const UNITS_MAX = 1 << 21;
const STEP_NODES = 4_096;

/**
 * Builds the units of a `DoubleArray` of `strings`, with the value `values[i]` for the i-th; of equal strings the last counts, and empty ones are left
 * out. Time linear in their bytes. Yields after each few thousand nodes, so that a caller can let others run. Returns undefined where the array would
 * have more than `UNITS_MAX` units. No string has a zero byte, and no value more than 31 bits.
 */
export function* buildDoubleArray(strings: ByteStrings, values: Uint32Array): Generator<void, Uint32Array<ArrayBuffer> | undefined> {
  const order = new StringOrder(strings);
  const array = new UnitAllocator();
  const open: OpenNode[] = [{ node: 0, from: 0, to: order.length, depth: 0 }];
  let nodes = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if ((nodes += 1) % STEP_NODES === 0) yield;
    const { node, from, to, depth } = next;
    const ranges = order.sortAt(depth, from, to);
    // An empty string.
    if (depth === 0 && ranges[0]?.byte === 0) ranges.shift();
    if (ranges.length === 0) continue;
    const base = array.place(
      node,
      ranges.map(({ byte }) => byte),
    );
    if (base === undefined) return undefined;
    for (const range of ranges)
      if (range.byte === 0) array.setValue(base, values[order.at(range.to - 1)] ?? 0);
      else open.push({ node: base ^ range.byte, from: range.from, to: range.to, depth: depth + 1 });
  }
  return array.units();
}

/** Strings that have the same byte at some depth; 0: they end there. */
interface ByteRange {
  readonly byte: number;
  readonly from: number;
  readonly to: number;
}

/** Ranges of so many strings are sorted by insertion: counting costs as much as some 250 of them. */
const FEW_STRINGS = 24;

/** Strings by their positions, sorted range by range and depth by depth (a radix sort); equal ones stay in their order. */
class StringOrder {
  readonly #strings: ByteStrings;
  readonly #order: Uint32Array;
  readonly #sorted: Uint32Array;
  readonly #counts = new Uint32Array(BLOCK);

  constructor(strings: ByteStrings) {
    this.#strings = strings;
    this.#order = Uint32Array.from({ length: strings.starts.length - 1 }, (_, i) => i);
    this.#sorted = new Uint32Array(this.#order.length);
  }

  get length(): number {
    return this.#order.length;
  }

  at(i: number): number {
    return this.#order[i] ?? 0;
  }

  /** Sorts a range by the byte at a depth, and answers the ranges of each byte in rising order. */
  sortAt(depth: number, from: number, to: number): ByteRange[] {
    if (to - from <= FEW_STRINGS) this.#insert(depth, from, to);
    else this.#count(depth, from, to);
    const ranges: ByteRange[] = [];
    for (let start = from; start < to;) {
      const byte = this.#byteAt(start, depth);
      let end = start + 1;
      while (end < to && this.#byteAt(end, depth) === byte) end += 1;
      ranges.push({ byte, from: start, to: end });
      start = end;
    }
    return ranges;
  }

  #byteAt(i: number, depth: number): number {
    const { bytes, starts } = this.#strings;
    const string = this.#order[i] ?? 0;
    const at = (starts[string] ?? 0) + depth;
    return at < (starts[string + 1] ?? 0) ? (bytes[at] ?? 0) : 0;
  }

  #insert(depth: number, from: number, to: number): void {
    const order = this.#order;
    for (let i = from + 1; i < to; i += 1) {
      const moved = order[i] ?? 0;
      const byte = this.#byteAt(i, depth);
      let at = i;
      for (; at > from && this.#byteAt(at - 1, depth) > byte; at -= 1) order[at] = order[at - 1] ?? 0;
      order[at] = moved;
    }
  }

  #count(depth: number, from: number, to: number): void {
    const counts = this.#counts.fill(0);
    for (let i = from; i < to; i += 1) counts[this.#byteAt(i, depth)]! += 1;
    let before = from;
    for (const [byte, count] of counts.entries()) {
      counts[byte] = before;
      before += count;
    }
    for (let i = from; i < to; i += 1) {
      const byte = this.#byteAt(i, depth);
      const place = counts[byte] ?? 0;
      counts[byte] = place + 1;
      this.#sorted[place] = this.#order[i] ?? 0;
    }
    this.#order.set(this.#sorted.subarray(from, to), from);
  }
}

/** Places the children of nodes among the free units of the newest blocks. Of other units nothing but the unit itself is kept. */
class UnitAllocator {
  #units = new Uint32Array(16 * OPEN_UNITS);
  #length = 0;
  /** Of each unit of the open blocks, at its place modulo `OPEN_UNITS`: its neighbours in the ring of free units, and whether it is free. */
  readonly #next = new Uint32Array(OPEN_UNITS);
  readonly #previous = new Uint32Array(OPEN_UNITS);
  readonly #isFree = new Uint8Array(OPEN_UNITS);
  /** Whether it is the base of a node: two with one base would find each other's children. */
  readonly #isBase = new Uint8Array(OPEN_UNITS);
  /** One of the ring; -1: none is free. */
  #free = -1;

  constructor() {
    this.#addBlock();
    this.#take(0);
    this.#units[0] = 0;
  }

  /** Makes children of a node by these bytes, of which 0 is its value. Answers their base; undefined: there is no room. */
  place(node: number, labels: readonly number[]): number | undefined {
    let base = this.#search(labels);
    if (base === undefined) {
      if (this.#length + BLOCK > UNITS_MAX) return undefined;
      base = this.#addBlock() ^ (labels[0] ?? 0);
    }
    this.#isBase[base % OPEN_UNITS] = 1;
    for (const label of labels) {
      this.#take(base ^ label);
      this.#units[base ^ label] = label === 0 ? VALUE : label;
    }
    this.#units[node] = ((this.#units[node] ?? 0) & 0xff) | ((node ^ base) << 10) | (labels[0] === 0 ? HAS_VALUE : 0);
    return base;
  }

  setValue(base: number, value: number): void {
    this.#units[base] = VALUE | value;
  }

  units(): Uint32Array<ArrayBuffer> {
    return this.#units.slice(0, this.#length);
  }

  #search(labels: readonly number[]): number | undefined {
    const first = labels[0] ?? 0;
    if (this.#free < 0) return undefined;
    let unit = this.#free;
    do {
      const base = unit ^ first;
      if (this.#isBase[base % OPEN_UNITS] === 0 && labels.every((label) => this.#isFree[(base ^ label) % OPEN_UNITS] === 1)) return base;
      unit = this.#next[unit % OPEN_UNITS] ?? 0;
    } while (unit !== this.#free);
    return undefined;
  }

  /** Takes a unit out of the ring. */
  #take(unit: number): void {
    this.#isFree[unit % OPEN_UNITS] = 0;
    const [next, previous] = [this.#next[unit % OPEN_UNITS] ?? 0, this.#previous[unit % OPEN_UNITS] ?? 0];
    this.#next[previous % OPEN_UNITS] = next;
    this.#previous[next % OPEN_UNITS] = previous;
    if (this.#free === unit) this.#free = next === unit ? -1 : next;
  }

  /** The first unit of a new block, all of whose units are free. It takes the place of the oldest: what is free in that stays so. */
  #addBlock(): number {
    const from = this.#length;
    this.#length += BLOCK;
    if (this.#length > this.#units.length) {
      const larger = new Uint32Array(Math.floor(1.5 * this.#units.length));
      larger.set(this.#units);
      this.#units = larger;
    }
    for (let unit = from; unit < this.#length; unit += 1) {
      if (this.#isFree[unit % OPEN_UNITS] === 1) this.#take(unit - OPEN_UNITS);
      this.#isBase[unit % OPEN_UNITS] = 0;
      this.#units[unit] = VALUE;
    }
    for (let unit = from; unit < this.#length; unit += 1) this.#add(unit);
    return from;
  }

  /** Behind the others: the oldest free unit is looked at first. */
  #add(unit: number): void {
    this.#isFree[unit % OPEN_UNITS] = 1;
    if (this.#free < 0) this.#free = unit;
    const first = this.#free;
    const last = first === unit ? unit : (this.#previous[first % OPEN_UNITS] ?? 0);
    this.#next[last % OPEN_UNITS] = unit;
    this.#previous[unit % OPEN_UNITS] = last;
    this.#next[unit % OPEN_UNITS] = first;
    this.#previous[first % OPEN_UNITS] = unit;
  }
}

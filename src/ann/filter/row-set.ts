import type { Row, Rows } from '../vector-engine.ts';

// Rows of one chunk: 4 KiB of bits.
const CHUNK_ROWS = 32_768;
const CHUNK_WORDS = CHUNK_ROWS / 32;

/** A set of rows, one bit each: the rows of a shard are numbered almost without gaps. */
export class RowSet implements Rows {
  readonly #chunks = new Map<number, Uint32Array>();
  #lastIndex = -1;
  #lastChunk: Uint32Array | undefined;

  static of(rows: Iterable<Row>): RowSet {
    const set = new RowSet();
    for (const row of rows) set.add(row);
    return set;
  }

  get size(): number {
    let size = 0;
    for (const chunk of this.#chunks.values()) for (const word of chunk) size += bitsOf(word);
    return size;
  }

  has(row: Row): boolean {
    const chunk = this.#chunkAt(Math.floor(row / CHUNK_ROWS));
    if (chunk === undefined) return false;
    const bit = row % CHUNK_ROWS;
    return ((chunk[bit >>> 5]! >>> (bit & 31)) & 1) === 1;
  }

  add(row: Row): void {
    const index = Math.floor(row / CHUNK_ROWS);
    let chunk = this.#chunkAt(index);
    if (chunk === undefined) {
      chunk = new Uint32Array(CHUNK_WORDS);
      this.#chunks.set(index, chunk);
      this.#lastChunk = chunk;
    }
    const bit = row % CHUNK_ROWS;
    chunk[bit >>> 5]! |= 1 << (bit & 31);
  }

  and(other: RowSet): RowSet {
    return this.#combine(other, (a, b) => a & b);
  }

  or(other: RowSet): RowSet {
    return this.#combine(other, (a, b) => a | b);
  }

  minus(other: RowSet): RowSet {
    return this.#combine(other, (a, b) => a & ~b);
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<Row> {
    for (const [index, chunk] of [...this.#chunks].sort(([a], [b]) => a - b)) {
      for (const [at, bits] of chunk.entries()) {
        for (let rest = bits; rest !== 0; rest &= rest - 1) yield index * CHUNK_ROWS + at * 32 + 31 - Math.clz32(rest & -rest);
      }
    }
  }

  /** The first `countMax` rows behind `after`, ascending. */
  firstBehind(after: Row, countMax: number): Row[] {
    const rows: Row[] = [];
    for (const row of this) {
      if (row > after) rows.push(row);
      if (rows.length === countMax) break;
    }
    return rows;
  }

  #combine(other: RowSet, operation: (a: number, b: number) => number): RowSet {
    const result = new RowSet();
    for (const index of new Set([...this.#chunks.keys(), ...other.#chunks.keys()])) {
      const [a, b] = [this.#chunks.get(index), other.#chunks.get(index)];
      result.#chunks.set(
        index,
        Uint32Array.from({ length: CHUNK_WORDS }, (_, at) => operation(a?.[at] ?? 0, b?.[at] ?? 0)),
      );
    }
    return result;
  }

  /** Neighbouring rows are asked for one after the other: their chunk is looked up once. */
  #chunkAt(index: number): Uint32Array | undefined {
    if (index !== this.#lastIndex) {
      this.#lastIndex = index;
      this.#lastChunk = this.#chunks.get(index);
    }
    return this.#lastChunk;
  }
}

function bitsOf(word: number): number {
  let bits = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) bits += 1;
  return bits;
}

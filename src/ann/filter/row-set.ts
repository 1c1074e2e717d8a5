import { Seeded } from '../../kernel/seeded.ts';
import { assert } from '../../kernel/assert.ts';
import { IS_LITTLE_ENDIAN } from '../float32.ts';
import type { Row, Rows } from '../stored-vector.ts';

/** Rows of one chunk: 4 KiB of bits. */
export const CHUNK_ROWS = 32_768;
const CHUNK_WORDS = CHUNK_ROWS / 32;
const CHUNK_BYTES = CHUNK_ROWS / 8;

/** A set of rows, one bit each, by chunks: the rows of a shard are numbered almost without gaps. */
export class RowSet implements Rows {
  readonly #chunks = new Map<number, Uint32Array<ArrayBuffer>>();
  #lastIndex = -1;
  #lastChunk: Uint32Array<ArrayBuffer> | undefined;

  static of(rows: Iterable<Row>): RowSet {
    const set = new RowSet();
    for (const row of rows) set.add(row);
    return set;
  }

  get size(): number {
    let size = 0;
    for (const chunk of this.#chunks.values()) size += bitsOf(chunk);
    return size;
  }

  get isEmpty(): boolean {
    for (const chunk of this.#chunks.values()) if (chunk.some((word) => word !== 0)) return false;
    return true;
  }

  has(row: Row): boolean {
    const chunk = this.#chunkAt(Math.floor(row / CHUNK_ROWS));
    if (chunk === undefined) return false;
    const bit = row % CHUNK_ROWS;
    return ((chunk[bit >>> 5]! >>> (bit & 31)) & 1) === 1;
  }

  add(row: Row): void {
    const chunk = this.#chunkFor(Math.floor(row / CHUNK_ROWS));
    const bit = row % CHUNK_ROWS;
    chunk[bit >>> 5]! |= 1 << (bit & 31);
  }

  delete(row: Row): void {
    const chunk = this.#chunkAt(Math.floor(row / CHUNK_ROWS));
    if (chunk === undefined) return;
    const bit = row % CHUNK_ROWS;
    chunk[bit >>> 5]! &= ~(1 << (bit & 31));
  }

  and(other: RowSet): RowSet {
    const result = new RowSet();
    for (const [index, mine] of this.#chunks) {
      const theirs = other.#chunks.get(index);
      if (theirs === undefined) continue;
      const chunk = mine.slice();
      for (let at = 0; at < CHUNK_WORDS; at += 1) chunk[at]! &= theirs[at]!;
      result.#chunks.set(index, chunk);
    }
    return result;
  }

  or(other: RowSet): RowSet {
    const result = new RowSet();
    for (const [index, mine] of this.#chunks) result.#chunks.set(index, mine.slice());
    for (const [index, theirs] of other.#chunks) {
      const chunk = result.#chunkFor(index);
      for (let at = 0; at < CHUNK_WORDS; at += 1) chunk[at]! |= theirs[at]!;
    }
    return result;
  }

  minus(other: RowSet): RowSet {
    const result = new RowSet();
    for (const [index, mine] of this.#chunks) {
      const theirs = other.#chunks.get(index);
      const chunk = mine.slice();
      if (theirs !== undefined) for (let at = 0; at < CHUNK_WORDS; at += 1) chunk[at]! &= ~theirs[at]!;
      result.#chunks.set(index, chunk);
    }
    return result;
  }

  /** Ascending. */
  [Symbol.iterator](): Generator<Row> {
    return this.#rowsFrom(0);
  }

  *#rowsFrom(indexMin: number): Generator<Row> {
    for (const [index, chunk] of [...this.#chunks].sort(([a], [b]) => a - b)) {
      if (index < indexMin) continue;
      for (let at = 0; at < CHUNK_WORDS; at += 1) {
        for (let rest = chunk[at]!; rest !== 0; rest &= rest - 1) yield index * CHUNK_ROWS + at * 32 + 31 - Math.clz32(rest & -rest);
      }
    }
  }

  /** The first `countMax` rows behind `after`, ascending. */
  firstBehind(after: Row, countMax: number): Row[] {
    const rows: Row[] = [];
    for (const row of this.#rowsFrom(Math.floor(after / CHUNK_ROWS))) {
      if (row > after) rows.push(row);
      if (rows.length === countMax) break;
    }
    return rows;
  }

  /** The bits of chunk after chunk, in any order: bit b of word w stands for row (index x CHUNK_ROWS + 32 w + b). Not to be changed. */
  chunks(): Iterable<readonly [index: number, words: Uint32Array<ArrayBuffer>]> {
    return this.#chunks;
  }

  /** Sets bit `i` of the words, the lowest first, where row `from + i` is in the set, and clears the others. */
  bits(from: Row, words: Uint32Array): void {
    words.fill(0);
    const shift = from % 32;
    const first = (from - shift) / 32;
    const end = first + words.length + Number(shift > 0);
    for (let at = first, until; at < end; at = until) {
      const index = Math.floor(at / CHUNK_WORDS);
      until = Math.min(end, (index + 1) * CHUNK_WORDS);
      const chunk = this.#chunkAt(index);
      if (chunk === undefined) continue;
      for (let each = at; each < until; each += 1) {
        const word = chunk[each - index * CHUNK_WORDS]!;
        if (word === 0) continue;
        const to = each - first;
        if (to < words.length) words[to]! |= word >>> shift;
        if (shift > 0 && to > 0) words[to - 1]! |= word << (32 - shift);
      }
    }
  }

  /**
   * A chunk as storage keeps it: the rows' offsets in it, ascending, as little-endian 16-bit numbers while that is shorter, else its
   * bits, the lowest first. Undefined when no row is in it.
   */
  encodeChunk(index: number): Uint8Array<ArrayBuffer> | undefined {
    const chunk = this.#chunks.get(index);
    const size = chunk === undefined ? 0 : bitsOf(chunk);
    if (chunk === undefined || size === 0) return undefined;
    const isShort = size * 2 < CHUNK_BYTES;
    if (!isShort && IS_LITTLE_ENDIAN) return new Uint8Array(chunk.buffer.slice(0));
    const bytes = new DataView(new ArrayBuffer(isShort ? size * 2 : CHUNK_BYTES));
    let end = 0;
    for (let at = 0; at < CHUNK_WORDS; at += 1) {
      if (!isShort) bytes.setUint32(at * 4, chunk[at]!, true);
      else
        for (let rest = chunk[at]!; rest !== 0; rest &= rest - 1, end += 2) {
          bytes.setUint16(end, at * 32 + 31 - Math.clz32(rest & -rest), true);
        }
    }
    return new Uint8Array(bytes.buffer);
  }

  /** Adds the rows of a chunk that `encodeChunk` wrote. Bytes that it cannot have written throw. */
  decodeChunk(index: number, encoded: ArrayBuffer): void {
    assert(encoded.byteLength % 2 === 0 && encoded.byteLength <= CHUNK_BYTES, `a chunk of rows has no ${encoded.byteLength} bytes`);
    const bytes = new DataView(encoded);
    const chunk = this.#chunkFor(index);
    if (encoded.byteLength === CHUNK_BYTES) {
      for (let at = 0; at < CHUNK_WORDS; at += 1) chunk[at]! |= bytes.getUint32(at * 4, true);
      return;
    }
    for (let at = 0, before = -1; at < encoded.byteLength; at += 2) {
      const bit = bytes.getUint16(at, true);
      assert(bit > before && bit < CHUNK_ROWS, 'the rows of a chunk ascend within it');
      chunk[bit >>> 5]! |= 1 << (bit & 31);
      before = bit;
    }
  }

  #chunkFor(index: number): Uint32Array<ArrayBuffer> {
    let chunk = this.#chunkAt(index);
    if (chunk === undefined) {
      chunk = new Uint32Array(CHUNK_WORDS);
      this.#chunks.set(index, chunk);
      this.#lastChunk = chunk;
    }
    return chunk;
  }

  /** Neighbouring rows are asked for one after the other: their chunk is looked up once. */
  #chunkAt(index: number): Uint32Array<ArrayBuffer> | undefined {
    if (index !== this.#lastIndex) {
      this.#lastIndex = index;
      this.#lastChunk = this.#chunks.get(index);
    }
    return this.#lastChunk;
  }
}

/** How many bits of the words are set. */
function bitsOf(words: Uint32Array): number {
  let bits = 0;
  for (let at = 0; at < words.length; at += 1) {
    let word = words[at]!;
    word -= (word >>> 1) & 0x5555_5555;
    word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333);
    bits += Math.imul((word + (word >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
  }
  return bits;
}

/** `count` of the rows, all if there are fewer: any as likely as another, the same for the same rows and seed. Ascending. */
export function sampleRows(rows: RowSet, count: number, seed: number): Row[] {
  const sample: Row[] = [];
  const random = new Seeded(seed);
  let left = rows.size;
  for (const row of rows) {
    // Each row with the probability of open slots in the sample over rows left.
    if (random.next() * left < count - sample.length) sample.push(row);
    left -= 1;
  }
  return sample;
}

import type { ByteWriter } from './byte-writer.ts';
import { ByteReader } from './byte-writer.ts';
import type { PostingBlocks, TermScorer } from './posting-blocks.ts';
import { BLOCK_POSTINGS, impactOf, PIECE_BLOCKS, PIECE_POSTINGS } from './posting-blocks.ts';

/** What may be read behind the bytes of a list: packed numbers are read four bytes at a time. */
export const READ_AHEAD_BYTES = 4;

// What the objects of a list take in memory besides its bytes.
const LIST_BYTES = 320;

/** Postings to encode, one item a posting; `lengths` by ordinal. */
export interface PostingColumns {
  readonly ordinals: Uint32Array;
  readonly values: Float64Array;
  readonly count: number;
  readonly isText: boolean;
  readonly lengths: Uint32Array;
}

/**
 * Yields a quarter of the postings of each piece, twice. Full blocks first, then the rest, whose numbers are written one by one. A full block's header has its last ordinal, the widths of its packed
 * numbers, and what bounds it: of a text the (frequency, length) pairs that no other posting beats in both, which bound it for any k1, b and
 * average length (as the competitive impacts of Lucene's block-max indexes); of a sparse vector the greatest and the least value.
 */
export function* encodePostings(writer: ByteWriter, columns: PostingColumns): Generator<number, void> {
  const { values, count, isText } = columns;
  const full = Math.floor(count / BLOCK_POSTINGS);
  const gaps = gapsOf(columns);
  const widths: ReturnType<typeof blockWidths>[] = [];
  for (let block = 0; block < full; block += 1) {
    if (block % PIECE_BLOCKS === PIECE_BLOCKS - 1) yield PIECE_POSTINGS / 4;
    widths.push(blockWidths(columns, gaps, block));
    writeHeader(writer, columns, block, widths[block]!);
  }
  for (let block = 0; block < full; block += 1) {
    if (block % PIECE_BLOCKS === PIECE_BLOCKS - 1) yield PIECE_POSTINGS / 4;
    const [from, until] = [block * BLOCK_POSTINGS, (block + 1) * BLOCK_POSTINGS];
    writer.packed(gaps.subarray(from, until), BLOCK_POSTINGS, widths[block]!.gap);
    if (isText) writer.packed(values.subarray(from, until).map(lessOne), BLOCK_POSTINGS, widths[block]!.value);
    else for (let i = from; i < until; i += 1) writer.float32(values[i]!);
  }
  writeRest(writer, columns, gaps, full * BLOCK_POSTINGS);
}

/** The postings from one on, number by number. */
function writeRest(writer: ByteWriter, { values, count, isText }: PostingColumns, gaps: Uint32Array, from: number): void {
  for (let i = from; i < count; i += 1) {
    const [gap, value] = [gaps[i]!, values[i]!];
    if (!isText) {
      writer.varint(gap);
      writer.float32(value);
      continue;
    }
    writer.varint(2 * gap + Number(value > 1));
    if (value > 1) writer.varint(value - 2);
  }
}

function gapsOf({ ordinals, count }: PostingColumns): Uint32Array {
  const gaps = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) gaps[i] = i === 0 ? ordinals[0]! : ordinals[i]! - ordinals[i - 1]! - 1;
  return gaps;
}

const lessOne = (value: number): number => value - 1;
const widthOf = (max: number): number => 32 - Math.clz32(max);

function blockWidths(
  { values, isText }: PostingColumns,
  gaps: Uint32Array,
  block: number,
): { readonly gap: number; readonly value: number } {
  let [gap, value] = [0, 0];
  for (let i = block * BLOCK_POSTINGS; i < (block + 1) * BLOCK_POSTINGS; i += 1) {
    gap = Math.max(gap, gaps[i]!);
    if (isText) value = Math.max(value, values[i]! - 1);
  }
  return { gap: widthOf(gap), value: widthOf(value) };
}

function writeHeader(writer: ByteWriter, columns: PostingColumns, block: number, widths: ReturnType<typeof blockWidths>): void {
  const { ordinals, values, isText } = columns;
  const from = block * BLOCK_POSTINGS;
  writer.varint(ordinals[from + BLOCK_POSTINGS - 1]! - (block === 0 ? 0 : ordinals[from - 1]!));
  writer.byte(widths.gap);
  if (!isText) return writeExtremes(writer, values.subarray(from, from + BLOCK_POSTINGS));
  writer.byte(widths.value);
  writeFrontier(writer, columns, from);
}

function writeExtremes(writer: ByteWriter, values: Float64Array): void {
  writer.float32(values.reduce((a, b) => Math.max(a, b)));
  writer.float32(values.reduce((a, b) => Math.min(a, b)));
}

function writeFrontier(writer: ByteWriter, { ordinals, values, lengths }: PostingColumns, from: number): void {
  let pairs: [value: number, length: number][] = [];
  for (let i = from; i < from + BLOCK_POSTINGS; i += 1) {
    const [value, length] = [values[i]!, lengths[ordinals[i]!]!];
    if (pairs.some(([otherValue, otherLength]) => otherValue >= value && otherLength <= length)) continue;
    pairs = pairs.filter(([otherValue, otherLength]) => otherValue > value || otherLength < length);
    pairs.push([value, length]);
  }
  writer.byte(pairs.length);
  for (const [value, length] of pairs) {
    writer.varint(value);
    writer.varint(length);
  }
}

// Of one block, used while a list is opened.
const scratch = { ordinals: new Uint32Array(BLOCK_POSTINGS), values: new Float64Array(BLOCK_POSTINGS) };

// By block: where its bytes begin, the widths of its gaps and values, where its bounds end.
const FIELDS = 4;

/** The postings of a term as they are stored. Keeps their bytes and unpacks a block whenever it is read. */
export class StoredPostings implements PostingBlocks {
  readonly count: number;
  readonly lasts: Uint32Array;
  readonly bytes: number;
  readonly #view: DataView;
  readonly #source: Uint8Array;
  readonly #isText: boolean;
  readonly #full: number;
  readonly #blocks: Uint32Array;
  // Pairs of values and lengths of texts; greatest and least values of sparse vectors.
  readonly #bounds: Float64Array;
  #impacts: Float64Array | undefined;
  // For which the impacts hold.
  #c0 = 0;
  #c1 = 0;
  #isNegative = false;

  /** `source` begins with the list and has at least `READ_AHEAD_BYTES` behind it. */
  constructor(source: Uint8Array, count: number, isText: boolean) {
    this.count = count;
    this.lasts = new Uint32Array(Math.ceil(count / BLOCK_POSTINGS));
    this.#source = source;
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    this.#isText = isText;
    this.#full = Math.floor(count / BLOCK_POSTINGS);
    this.#blocks = new Uint32Array(FIELDS * this.lasts.length);
    this.#bounds = Float64Array.from(this.#readHeaders());
    this.bytes = LIST_BYTES + source.byteLength + this.#blocks.byteLength + this.#bounds.byteLength + 12 * this.lasts.length;
  }

  decode(block: number, ordinals: Uint32Array, values: Float64Array): number {
    const before = block === 0 ? -1 : this.lasts[block - 1]!;
    if (block >= this.#full) return this.#decodeRest(before, ordinals, values);
    const at = this.#blocks[FIELDS * block]!;
    const width = this.#blocks[FIELDS * block + 1]!;
    const valueWidth = this.#blocks[FIELDS * block + 2]!;
    const view = this.#view;
    unpackGaps(view, at, width, before, ordinals);
    const valuesAt = at + (BLOCK_POSTINGS / 8) * width;
    if (this.#isText) unpackFrequencies(view, valuesAt, valueWidth, values);
    else for (let i = 0; i < BLOCK_POSTINGS; i += 1) values[i] = view.getFloat32(valuesAt + 4 * i, true);
    return BLOCK_POSTINGS;
  }

  impacts(scorer: TermScorer, lengths: Uint32Array): Float64Array {
    const isNegative = scorer.weight < 0;
    const known = this.#impacts;
    if (known !== undefined && this.#c0 === scorer.c0 && this.#c1 === scorer.c1 && this.#isNegative === isNegative) return known;
    const impacts = new Float64Array(this.lasts.length);
    for (let block = 0; block < this.#full; block += 1) impacts[block] = this.#fullImpact(block, scorer);
    if (this.#full < this.lasts.length) impacts[this.#full] = this.#restImpact(scorer, lengths);
    [this.#impacts, this.#c0, this.#c1, this.#isNegative] = [impacts, scorer.c0, scorer.c1, isNegative];
    return impacts;
  }

  #fullImpact(block: number, scorer: TermScorer): number {
    let impact = 0;
    const from = block === 0 ? 0 : this.#blocks[FIELDS * block - 1]!;
    const until = this.#blocks[FIELDS * block + 3]!;
    for (let at = from; at < until; at += 2) {
      const [first, second] = [this.#bounds[at]!, this.#bounds[at + 1]!];
      impact = Math.max(impact, impactOf(scorer, first, second), scorer.isText ? 0 : impactOf(scorer, second, 0));
    }
    return impact;
  }

  #restImpact(scorer: TermScorer, lengths: Uint32Array): number {
    const { ordinals, values } = scratch;
    const count = this.decode(this.#full, ordinals, values);
    let impact = 0;
    for (let i = 0; i < count; i += 1) impact = Math.max(impact, impactOf(scorer, values[i]!, lengths[ordinals[i]!]!));
    return impact;
  }

  #readHeaders(): number[] {
    const reader = new ByteReader(this.#source);
    const bounds: number[] = [];
    const blocks = this.#blocks;
    let last = 0;
    for (let block = 0; block < this.#full; block += 1) {
      last += reader.varint();
      this.lasts[block] = last;
      blocks[FIELDS * block + 1] = reader.byte();
      blocks[FIELDS * block + 2] = this.#isText ? reader.byte() : 32;
      if (this.#isText) for (let pairs = reader.byte(); pairs > 0; pairs -= 1) bounds.push(reader.varint(), reader.varint());
      else bounds.push(reader.float32(), reader.float32());
      blocks[FIELDS * block + 3] = bounds.length;
    }
    let { at } = reader;
    for (let block = 0; block < this.lasts.length; block += 1) {
      blocks[FIELDS * block] = at;
      at += (BLOCK_POSTINGS / 8) * (blocks[FIELDS * block + 1]! + blocks[FIELDS * block + 2]!);
    }
    if (this.#full < this.lasts.length) {
      const { ordinals } = scratch;
      const count = this.#decodeRest(this.#full === 0 ? -1 : last, ordinals, scratch.values);
      this.lasts[this.#full] = ordinals[count - 1]!;
    }
    return bounds;
  }

  /** Postings behind the last full block. */
  #decodeRest(before: number, ordinals: Uint32Array, values: Float64Array): number {
    const reader = new ByteReader(this.#source, this.#blocks[FIELDS * this.#full]);
    const count = this.count - this.#full * BLOCK_POSTINGS;
    let ordinal = before;
    for (let i = 0; i < count; i += 1) {
      const head = reader.varint();
      if (this.#isText) {
        ordinal += (head >>> 1) + 1;
        values[i] = (head & 1) === 0 ? 1 : reader.varint() + 2;
      } else {
        ordinal += head + 1;
        values[i] = reader.float32();
      }
      ordinals[i] = ordinal;
    }
    return count;
  }
}

function unpackGaps(view: DataView, at: number, width: number, before: number, ordinals: Uint32Array): void {
  const mask = 2 ** width - 1;
  let ordinal = before;
  for (let i = 0, bit = 0; i < BLOCK_POSTINGS; i += 1, bit += width) {
    ordinal += ((view.getUint32(at + (bit >>> 3), true) >>> (bit & 7)) & mask) + 1;
    ordinals[i] = ordinal;
  }
}

function unpackFrequencies(view: DataView, at: number, width: number, values: Float64Array): void {
  if (width === 0) {
    values.fill(1, 0, BLOCK_POSTINGS);
    return;
  }
  const mask = 2 ** width - 1;
  for (let i = 0, bit = 0; i < BLOCK_POSTINGS; i += 1, bit += width) {
    values[i] = ((view.getUint32(at + (bit >>> 3), true) >>> (bit & 7)) & mask) + 1;
  }
}

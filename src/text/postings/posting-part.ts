import type { PostingBlocks } from './posting-blocks.ts';
import { BLOCK_POSTINGS } from './posting-blocks.ts';
import type { FieldTotals, Row } from './sparse-query.ts';

/** A field of a part. */
export interface PartColumn extends FieldTotals {
  readonly isText: boolean;
  /** By ordinal; 0 of a row without the field. */
  readonly lengths: Uint32Array;
}

/** Rows of one namespace, numbered from 0 in the order of their rows, and their postings: a segment, or a part of the memtable. */
export interface PostingPart {
  /** By ordinal. */
  readonly rows: ArrayLike<Row>;
  readonly deleted: DeletedOrdinals;
  column(field: number): PartColumn | undefined;
  find(field: number, term: string): PostingBlocks | undefined;
  /** The terms of a field from one on, in order of code units. */
  termsFrom(field: number, first: string): Iterable<string>;
}

/** Undefined when the row is not in the part. */
export function ordinalOf({ rows }: PostingPart, row: Row): number | undefined {
  const ordinal = firstAtLeast(rows, row, 0, rows.length);
  return rows[ordinal] === row ? ordinal : undefined;
}

/** Rows of a part that were removed since it was made. */
export class DeletedOrdinals {
  #bits: Uint32Array;
  // In the order of their removal, so that counts can go on where they stopped.
  readonly #ordinals: number[] = [];
  // Of lists that were counted: up to which removal, and how many of their rows are removed.
  readonly #counted = new WeakMap<PostingBlocks, { upTo: number; removed: number }>();

  constructor(count: number) {
    this.#bits = new Uint32Array(Math.ceil(count / 32));
  }

  /** In the order of their removal. */
  get ordinals(): readonly number[] {
    return this.#ordinals;
  }

  get bytes(): number {
    return this.#bits.byteLength + 8 * this.#ordinals.length;
  }

  has(ordinal: number): boolean {
    return ((this.#bits[ordinal >>> 5]! >>> (ordinal & 31)) & 1) === 1;
  }

  /** False: it was removed already. */
  add(ordinal: number): boolean {
    if (this.has(ordinal)) return false;
    this.#bits[ordinal >>> 5]! |= 1 << (ordinal & 31);
    this.#ordinals.push(ordinal);
    return true;
  }

  /** Makes room for ordinals below `count`. */
  reach(count: number): void {
    if (count <= 32 * this.#bits.length) return;
    const larger = new Uint32Array(2 * Math.ceil(count / 32));
    larger.set(this.#bits);
    this.#bits = larger;
  }

  /** How many of a list's rows are removed. */
  among(list: PostingBlocks): number {
    if (this.#ordinals.length === 0) return 0;
    const known = this.#counted.get(list) ?? { upTo: 0, removed: 0 };
    const pending = this.#ordinals.slice(known.upTo);
    // Either reads a block a step.
    if (pending.length < list.lasts.length) known.removed += pending.filter((ordinal) => contains(list, ordinal)).length;
    else known.removed = countIn(list, (ordinal) => this.has(ordinal));
    known.upTo = this.#ordinals.length;
    this.#counted.set(list, known);
    return known.removed;
  }
}

const scratch = { ordinals: new Uint32Array(BLOCK_POSTINGS), values: new Float64Array(BLOCK_POSTINGS) };

function contains(list: PostingBlocks, ordinal: number): boolean {
  const block = firstAtLeast(list.lasts, ordinal, 0, list.lasts.length);
  if (block === list.lasts.length) return false;
  const count = list.decode(block, scratch.ordinals, scratch.values);
  return scratch.ordinals[firstAtLeast(scratch.ordinals, ordinal, 0, count)] === ordinal;
}

/** How many ordinals of a list are accepted. */
export function countIn(list: PostingBlocks, accepts: (ordinal: number) => boolean): number {
  let accepted = 0;
  for (let block = 0; block < list.lasts.length; block += 1) {
    const count = list.decode(block, scratch.ordinals, scratch.values);
    for (let i = 0; i < count; i += 1) if (accepts(scratch.ordinals[i]!)) accepted += 1;
  }
  return accepted;
}

/** The first position of ascending values, from `from` on, that has at least `value`; `until` when none has. */
export function firstAtLeast<T extends number | string>(values: ArrayLike<T>, value: T, from: number, until: number): number {
  let [low, high] = [from, until];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

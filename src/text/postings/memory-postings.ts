import { assert } from '../../kernel/assert.ts';
import type { PostingBlocks, TermScorer } from './posting-blocks.ts';
import { BLOCK_POSTINGS, impactOf } from './posting-blocks.ts';

const FIRST_POSTINGS = 4;

// What the objects of a list take in memory besides its columns.
const LIST_BYTES = 240;
const POSTING_BYTES = 12;

/** The postings of a term in rows that are not flushed yet. */
export class MemoryPostings implements PostingBlocks {
  #count = 0;
  #ordinals = new Uint32Array(FIRST_POSTINGS);
  #values = new Float64Array(FIRST_POSTINGS);
  #max = 0;
  #min = 0;
  // Undefined: not worked out since the last posting was added.
  #lasts: Uint32Array | undefined;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return LIST_BYTES + POSTING_BYTES * this.#ordinals.length;
  }

  get lasts(): Uint32Array {
    return (this.#lasts ??= this.#lastOrdinals());
  }

  /** Of an ordinal higher than any before. */
  add(ordinal: number, value: number): void {
    assert(this.#count === 0 || ordinal > this.#ordinals[this.#count - 1]!, 'a row has each term of a field once');
    if (this.#count === this.#ordinals.length) {
      const [ordinals, values] = [new Uint32Array(2 * this.#count), new Float64Array(2 * this.#count)];
      ordinals.set(this.#ordinals);
      values.set(this.#values);
      [this.#ordinals, this.#values] = [ordinals, values];
    }
    this.#ordinals[this.#count] = ordinal;
    this.#values[this.#count] = value;
    this.#count += 1;
    this.#lasts = undefined;
    this.#max = Math.max(this.#max, value);
    this.#min = Math.min(this.#min, value);
  }

  #lastOrdinals(): Uint32Array {
    const blocks = Math.ceil(this.#count / BLOCK_POSTINGS);
    return Uint32Array.from({ length: blocks }, (_, block) => this.#ordinals[Math.min((block + 1) * BLOCK_POSTINGS, this.#count) - 1]!);
  }

  decode(block: number, ordinals: Uint32Array, values: Float64Array): number {
    const from = block * BLOCK_POSTINGS;
    const count = Math.min(BLOCK_POSTINGS, this.#count - from);
    ordinals.set(this.#ordinals.subarray(from, from + count));
    values.set(this.#values.subarray(from, from + count));
    return count;
  }

  /** The same for all blocks: there are few, and they grow. */
  impacts(scorer: TermScorer): Float64Array {
    const impact = Math.max(impactOf(scorer, this.#max, 0), scorer.isText ? 0 : impactOf(scorer, this.#min, 0));
    return new Float64Array(Math.ceil(this.#count / BLOCK_POSTINGS)).fill(impact);
  }
}

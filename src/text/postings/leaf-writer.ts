import { ByteWriter } from './byte-writer.ts';
import { writeTerm } from './dictionary-leaf.ts';
import type { PostingColumns } from './stored-postings.ts';
import { encodePostings, READ_AHEAD_BYTES } from './stored-postings.ts';

// Looking a term up reads half of a leaf.
const LEAF_TERMS_MAX = 128;
// Postings of a leaf are read together from disk.
const LEAF_BYTES = 16 * 1024;

/** A leaf of the dictionary with the postings of its terms, as stored. */
export interface Leaf {
  readonly first: Uint8Array;
  readonly terms: Uint8Array;
  readonly postings: Uint8Array;
}

/** Makes leaves of terms that come in order of code units. */
export class LeafWriter {
  readonly #first = new ByteWriter();
  readonly #terms = new ByteWriter();
  readonly #postings = new ByteWriter();
  #before = '';
  #count = 0;

  /** Whether a leaf should be taken before the next term. */
  get isFull(): boolean {
    return this.#count >= LEAF_TERMS_MAX || this.#postings.length >= LEAF_BYTES;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Yields as `encodePostings` does. Between its pieces nothing else may be added. */
  *add(term: string, columns: PostingColumns): Generator<number, void> {
    if (this.#count === 0) writeTerm(this.#first, '', term);
    const offset = this.#postings.length;
    yield* encodePostings(this.#postings, columns);
    writeTerm(this.#terms, this.#before, term);
    this.#terms.varint(columns.count);
    this.#terms.varint(this.#postings.length - offset);
    this.#before = term;
    this.#count += 1;
  }

  /** The leaf of the terms added since the last one. */
  take(): Leaf {
    for (let i = 0; i < READ_AHEAD_BYTES; i += 1) this.#postings.byte(0);
    const leaf = { first: this.#first.written, terms: this.#terms.written, postings: this.#postings.written };
    this.#first.clear();
    this.#terms.clear();
    this.#postings.clear();
    this.#before = '';
    this.#count = 0;
    return leaf;
  }
}

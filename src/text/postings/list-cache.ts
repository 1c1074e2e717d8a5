import type { StoredPostings } from './stored-postings.ts';

/** What a term that a column lacks takes: it is remembered, too. */
const ABSENT_BYTES = 96;

type Lists = Map<string, StoredPostings | null>;

/**
 * Lists that were read from storage, by column and term. Those used since the cache was half full, and those used before: when it is half full
 * again, the latter are let go. So a list that is used often stays, and using one costs two look-ups at most.
 */
export class ListCache {
  readonly #bytesMax: number;
  #young = new Map<number, Lists>();
  #old = new Map<number, Lists>();
  #youngBytes = 0;
  #oldBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  /** Null: the column has no such term; undefined: not known. */
  get(column: number, term: string): StoredPostings | null | undefined {
    const young = this.#young.get(column)?.get(term);
    if (young !== undefined) return young;
    const lists = this.#old.get(column);
    const old = lists?.get(term);
    if (old === undefined || lists === undefined) return undefined;
    lists.delete(term);
    this.#oldBytes -= bytesOf(old);
    this.set(column, term, old);
    return old;
  }

  set(column: number, term: string, list: StoredPostings | null): void {
    if (this.#youngBytes + bytesOf(list) > this.#bytesMax / 2) this.#age();
    const lists = this.#young.get(column);
    if (lists === undefined) this.#young.set(column, new Map([[term, list]]));
    else lists.set(term, list);
    this.#youngBytes += bytesOf(list);
  }

  /** Lets go of `bytes` at least, of lists not used lately first, or of all. */
  evict(bytes: number): void {
    const before = this.bytes;
    this.#age();
    if (before - this.bytes < bytes) this.#age();
  }

  #age(): void {
    [this.#old, this.#oldBytes] = [this.#young, this.#youngBytes];
    [this.#young, this.#youngBytes] = [new Map(), 0];
  }
}

const bytesOf = (list: StoredPostings | null): number => list?.bytes ?? ABSENT_BYTES;

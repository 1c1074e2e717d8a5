import { findInLeaf, leafTerms } from './dictionary-leaf.ts';
import type { ListCache } from './list-cache.ts';
import type { PartColumn, PostingPart } from './posting-part.ts';
import { DeletedOrdinals, firstAtLeast } from './posting-part.ts';
import type { SegmentStore, StoredColumn, StoredSegment } from './segment-store.ts';
import { StoredPostings } from './stored-postings.ts';

// What the objects of a segment, of a column and of a leaf's first term take.
const SEGMENT_BYTES = 512;
const COLUMN_BYTES = 256;
const FIRST_TERM_BYTES = 40;

/** A field of a segment as it is searched. */
interface SegmentColumn extends PartColumn {
  readonly id: number;
  documents: number;
  totalLength: number;
  /** The first term of each leaf. */
  readonly firsts: readonly string[];
}

/** A live segment in memory: its rows, lengths and removed rows as a whole, its lists through a cache. */
export class Segment implements PostingPart {
  readonly id: number;
  readonly rows: Float64Array;
  readonly deleted: DeletedOrdinals;
  readonly bytes: number;
  readonly #store: SegmentStore;
  readonly #lists: ListCache;
  readonly #columns: ReadonlyMap<number, SegmentColumn>;

  constructor(store: SegmentStore, lists: ListCache, stored: StoredSegment) {
    this.id = stored.id;
    this.#store = store;
    this.#lists = lists;
    this.rows = store.rowsOf(stored);
    this.deleted = new DeletedOrdinals(stored.count);
    for (const ordinal of store.deletedOf(stored.id)) this.deleted.add(ordinal);
    const columns = store.columnsOf(stored).map((column) => searched(column, store.firstTerms(column.id)));
    this.#columns = new Map(columns.map((column) => [column.field, column]));
    this.bytes = columns.reduce((sum, column) => sum + columnBytes(column), SEGMENT_BYTES + this.rows.byteLength + stored.count / 8);
  }

  get fields(): Iterable<number> {
    return this.#columns.keys();
  }

  column(field: number): SegmentColumn | undefined {
    return this.#columns.get(field);
  }

  find(field: number, term: string): StoredPostings | undefined {
    const column = this.#columns.get(field);
    if (column === undefined) return undefined;
    const known = this.#lists.get(column.id, term);
    if (known !== undefined) return known ?? undefined;
    const list = this.#read(column, term);
    this.#lists.set(column.id, term, list ?? null);
    return list;
  }

  *termsFrom(field: number, first: string): Generator<string> {
    const column = this.#columns.get(field);
    if (column === undefined) return;
    for (let leaf = leafOf(column, first); leaf < column.firsts.length; leaf += 1) {
      for (const { term } of leafTerms(this.#store.leafTerms(column.id, leaf))) if (term >= first) yield term;
    }
  }

  /** The lists of all terms behind `after`, or of all, in order of code units. */
  *listsBehind(field: number, after: string | undefined): Generator<readonly [term: string, list: StoredPostings]> {
    const column = this.#columns.get(field);
    if (column === undefined) return;
    for (let leaf = after === undefined ? 0 : leafOf(column, after); leaf < column.firsts.length; leaf += 1) {
      const terms = this.#store.leafTerms(column.id, leaf);
      const postings = this.#store.leafPostings(column.id, leaf);
      for (const { term, count, offset } of leafTerms(terms)) {
        if (after === undefined || term > after) yield [term, new StoredPostings(postings.subarray(offset), count, column.isText)];
      }
    }
  }

  /** Removes rows, none of which was removed before, here and in storage. */
  remove(ordinals: readonly number[]): void {
    this.#store.addDeleted(this.id, ordinals);
    for (const column of this.#columns.values()) {
      const documents = ordinals.filter((ordinal) => column.lengths[ordinal] !== 0);
      column.documents -= documents.length;
      for (const ordinal of documents) column.totalLength -= column.lengths[ordinal]!;
      this.#store.setTotals(column.id, column);
    }
    for (const ordinal of ordinals) this.deleted.add(ordinal);
  }

  #read(column: SegmentColumn, term: string): StoredPostings | undefined {
    const leaf = leafOf(column, term);
    if (leaf === column.firsts.length) return undefined;
    const found = findInLeaf(this.#store.leafTerms(column.id, leaf), term);
    if (found === undefined) return undefined;
    return new StoredPostings(this.#store.listBytes(column.id, leaf, found), found.count, column.isText);
  }
}

const searched = (column: StoredColumn, firsts: readonly string[]): SegmentColumn & { readonly field: number } => ({ ...column, firsts });

const columnBytes = ({ lengths, firsts }: SegmentColumn): number => COLUMN_BYTES + lengths.byteLength + FIRST_TERM_BYTES * firsts.length;

/** The only leaf that can have the term; the first one for terms before all. */
function leafOf({ firsts }: SegmentColumn, term: string): number {
  const at = firstAtLeast(firsts, term, 0, firsts.length);
  return firsts[at] === term || at === 0 ? at : at - 1;
}

import { must } from '../../kernel/assert.ts';
import { findInLeaf, leafTerms } from './dictionary-leaf.ts';
import type { ListCache } from './list-cache.ts';
import type { PartColumn, PostingPart } from './posting-part.ts';
import { DeletedOrdinals, firstAtLeast } from './posting-part.ts';
import type { SegmentStore, StoredColumn, StoredSegment } from './segment-store.ts';
import { leafKey } from './segment-store.ts';
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

/** A term of a column that is looked up. */
interface SoughtList {
  readonly column: SegmentColumn;
  readonly term: string;
}

/** Terms of one field. */
interface FieldTerms {
  readonly field: number;
  readonly terms: readonly string[];
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
    const [list] = readLists(this.#store, [{ column, term }]);
    this.#lists.set(column.id, term, list ?? null);
    return list;
  }

  /** Those of the terms that are to be read before it is known which lists they have. */
  unread(field: number, terms: readonly string[]): SoughtList[] {
    const column = this.#columns.get(field);
    if (column === undefined) return [];
    return terms.filter((term) => this.#lists.get(column.id, term) === undefined).map((term) => ({ column, term }));
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
}

/** The list of each term, undefined of those that a column lacks: in two questions to storage, however many they are. */
function readLists(store: SegmentStore, sought: readonly SoughtList[]): (StoredPostings | undefined)[] {
  const keys = sought.map(({ column, term }) => (column.firsts.length === 0 ? undefined : leafKey(column.id, leafOf(column, term))));
  const leaves = store.termsOfLeaves(new Set(keys.filter((key) => key !== undefined)));
  const places = sought.map(({ term }, i) => {
    const key = keys[i];
    const found = key === undefined ? undefined : findInLeaf(must(leaves.get(key), 'a column has its leaves'), term);
    return key === undefined || found === undefined ? undefined : { key, ...found };
  });
  const found = places.filter((place) => place !== undefined);
  const bytes = found.length === 0 ? [] : store.bytesOfLists(found);
  let read = 0;
  return places.map((place, i) => place && new StoredPostings(bytes[read++]!, place.count, sought[i]!.column.isText));
}

/** Reads what segments have of terms of a field and is not in memory, so that their lists are found there. */
export function readAhead(store: SegmentStore, lists: ListCache, segments: readonly Segment[], { field, terms }: FieldTerms): void {
  const sought = segments.flatMap((segment) => segment.unread(field, terms));
  if (sought.length === 0) return;
  readLists(store, sought).forEach((list, i) => lists.set(sought[i]!.column.id, sought[i]!.term, list ?? null));
}

const searched = (column: StoredColumn, firsts: readonly string[]): SegmentColumn & { readonly field: number } => ({ ...column, firsts });

const columnBytes = ({ lengths, firsts }: SegmentColumn): number => COLUMN_BYTES + lengths.byteLength + FIRST_TERM_BYTES * firsts.length;

/** The only leaf that can have the term; the first one for terms before all. */
function leafOf({ firsts }: SegmentColumn, term: string): number {
  const at = firstAtLeast(firsts, term, 0, firsts.length);
  return firsts[at] === term || at === 0 ? at : at - 1;
}

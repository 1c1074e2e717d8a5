import type { Outcome } from '../contract/api/outcome.ts';
import type { IndexFields } from '../contract/indexes/index-fields.ts';
import type { TextQuery } from '../contract/vectors/text-query.ts';
import type { RememberingStorage } from '../kernel/sql/remembering-storage.ts';
import type { Steps } from '../kernel/stepped-work.ts';
import type { SearchCost } from './search-cost.ts';
import type { PlacedId, Row, Rows, VectorPlace } from './stored-vector.ts';

/** What a row holds that fields may be made of. */
export interface RowContents extends VectorPlace {
  /** JSON text of the row's values by field name; null: none. */
  readonly contents: string | null;
  /** The row's own text. */
  readonly text: string | null;
}

/** The stored rows that fields are made of: spilled copies are none of them. */
export interface RowSource {
  /** The first rows behind `after`, ascending: `countMax` and `bytesMax` at most, but one at least if there is one. */
  contentsBehind(after: Row, countMax: number, bytesMax: number): RowContents[];
  /** In the order of `rows`, all of which are stored. */
  contentsOf(rows: readonly Row[]): RowContents[];
  /** The ids of stored rows, in any order. */
  idsOf(rows: Iterable<Row>): PlacedId[];
  /** Those of a namespace that are stored, spilled copies too. */
  liveRows(namespace: number): Rows;
}

/** Makes what follows the rows of a store. */
export type FieldsOver = (storage: RememberingStorage, rows: RowSource) => RowFields;

/** What a leg over fields that have postings asks a shard for. */
export type PostingsQuery =
  | {
      readonly kind: 'text';
      readonly query: TextQuery;
      /** The text fields to search and what multiplies their scores, the weights of the index included. At least one. */
      readonly fields: readonly { readonly name: string; readonly weight: number }[];
      readonly k1: number;
      readonly b: number;
    }
  | {
      readonly kind: 'sparse';
      readonly field: string;
      /** Ascending. */
      readonly indices: readonly number[];
      /** One an index. */
      readonly values: readonly number[];
    };

/** The vectors of a field that are closest to one of its dimensions, by the field's metric. */
export interface VectorFieldQuery {
  readonly kind: 'vector';
  readonly field: string;
  readonly vector: Float32Array<ArrayBuffer>;
}

/** What a leg over fields asks a shard for. */
export type FieldQuery = PostingsQuery | VectorFieldQuery;

/** Counts that scores depend on: of one shard, or the sums of several. */
export interface TermStatistics {
  /** By field: the rows that have it, and the sum of their lengths in terms (sparse: 0). */
  readonly fields: readonly { readonly name: string; readonly documents: number; readonly totalLength: number }[];
  /** The terms that the query stands for, expansions of prefixes and fuzzy terms included, and in how many rows of a field each is. */
  readonly terms: readonly { readonly field: string; readonly term: string; readonly documents: number }[];
}

/** Rows that may be found, such as a bitmap. */
export interface FieldRows extends Rows, Iterable<Row> {
  readonly size: number;
}

export interface FieldSearch<Query = FieldQuery> {
  readonly query: Query;
  /** The namespace's ordinal. */
  readonly namespace: number;
  readonly topK: number;
  /** Only these rows may be found; absent: all of the namespace. */
  readonly among?: FieldRows | undefined;
  /** Of the whole index, or of the shard if it is the only one. */
  readonly statistics: TermStatistics;
}

/** Asks for the counts that scores of a query depend on, of all of the namespace or of some rows. */
export type CountedSearch<Query = FieldQuery> = Omit<FieldSearch<Query>, 'topK' | 'statistics'>;

export interface FieldHighlight {
  readonly query: TextQuery;
  readonly fields: readonly string[];
  readonly options: HighlightOptions;
}

export interface HighlightOptions {
  /** The most characters of a fragment, in UTF-16 units. */
  readonly fragmentChars: number;
  /** The most fragments of a field. */
  readonly fragments: number;
}

/** A part of a text, and the matches in it. */
export interface Fragment {
  /** Where it begins in the text, in UTF-16 units. */
  readonly start: number;
  readonly text: string;
  /** Ascending and apart: where they begin and end in `text`, in UTF-16 units. */
  readonly matches: readonly { readonly begin: number; readonly end: number }[];
}

/** Rows, the best first; of equal scores, those whose ids come first in the order of code units. Of distances, the least is the best. */
export interface FieldMatches<Work = PostingsWork | SearchCost> {
  readonly rows: readonly Row[];
  readonly scores: readonly number[];
  readonly work: Work;
}

/** What a search of postings took. */
export interface PostingsWork {
  /** Of the query's terms. */
  readonly postings: number;
  readonly postingsRead: number;
  /** Rows whose score was completed. */
  readonly scored: number;
}

/**
 * What is made of the fields of a shard's rows: indexes that follow its store. Writes happen inside of the store's transaction; what is in
 * memory only is made again from the rows.
 */
export interface FollowingFields {
  /** Follows the fields of the index: those that are new are built by `sweep`, those that are gone are erased. Repeating it changes nothing. */
  define(fields: IndexFields): void;
  put(rows: readonly RowContents[]): void;
  remove(places: readonly VectorPlace[]): void;
  clear(): void;
  /** Does a slice of background work of at most 8 ms. Returns whether there is more. */
  sweep(): boolean;
  readonly isSweepDue: boolean;
  /** Lets go of what is in memory and can be read again. */
  evict(): void;
  /** In memory. */
  readonly bytes: number;
}

/** Those that have postings, which are searched by terms. */
export interface PostingsFields extends FollowingFields {
  /** Refuses a field that the index does not have or that is still built. Rows that are written between its steps are found or not. */
  search(search: FieldSearch<PostingsQuery>): Steps<Outcome<FieldMatches<PostingsWork>>>;
  /** Refuses the same. Rows that are written between its steps are counted or not. */
  statistics(search: CountedSearch<PostingsQuery>): Steps<Outcome<TermStatistics>>;
  /** The fragments of each row, by field; rows are read when it is their turn. Refuses a field that is no text field of the index. */
  highlight(rows: Iterable<RowContents>, asked: FieldHighlight): Steps<Outcome<Readonly<Record<string, readonly Fragment[]>>[]>>;
}

/** All of them. */
export interface RowFields extends FollowingFields, Pick<PostingsFields, 'highlight'> {
  /** As `PostingsFields` does; among vectors in one step. */
  search(search: FieldSearch): Steps<Outcome<FieldMatches>>;
  statistics(search: CountedSearch): Steps<Outcome<TermStatistics>>;
}

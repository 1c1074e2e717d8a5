import type { Outcome } from '../contract/api/outcome.ts';
import type { IndexFields } from '../contract/indexes/index-fields.ts';
import type { TextQuery } from '../contract/vectors/text-query.ts';
import type { Row, Rows, VectorPlace } from './stored-vector.ts';

/** What a row holds that fields may be made of. */
export interface RowContents extends VectorPlace {
  /** JSON text of the row's values by field name; null: none. */
  readonly contents: string | null;
  /** The row's own text. */
  readonly text: string | null;
}

/** What a leg over fields asks a shard for. */
export type FieldQuery =
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

/** Counts that scores depend on: of one shard, or the sums of several. */
export interface TermStatistics {
  /** By field: the rows that have it, and the sum of their lengths in terms (sparse: 0). */
  readonly fields: readonly { readonly name: string; readonly documents: number; readonly totalLength: number }[];
  /** The terms that the query stands for, expansions of prefixes and fuzzy terms included, and in how many rows of a field each is. */
  readonly terms: readonly { readonly field: string; readonly term: string; readonly documents: number }[];
}

export interface FieldSearch {
  readonly query: FieldQuery;
  /** The namespace's ordinal. */
  readonly namespace: number;
  readonly topK: number;
  /** Only these rows may be found; absent: all of the namespace. */
  readonly among?: Rows;
  /** Of the whole index. Absent: the shard's own. */
  readonly statistics?: TermStatistics;
}

/** Rows, the best first; of equal scores, every row that ties with the last is there. */
export interface FieldMatches {
  readonly rows: readonly Row[];
  readonly scores: readonly number[];
  /** How many rows were scored and how many posting blocks were passed over. */
  readonly scored: number;
  readonly blocksPruned: number;
}

/**
 * The fields of a shard's rows: indexes that follow its store. Writes happen inside of the store's transaction; what is in memory only
 * is made again from the rows.
 */
export interface RowFields {
  /** Follows the fields of the index: those that are new are built by `sweep`, those that are gone are erased. */
  define(fields: IndexFields): void;
  put(rows: readonly RowContents[]): void;
  remove(rows: readonly RowContents[]): void;
  clear(): void;
  /** Refuses a field that the index does not have or that is still built, and with `limit_exceeded`. */
  search(search: FieldSearch): Outcome<FieldMatches>;
  statistics(search: Omit<FieldSearch, 'topK' | 'statistics'>): Outcome<TermStatistics>;
  /** Does a slice of background work of at most 8 ms. Returns whether there is more. */
  sweep(nowMs: number): boolean;
  readonly isSweepDue: boolean;
  /** Lets go of what is in memory and can be read again. */
  evict(): void;
  /** In memory. */
  readonly bytes: number;
}

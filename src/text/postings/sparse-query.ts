import type { Steps } from '../../kernel/stepped-work.ts';

/** The number of a row: a positive safe integer, higher than that of any row before. */
export type Row = number;

/** A space of postings: the ordinal of a field within a namespace. */
export interface Space {
  readonly namespace: number;
  readonly field: number;
}

/** What a row says in one field; columns of one item a term. No term is there twice. A row without any term is no document of the field. */
export interface FieldPostings {
  readonly field: number;
  /** Terms of a text; dimensions of a sparse vector by `dimensionTerm`. */
  readonly terms: readonly string[];
  /** How often a term occurs in a text: at least 1, a whole number. The weights of a sparse vector: float32. */
  readonly values: ArrayLike<number>;
  /** How many terms count towards the length of a text: at least 1. Undefined: a sparse vector. */
  readonly length: number | undefined;
}

/** A row as it is put, also once more where memory was lost. */
export interface PostedRow {
  readonly namespace: number;
  readonly row: Row;
  /** In any order, each field at most once. */
  readonly fields: readonly FieldPostings[];
}

/** Of all live rows of a field, or of those that a filter leaves. */
export interface FieldTotals {
  /** Rows that have a term at least. */
  readonly documents: number;
  /** Sum of their lengths; of a sparse vector that is how many values it has. */
  readonly totalLength: number;
}

/** How a term's value in a row becomes a part of the row's score. */
export type Scoring =
  /** weight * (k1 + 1) / (1 + k1 * (1 - b + b * length / averageLength) / frequency), as Okapi BM25 (Robertson and Zaragoza 2009, section 3.3). */
  | { readonly kind: 'bm25'; readonly k1: number; readonly b: number; readonly averageLength: number }
  /** weight * value: a part of a dot product. */
  | { readonly kind: 'product' };

/** One term of a query in one field. */
export interface Clause {
  readonly field: number;
  readonly term: string;
  /** The caller's: inverse document frequency, boosts, weight of the field. Finite; of BM25 never negative. */
  readonly weight: number;
  readonly scoring: Scoring;
}

/** Which rows match, by the positions of clauses in the query. */
export type Condition =
  | { readonly kind: 'clause'; readonly clause: number }
  /** At least `count` of these hold: 1 is a disjunction, all of them a conjunction. */
  | { readonly kind: 'atLeast'; readonly count: number; readonly of: readonly Condition[] }
  | { readonly kind: 'allBut'; readonly of: Condition; readonly not: Condition };

/** The rows that a filter leaves, such as a bitmap. */
export interface RowFilter extends Iterable<Row> {
  has(row: Row): boolean;
  readonly size: number;
}

export interface SparseQuery {
  readonly namespace: number;
  readonly clauses: readonly Clause[];
  /** Undefined: any row that has a term of the query matches. Whatever it says, a row without a term of the query does not. */
  readonly condition: Condition | undefined;
  /** Undefined: all rows. */
  readonly among: RowFilter | undefined;
  /** How many rows to return at most; at least 1. */
  readonly topK: number;
  /** These rows in the order in which rows of equal scores come. Asked rarely, about many at once. */
  readonly orderTies: (rows: readonly Row[]) => readonly Row[];
  /**
   * What the terms alone do not decide, such as phrases: the score of a row whose terms match, at most `scoreMax`, which the terms give it;
   * undefined when the row does not match after all, or is gone. Asked only about rows that could be among the first.
   */
  readonly judge: ((row: Row, scoreMax: number) => Steps<number | undefined>) | undefined;
}

/** What a search took. */
export interface SearchWork {
  /** Of the lists of the query's terms. */
  readonly postings: number;
  readonly postingsRead: number;
  /** Rows whose score was completed. */
  readonly candidates: number;
}

/** The first rows, best first; columns of one item a row. */
export interface SparseHits {
  readonly rows: readonly Row[];
  readonly scores: readonly number[];
  readonly work: SearchWork;
}

/** Which terms of a field to find. */
export interface TermWalk {
  readonly space: Space;
  /** Terms that begin so; '' for all. */
  readonly prefix: string;
  /** Of these, which to return. */
  readonly accepts: (term: string) => boolean;
  /** The first so many, in order of code units. */
  readonly countMax: number;
}

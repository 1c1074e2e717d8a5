import type { SearchCost } from '../search-cost.ts';
import type { RowBitmap } from './row-bitmap.ts';

/** The most entries a search hands on to rescoring. */
export const RESCORE_MAX_COUNT = 32_768;

export interface ListQuery {
  /** The query as the user gave it. [dimensions] */
  readonly values: Float32Array;
  /** How many rows to propose, at least 1. */
  readonly count: number;
  /** More are proposed, up to `countMax`, as long as int8 codes do not prove that they are behind the `of`-th. Without it, none. */
  readonly blurred?: { readonly of: number; readonly countMax: number };
  /** Probing stops at the first list whose entries would have to gain more than this over their centroid, in units of the scan (z). */
  readonly stop: number;
  /** How many entries the scan hands on to rescoring (R), at least `count`, at most `RESCORE_MAX_COUNT`. */
  readonly rescoreCount: number;
  /** Which rows may be found: live, of the namespace, accepted by the filter. */
  readonly allowed: RowBitmap;
}

export interface ListAnswer {
  /** At most `count` of them when probing, but for those that are blurred; closest first, equally close ones by their row. */
  readonly rows: Float64Array;
  /** q.x + b over the codes; see `prepare`. */
  readonly closeness: Float64Array;
  /** For exact searches: the true closeness differs by at most this. */
  readonly errors: Float64Array | null;
  readonly cost: ListCost;
}

export type ListCost = Omit<SearchCost, 'shardsAsked' | 'rowsRead'>;

import type { GeoArea } from './geo-area.ts';
import { STORABLE } from '../api/json-value.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';

/** What JSON metadata holds at the end of a path. */
export type Scalar = string | number | boolean | null;

/** The ends of a range; at least one is there, and a value equal to an end belongs to the range when the end is `closed`. */
export interface Interval<T> {
  readonly min?: Bound<T>;
  readonly max?: Bound<T>;
}

export interface Bound<T> {
  readonly value: T;
  readonly closed: boolean;
}

/** What is asked of the values at one path. */
export type Condition =
  /** Some value is one of these. */
  | { readonly kind: 'equals'; readonly path: string; readonly values: readonly Scalar[] }
  /** Some value of that type lies in the interval. Times are instants, in microseconds since the Unix epoch. */
  | { readonly kind: 'range'; readonly path: string; readonly type: 'number' | 'time'; readonly interval: Interval<number> }
  | { readonly kind: 'range'; readonly path: string; readonly type: 'string'; readonly interval: Interval<string> }
  /** Some value is an object whose `lat` and `lon` name a point of the area. */
  | { readonly kind: 'within'; readonly path: string; readonly area: GeoArea }
  /** The path leads somewhere. */
  | { readonly kind: 'exists'; readonly path: string }
  /** At some end of the path are so many values: those of an array, none for null, else one. No end counts as none. */
  | { readonly kind: 'count'; readonly path: string; readonly interval: Interval<number> };

/** A filter over metadata, as the shard evaluates it. */
export type Filter =
  | Condition
  | { readonly kind: 'and' | 'or'; readonly of: readonly Filter[] }
  | { readonly kind: 'atLeast'; readonly count: number; readonly of: readonly Filter[] }
  | { readonly kind: 'not'; readonly of: Filter }
  /** Some value at the path is accepted, taken alone: paths start from it, the empty one is itself. Names no ids. */
  | { readonly kind: 'element'; readonly path: string; readonly of: Filter }
  /** The vector's id is one of these. */
  | { readonly kind: 'ids'; readonly ids: readonly string[] };

/** Whether a path can be asked for. Keys of metadata that are empty or contain a dot are on no such path. */
export const isReachable = (path: string): boolean =>
  path.length <= VECTOR_LIMITS.filterPathCharsMax && STORABLE.test(path) && !path.split('.').includes('');

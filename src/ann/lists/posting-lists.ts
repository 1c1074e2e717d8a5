import type { EncodedEntries } from './encoded-entries.ts';
import type { Centroid, ListModel } from './list-model.ts';
import type { ProbeKernels } from './probe-kernels.ts';
import type { RowBitmap } from './row-bitmap.ts';

export interface ListQuery {
  /** As the user gave it. [dimensions] */
  readonly values: Float32Array;
  /** How many rows to propose, at least 1. */
  readonly count: number;
  /** Probing stops at the first list whose entries would have to gain more than this over their centroid, in units of the scan (z). */
  readonly stop: number;
  /** How many entries the scan hands on to rescoring (R), at least `count`. */
  readonly rescoreCount: number;
  /** Which rows may be found: live, of the namespace, accepted by the filter. */
  readonly allowed: RowBitmap;
}

export interface ListAnswer {
  /** At most `count` of them when probing, closest first, equally close ones by their row. */
  readonly rows: Float64Array;
  /** q.x + b over the codes; see `prepare`. */
  readonly closeness: Float64Array;
  /** Of exact searches: the true closeness differs by this at most. */
  readonly errors: Float64Array | null;
  readonly cost: ListCost;
}

export interface ListCost {
  readonly listsProbed: number;
  readonly codesScanned: number;
  readonly rescored: number;
  readonly listsPagedIn: number;
  readonly bytesTouched: number;
}

/** The inverted lists of an index, in the memory of the isolate. Lists are numbered by the caller; those not resident are paged in when a search needs them. */
export declare class PostingLists {
  constructor(kernels: ProbeKernels, model: ListModel);
  /** Bytes resident: pages taken, directory included. */
  get bytes(): number;
  /** Adds a list, resident only if it has no entries, or replaces the centroid of an empty one. */
  putList(list: number, centroid: Centroid, entryCount: number): void;
  removeList(list: number): void;
  isResident(list: number): boolean;
  /** Makes a list resident from what `blocks` gave, in order. Throws `CorruptList`: then the list is not resident. */
  adopt(list: number, blocks: readonly Uint8Array[]): void;
  evict(list: number): void;
  /** Adds entries `from` up to `to` to a resident list. */
  append(list: number, entries: EncodedEntries, from: number, to: number): void;
  /** The serialised blocks of a resident list from ordinal `from` on: all but the last are full. */
  blocks(list: number, from: number): Uint8Array<ArrayBuffer>[];
  entryCount(list: number): number;
  blockCount(list: number): number;
  rowsOf(list: number): Float64Array;
  /** What the codes of a resident list say of its vectors, in the index's space. [entryCount x dimensions] */
  valuesOf(list: number): Float32Array;
  /** Rewrites a resident list to hold only the entries at these positions, in that order. */
  retain(list: number, positions: Uint32Array): void;
  /** Resident lists, the least recently used first. */
  leastRecentlyUsed(): Iterable<number>;
  search(query: ListQuery, pageIn: (list: number) => void): ListAnswer;
  /** Every vector that may belong to the `count` best: exact. */
  searchExact(query: ListQuery, pageIn: (list: number) => void): ListAnswer;
  free(): void;
}

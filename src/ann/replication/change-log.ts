import type { IndexId } from '../../kernel/ids.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { Row } from '../vector-engine.ts';

/**
 * How far a follower has got in a shard's changes: it has every removal up to `lsn` and, of the vectors now stored, those up to `row`. A
 * new follower begins at row 0, which is a snapshot: rows are numbered in the order of their writes, so the scan ends where the log
 * continues.
 */
export interface ChangeCursor {
  readonly lsn: number;
  readonly row: Row;
}

/** Asks for what changed behind a cursor; null begins a snapshot. */
export interface ShardFollow {
  readonly indexId: IndexId;
  readonly after: ChangeCursor | null;
  /** Vectors of the answer at most, and removals, but for those of one write, which stay together. */
  readonly countMax: number;
  /** Raises the shard's clock: an answer that is complete is complete up to this LSN of the index at least. */
  readonly lsnMin?: number;
}

/** Changes to apply as one: `isCleared` first, then `removed`, then `upserted`. Or the log no longer reaches back: start again. */
export type ShardChanges = { readonly kind: 'snapshot-needed' } | (ChangePage & Standing);

/** Which callers the shard that sends these changes refuses: its replica refuses them as soon as it has the changes. */
export interface Standing {
  /** Calls that were routed before this version of the routes; see `ShardRoute`. */
  readonly since: number;
  /** All calls but those of followers; see `Gate`. */
  readonly isClosed: boolean;
}

export interface ChangePage {
  readonly kind: 'page';
  /** Whether all that the follower has is gone. */
  readonly isCleared: boolean;
  readonly removed: VectorKeys;
  readonly upserted: ChangedVectors;
  readonly next: ChangeCursor;
  /** The LSN of the shard as it answers. */
  readonly lsn: number;
  /** Whether nothing is left: a follower that applied every page up to this one has all writes up to `lsn`. Before that, `next` promises nothing. */
  readonly isComplete: boolean;
}

export interface VectorKeys {
  readonly namespaces: readonly string[];
  readonly ids: readonly string[];
}

/** Stored vectors, in the order of their writes, as columns. */
export interface ChangedVectors extends VectorKeys {
  /** [ids.length x dimensions] */
  readonly values: Float32Array<ArrayBuffer>;
  readonly metadata: readonly (string | null)[];
  readonly texts: readonly (string | null)[];
  /** See `UpsertBatch`. */
  readonly versions?: readonly number[];
}

/** What a shard stores of its past: the vectors stored, by row, and a bounded log of removals. Nothing is logged without a follower. */
export interface ChangeLog {
  /** From now on removals are logged; repeated calls only confirm that there is still a follower. */
  follow(header: ShardHeader, nowMs: number): void;
  /** Where a snapshot begins. */
  start(header: ShardHeader): ChangeCursor;
  /** What comes behind a cursor; undefined when the log does not reach back to it. */
  page(after: ChangeCursor, countMax: number, header: ShardHeader): ChangePage | undefined;
  /** Stops logging when there was no follower since `atMs`. */
  sweep(atMs: number): void;
}

import type { ShardHeader } from '../shard-header.ts';
import type { ChangeCursor, ChangePage } from './change-page.ts';

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

import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';

/** The settings of one search. */
export interface Reading {
  readonly consistency: ReadConsistency;
  /** Milliseconds since the Unix epoch: then it answers with what it has. Absent: `queryDeadlineDefaultMs` from now. */
  readonly deadlineMs?: number | undefined;
}

import type { JobId } from '../../kernel/ids.ts';

/** Places held for a job that comes first and has none. Plain data. */
export interface Reservation {
  /** The cohort tree: jobs of different trees compete for nodes, but not for quota. */
  readonly root: string;
  /** The type of accelerator, or `cpu`: each has one reservation at most in a tree. */
  readonly resource: string;
  readonly jobId: JobId;
  /** By which of its options it will start. */
  readonly option: number;
  /** Who has to end first: once none of them is left, there is a place. */
  readonly after: readonly JobId[];
  /** When that is, if everybody takes as long as it may; null when somebody may take for ever. */
  readonly startMs: number | null;
  /** Where its place would be, as things were. */
  readonly nodes: readonly number[];
}

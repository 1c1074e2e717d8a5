import type { JobId } from '../../../kernel/ids.ts';

/** A reservation of nodes for the first job without a placement. Plain data. */
export interface Reservation {
  /** The cohort tree: jobs of different trees compete for nodes, but not for quota. */
  readonly root: string;
  /** The type of accelerator, or `cpu`: each has one reservation at most in a tree. */
  readonly resource: string;
  readonly jobId: JobId;
  /** By which of its options it will start. */
  readonly option: number;
  /** The jobs that have to end first: once none of them is left, there is a placement. */
  readonly after: readonly JobId[];
  /** When that is, if all jobs take as long as they may; null when some may take for ever. */
  readonly startMs: number | null;
  /** Its expected placement when it was reserved. */
  readonly nodes: readonly number[];
}

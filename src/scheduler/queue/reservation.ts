import type { JobId } from '../../kernel/ids.ts';

/** Places held for a job that comes first and has none. Plain data. */
export interface Reservation {
  /** The type of accelerator, or `cpu`: each has one reservation at most. */
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

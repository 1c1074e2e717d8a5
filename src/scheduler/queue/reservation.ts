import type { JobId } from '../../kernel/ids.ts';
import type { Bundle } from '../fairness/bundle.ts';

/** Places held for a job that comes first and has none. Plain data. */
export interface Reservation {
  /** The type of accelerator, or `cpu`: each has one reservation at most. */
  readonly resource: string;
  readonly jobId: JobId;
  readonly queue: string;
  readonly bundle: Bundle;
  /** When the nodes will be free if everybody takes as long as it may; null when somebody may take for ever. */
  readonly startMs: number | null;
  readonly nodes: readonly number[];
}

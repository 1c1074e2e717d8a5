import type { JobId } from '../../kernel/ids.ts';
import type { Bundle } from './bundle.ts';
import type { CohortNode } from './cohort-node.ts';

/** A job that has quota, or asks for it. */
export interface Holder {
  readonly jobId: JobId;
  readonly queue: CohortNode;
  readonly priority: number;
  /** Order of submission. */
  readonly sequence: number;
  readonly bundle: Bundle;
}

/** Higher priority first, then who was there first. A total order. */
export const byRank = (a: Holder, b: Holder): number => b.priority - a.priority || a.sequence - b.sequence;

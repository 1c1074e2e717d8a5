import type { JobId } from '../../../kernel/ids.ts';
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

/** What determines which job comes first. */
export type Rank = Pick<Holder, 'priority' | 'sequence'>;

/** Higher priority first, then the earlier one. A total order. */
export const byRank = (a: Rank, b: Rank): number => b.priority - a.priority || a.sequence - b.sequence;

import type { JobRecord } from '../machine/job-record.ts';

/** A job that may be evicted for another, by which rule, and what that costs. */
export interface Victim {
  readonly job: JobRecord;
  readonly reason: 'priority' | 'reclaim' | 'fair_share';
  readonly cost: number;
}

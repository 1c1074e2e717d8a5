import type { JobRecord } from '../machine/job-record.ts';

/** A job that may be evicted for another, by which rule, and what that costs. */
export interface Victim {
  readonly job: JobRecord;
  readonly reason: 'priority' | 'reclaim' | 'fair_share';
  readonly cost: number;
}

/** Cheapest first, then least priority, then the latest. A total order. */
export const byCost = (a: Victim, b: Victim): number =>
  a.cost - b.cost || a.job.spec.priority - b.job.spec.priority || b.job.sequence - a.job.sequence;

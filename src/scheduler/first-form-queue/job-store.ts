import type { UsageEvent } from '../../contract/meter.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import type { Job } from './job.ts';

/** What the machine may look at. No call costs more than its answer, however many jobs there are. */
export interface JobView {
  find(id: JobId): Job | undefined;
  /** The first `count` pending jobs: higher priority first, then lower sequence. */
  nextPending(count: number): readonly Job[];
  /** At most `count` jobs whose attempt's lease ended at `nowMs` or before, longest ago first. */
  expired(nowMs: number, count: number): readonly Job[];
  /** Jobs of the tenant that are not finished. */
  openCount(tenantId: TenantId): number;
  /** The sequence number the next submitted job gets. */
  nextSequence(): number;
}

/** Where the machine's decisions go. One step's writes happen together or not at all. */
export interface JobStore extends JobView {
  save(job: Job): void;
  /** Puts usage in the outbox. */
  charge(usage: UsageEvent): void;
}

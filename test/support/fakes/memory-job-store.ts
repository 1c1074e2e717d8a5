import type { UsageEvent } from '../../../src/contract/meter.ts';
import type { JobId, TenantId } from '../../../src/kernel/ids.ts';
import type { JobStore } from '../../../src/scheduler/first-form-queue/job-store.ts';
import type { Job } from '../../../src/scheduler/first-form-queue/job.ts';
import { isFinished } from '../../../src/scheduler/first-form-queue/job.ts';

const RANK = { low: 0, normal: 1, high: 2 } as const;

/** A job store so simple that it is obviously right: every read scans all jobs. */
export class MemoryJobStore implements JobStore {
  readonly jobs = new Map<JobId, Job>();
  readonly charges: UsageEvent[] = [];

  find(id: JobId): Job | undefined {
    return this.jobs.get(id);
  }

  nextPending(count: number): readonly Job[] {
    return [...this.jobs.values()]
      .filter(({ state }) => state === 'pending')
      .sort((a, b) => RANK[b.priority] - RANK[a.priority] || a.sequence - b.sequence)
      .slice(0, count);
  }

  expired(nowMs: number, count: number): readonly Job[] {
    return [...this.jobs.values()]
      .filter(({ attempt }) => attempt !== null && attempt.leaseUntilMs <= nowMs)
      .sort((a, b) => a.attempt!.leaseUntilMs - b.attempt!.leaseUntilMs)
      .slice(0, count);
  }

  openCount(tenantId: TenantId): number {
    return [...this.jobs.values()].filter((job) => job.tenantId === tenantId && !isFinished(job)).length;
  }

  nextSequence(): number {
    return this.jobs.size + 1;
  }

  save(job: Job): void {
    this.jobs.set(job.id, job);
  }

  charge(usage: UsageEvent): void {
    this.charges.push(usage);
  }
}

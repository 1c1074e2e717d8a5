import type { Grant } from '../../contract/attempt.ts';
import { attemptIdOf, outputFileOf } from '../../contract/attempt.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Step } from './decision.ts';
import type { Events, Replies } from './event.ts';
import type { JobView } from './job-store.ts';
import type { Job } from './job.ts';

/** Grants a pool the first jobs of the queue, each under a new fence. */
export function claim(jobs: JobView, event: Events['claim'], nowMs: number): Step<Replies['claim']> {
  const granted = jobs.nextPending(Math.min(event.count, LIMITS.schedulerBatchMaxCount)).map((job) => start(job, event, nowMs));
  return { decisions: granted.map((job) => ({ kind: 'save', job })), reply: granted.map(grantOf) };
}

function start(job: Job, { poolId }: Events['claim'], nowMs: number): Job {
  const fence = job.fence + 1;
  const leaseUntilMs = nowMs + LIMITS.poolLeaseMs;
  return {
    ...job,
    state: 'starting',
    fence,
    attempt: { id: attemptIdOf(job.id, fence), fence, poolId, startedAtMs: nowMs, leaseUntilMs },
    startedAtMs: job.startedAtMs ?? nowMs,
  };
}

const grantOf = (job: Job): Grant => ({
  attemptId: attemptIdOf(job.id, job.fence),
  jobId: job.id,
  fence: job.fence,
  tenantId: job.tenantId,
  work: job.work,
  owner: job.owner,
  outputFile: outputFileOf(job.id, job.fence),
});

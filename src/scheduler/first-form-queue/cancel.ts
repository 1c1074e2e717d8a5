import { refuseResource } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Decision, Step } from './decision.ts';
import { finished } from './end-attempt.ts';
import type { Events, Replies } from './event.ts';
import type { JobView } from './job-store.ts';
import type { Job } from './job.ts';
import { isFinished } from './job.ts';

/** Cancels a pending job at once; asks the agent of a live one to stop. */
export function cancel(jobs: JobView, { tenantId, jobId }: Events['cancel'], nowMs: number): Step<Replies['cancel']> {
  const job = jobs.find(jobId);
  if (job === undefined || job.tenantId !== tenantId)
    return { decisions: [], reply: refuseResource('job_not_found', { kind: 'job', name: jobId }, `no job ${jobId}`, 'job') };
  if (isFinished(job) || job.state === 'cancelling') return { decisions: [], reply: ok(job) };
  const next: Job = job.attempt === null ? finished(job, 'cancelled', nowMs) : { ...job, state: 'cancelling' };
  const nudges: readonly Decision[] = job.attempt === null ? [] : [{ kind: 'nudge', poolId: job.attempt.poolId }];
  return { decisions: [{ kind: 'save', job: next }, ...nudges], reply: ok(next) };
}

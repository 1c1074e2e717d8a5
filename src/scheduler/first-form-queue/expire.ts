import type { Step } from './decision.ts';
import type { Failure } from './end-attempt.ts';
import { afterFailure } from './end-attempt.ts';
import type { Events, Replies } from './event.ts';
import type { JobView } from './job-store.ts';
import type { Job } from './job.ts';

/** Takes attempts from pools that let the lease run out. */
export function expire(jobs: JobView, { count }: Events['expire'], nowMs: number): Step<Replies['expire']> {
  const lost = jobs.expired(nowMs, count);
  const decisions = lost.flatMap((job) => (job.attempt === null ? [] : afterFailure(job, job.attempt, silence(job), nowMs)));
  return { decisions, reply: lost.length };
}

const silence = (job: Job): Failure =>
  job.state === 'starting'
    ? { reason: 'never_started', message: 'no agent confirmed the attempt' }
    : { reason: 'lease_expired', message: 'the pool fell silent' };

import type { AttemptReport } from '../../contract/attempt.ts';
import { outputFileOf } from '../../contract/attempt.ts';
import { LIMITS } from '../../contract/limits.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { Step } from './decision.ts';
import { afterFailure, finished, withoutAttempt } from './end-attempt.ts';
import type { Events, Replies } from './event.ts';
import type { JobView } from './job-store.ts';
import type { Job, LiveAttempt } from './job.ts';
import { charged } from './usage.ts';

type Verdict = Step<Replies['report']>;

/** Takes news of an attempt, if it is the job's live one in that pool; anything else changes nothing. */
export function report(jobs: JobView, { poolId, report: news }: Events['report'], nowMs: number): Verdict {
  const job = jobs.find(news.jobId);
  if (job === undefined) return unchanged('stale');
  const { attempt } = job;
  if (attempt === null || attempt.fence !== news.fence || attempt.poolId !== poolId) {
    return unchanged(isRecorded(job, news, poolId) ? 'accepted' : 'stale');
  }
  switch (news.kind) {
    case 'progress':
      return progressed(job, attempt, news, nowMs);
    case 'completed':
      return job.state === 'cancelling' ? stopped(job, attempt, nowMs, 'cancel') : completed(job, attempt, news, nowMs);
    case 'failed':
      if (job.state === 'cancelling' && news.reason === 'cancelled') return stopped(job, attempt, nowMs, 'accepted');
      return { decisions: afterFailure(job, attempt, news, nowMs), reply: 'accepted' };
    default:
      return unreachable(news);
  }
}

const unchanged = (reply: Replies['report']): Verdict => ({ decisions: [], reply });

/** Whether this very end of the attempt is on record: its report was delivered twice. */
function isRecorded(job: Job, news: AttemptReport, poolId: string): boolean {
  const outcome = news.kind === 'completed' ? 'succeeded' : news.kind === 'failed' ? news.reason : undefined;
  return job.ended.some((ended) => ended.fence === news.fence && ended.poolId === poolId && ended.outcome === outcome);
}

function progressed(job: Job, attempt: LiveAttempt, news: Extract<AttemptReport, { kind: 'progress' }>, nowMs: number): Verdict {
  // A clock that was set back must not shorten the lease.
  const leaseUntilMs = Math.max(attempt.leaseUntilMs, nowMs + LIMITS.poolLeaseMs);
  const state = job.state === 'cancelling' ? 'cancelling' : 'running';
  return {
    decisions: [{ kind: 'save', job: { ...job, state, progress: news.progress, attempt: { ...attempt, leaseUntilMs } } }],
    reply: state === 'cancelling' ? 'cancel' : 'continue',
  };
}

function completed(job: Job, attempt: LiveAttempt, news: Extract<AttemptReport, { kind: 'completed' }>, nowMs: number): Verdict {
  const { job: paid, charges } = charged(withoutAttempt(job, attempt, 'succeeded', nowMs), attempt, news.tokens, nowMs);
  const outputFile = outputFileOf(job.id, attempt.fence);
  const done = { ...finished(paid, 'succeeded', nowMs), progress: news.progress, outputFile };
  return { decisions: [{ kind: 'save', job: done }, ...charges], reply: 'accepted' };
}

/** The agent of a cancelled job has stopped. Its time was used; its output, if any, is not wanted. */
function stopped(job: Job, attempt: LiveAttempt, nowMs: number, reply: Replies['report']): Verdict {
  const { job: paid, charges } = charged(withoutAttempt(job, attempt, 'cancelled', nowMs), attempt, 0, nowMs);
  return { decisions: [{ kind: 'save', job: finished(paid, 'cancelled', nowMs) }, ...charges], reply };
}

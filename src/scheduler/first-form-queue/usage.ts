import type { Meter, UsageEvent } from '../../contract/meter.ts';
import type { Decision } from './decision.ts';
import type { Job, LiveAttempt } from './job.ts';

/** Part of the usage route, so that jobs appear among API calls. */
const JOBS_ROUTE = '/v1/jobs';

/** Charges an attempt's work to the job's owner: the job with its totals raised, and one usage event a meter. */
export function charged(job: Job, attempt: LiveAttempt, tokens: number, nowMs: number): { job: Job; charges: Decision[] } {
  // A clock that was set back must not make time negative.
  const acceleratorMs = Math.max(0, nowMs - attempt.startedAtMs);
  const quantities: readonly [Meter, number][] = [
    ['job_tokens', tokens],
    ['accelerator_ms', acceleratorMs],
  ];
  return {
    job: { ...job, tokens: job.tokens + tokens, acceleratorMs: job.acceleratorMs + acceleratorMs },
    charges: quantities.flatMap(([meter, quantity]) =>
      quantity === 0 ? [] : [{ kind: 'charge', usage: usageEvent(job, attempt, meter, quantity, nowMs) } as const],
    ),
  };
}

const usageEvent = (job: Job, attempt: LiveAttempt, meter: Meter, quantity: number, nowMs: number): UsageEvent => ({
  id: `${attempt.id}:${attempt.fence}:${meter}`,
  organisationId: job.organisationId,
  tenantId: job.tenantId,
  projectId: job.projectId,
  meter,
  quantity,
  model: job.work.model,
  route: JOBS_ROUTE,
  atMs: nowMs,
});

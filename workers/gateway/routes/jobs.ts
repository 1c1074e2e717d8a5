import type { JobExplanationReply, JobReply } from '../../../src/contract/jobs.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { jobCostNano } from '../../../src/gateway/jobs/job-cost.ts';
import type { JobId } from '../../../src/kernel/ids.ts';
import type { JobExplanation } from '../../../src/scheduler/served/explain-job.ts';
import type { EndedAttempt, Job, LiveAttempt } from '../../../src/scheduler/served/job.ts';
import { isFinished } from '../../../src/scheduler/served/job.ts';
import { usd } from '../../../src/tenancy/usage/price-book.ts';
import type { Handlers } from '../serve.ts';
import { pageReply, seconds } from './wire.ts';

export const jobHandlers = {
  createJob: async ({ gateway, principal, body, idempotencyKey }) =>
    answer(await gateway.heavy.jobs.submit(principal, body, idempotencyKey)),
  listJobs: async ({ gateway, principal, query }) => {
    const page = await gateway.heavy.jobs.list(principal.tenantId, { ...query, after: query.after as JobId | undefined });
    return page.ok ? { ok: true, reply: pageReply(page.value, jobReply), used: {} } : page;
  },
  getJob: async ({ gateway, principal, params }) => answer(await gateway.heavy.jobs.find(principal.tenantId, params.job as JobId)),
  explainJob: async ({ gateway, principal, params }) => {
    const found = await gateway.heavy.jobs.explain(principal.tenantId, params.job as JobId);
    if (!found.ok) return found;
    const { job, explanation } = found.value;
    return { ok: true, reply: explanationReply(job, explanation), used: {} };
  },
  cancelJob: async ({ gateway, principal, params }) => answer(await gateway.heavy.jobs.cancel(principal.tenantId, params.job as JobId)),
} satisfies Partial<Handlers>;

const answer = (job: Outcome<Job>) => (job.ok ? ({ ok: true, reply: jobReply(job.value), used: {} } as const) : job);

function jobReply(job: Job): JobReply {
  const costNano = jobCostNano(job);
  return {
    id: job.id,
    object: 'job',
    kind: job.work.kind,
    model: job.work.model,
    input_file: job.work.inputFile,
    owner: job.owner,
    priority: job.priority,
    state: job.state,
    max_attempts: job.attemptsMax,
    attempts: [...job.ended, ...(job.attempt === null ? [] : [job.attempt])].map(attemptReply),
    progress: job.progress,
    output_file: job.outputFile,
    error: job.error,
    created_at: seconds(job.createdAtMs),
    started_at: job.startedAtMs === null ? null : seconds(job.startedAtMs),
    finished_at: job.finishedAtMs === null ? null : seconds(job.finishedAtMs),
    usage: isFinished(job) ? { job_tokens: job.tokens, accelerator_ms: job.acceleratorMs } : null,
    cost_usd: costNano === undefined ? null : usd(costNano),
  };
}

const explanationReply = ({ id, state }: Job, explanation: JobExplanation): JobExplanationReply => ({
  job: id,
  object: 'job_explanation',
  state,
  reason: explanation.reason,
  position: explanation.position,
  ahead: [...explanation.ahead],
  waiting_elsewhere: explanation.waitingElsewhereCount,
  agents_lacking: explanation.agentsLacking,
});

const attemptReply = (attempt: EndedAttempt | LiveAttempt) => ({
  fence: attempt.fence,
  pool: attempt.poolId,
  started_at: seconds(attempt.startedAtMs),
  ended_at: 'endedAtMs' in attempt ? seconds(attempt.endedAtMs) : null,
  outcome: 'outcome' in attempt ? attempt.outcome : ('running' as const),
});

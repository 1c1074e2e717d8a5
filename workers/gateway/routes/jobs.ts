import type { JobExplanationReply } from '../../../src/contract/jobs.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { JobId } from '../../../src/kernel/ids.ts';
import type { JobExplanation } from '../../../src/scheduler/served/explain-job.ts';
import type { Job } from '../../../src/scheduler/served/job.ts';
import type { Handlers } from '../serve.ts';
import { followedText, logText } from './log-text.ts';
import { jobReply } from './job-reply.ts';
import { pageReply } from './wire.ts';

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
  getJobLogs: async ({ gateway, principal, authority, params, query }) => {
    const [tenantId, jobId] = [principal.tenantId, params.job as JobId];
    const page = await gateway.heavy.logs.read(tenantId, jobId, query);
    if (!page.ok) return page;
    const headers = { 'x-sluice-log-attempt': String(page.value.fence), 'x-sluice-log-next': String(page.value.next) };
    if (query.follow === 'false') return { ok: true, reply: logText(page.value, query.offset), headers, used: {} };
    const isAllowed = async (): Promise<boolean> => (await authority.lease()).ok;
    const pages = gateway.heavy.logs.follow(tenantId, jobId, query, isAllowed);
    return { ok: true, reply: followedText(pages, query.offset), headers, used: {} };
  },
  cancelJob: async ({ gateway, principal, params }) => answer(await gateway.heavy.jobs.cancel(principal.tenantId, params.job as JobId)),
} satisfies Partial<Handlers>;

const answer = (job: Outcome<Job>) => (job.ok ? ({ ok: true, reply: jobReply(job.value), used: {} } as const) : job);

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

import type { jobControlEndpoints } from '../../../../src/contract/jobs/job-control.ts';
import type { EmbeddingInput, EmbeddingListReply } from '../../../../src/contract/embeddings/embeddings.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { JobId } from '../../../../src/kernel/ids.ts';
import type { JobVerb } from '../../../../src/scheduler/served/job-verbs.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { jobEventStream } from './event-stream.ts';
import { followedText, logText } from './log-text.ts';
import type { Call } from '../../pipeline/call.ts';
import { explanationReply, planReply } from './job-explanation-reply.ts';
import { attemptsReply, costReply, jobReply } from './job-reply.ts';
import { pageReply, replied } from '../wire.ts';

export const jobHandlers = {
  createJob: async ({ gateway, principal, body, idempotencyKey }) =>
    answer(await gateway.heavy.jobs.submit(principal, body, idempotencyKey)),
  listJobs: async ({ gateway, principal, query }) => {
    const { limit, after, label, created_after: fromS, created_before: untilS, ...filter } = query;
    const page = await gateway.heavy.cell.jobs(
      principal.tenantId,
      {
        ...filter,
        label: label === undefined ? undefined : labelOf(label),
        createdFromMs: fromS === undefined ? undefined : fromS * 1_000,
        createdUntilMs: untilS === undefined ? undefined : untilS * 1_000,
      },
      limit,
      after as JobId | undefined,
    );
    if (!page.ok) return page;
    const { jobs, next } = page.value;
    return { ok: true, reply: { ...pageReply({ items: jobs, hasMore: next !== null }, jobReply), next }, used: {} };
  },
  getJob: async ({ gateway, principal, params }) => answer(await gateway.heavy.cell.job(principal.tenantId, params.job as JobId)),
  explainJob: async ({ gateway, principal, params }) => {
    const found = await gateway.heavy.cell.explain(principal.tenantId, params.job as JobId);
    if (!found.ok) return found;
    const { job, explanation } = found.value;
    return { ok: true, reply: explanationReply(job, explanation), used: {} };
  },
  planJob: async ({ gateway, principal, body }) => replied(await gateway.heavy.jobs.plan(principal, body), planReply),
  getJobLogs: async ({ gateway, principal, authority, params, query }) => {
    const [tenantId, jobId] = [principal.tenantId, params.job as JobId];
    const page = await gateway.heavy.logs.read(tenantId, jobId, query);
    if (!page.ok) return page;
    const headers = { 'x-sluice-log-attempt': String(page.value.fence), 'x-sluice-log-next': String(page.value.next) };
    if (query.follow === 'false') return { ok: true, reply: logText(page.value, query.offset), headers, used: {} };
    const pages = gateway.heavy.logs.follow(tenantId, jobId, query, authority);
    return { ok: true, reply: followedText(pages, query.offset, authority.end?.hold()), headers, used: {} };
  },
  getJobEvents: async ({ gateway, principal, authority, params, query, options, requestId }) => {
    const [tenantId, jobId] = [principal.tenantId, params.job as JobId];
    const after = options['last-event-id'] ?? query.after;
    const feed = await gateway.heavy.events.open({ tenantId, jobId, after, isFollowed: query.follow === 'true' }, authority);
    if (!feed.ok) return feed;
    const reply = feed.value === null ? null : jobEventStream({ jobId, requestId }, feed.value, authority.end?.hold());
    return { ok: true, reply, used: {} };
  },
  embedOnJob: async ({ gateway, principal, authority, params, body, reserve }) => {
    const input = await gateway.tokenTexts.inputOf(body);
    if (!input.ok) return input;
    const most = tokensAtMost(input.value);
    const room = await reserve({ job_tokens: most });
    if (!room.ok) return room;
    const { tenantId } = principal;
    const answered = await gateway.heavy.replicas.embed(
      tenantId,
      params.job as JobId,
      body.model,
      JSON.stringify({ ...body, input: input.value }),
      authority.end,
    );
    if (!answered.ok) return answered;
    const { sluice: _, ...reply } = answered.value as EmbeddingListReply & { readonly sluice?: unknown };
    return { ok: true, reply, used: { job_tokens: tokensClaimed(reply, most) }, model: body.model };
  },
  cancelJob: (call) => act(call, { kind: 'cancel' }),
  suspendJob: (call) => act(call, { kind: 'suspend' }),
  resumeJob: (call) => act(call, { kind: 'resume' }),
  preemptJob: (call) => act(call, { kind: 'preempt', fence: call.query.attempt ?? null }),
  resizeJob: (call) => act(call, { kind: 'resize', nodes: call.body.nodes }),
  reprioritiseJob: (call) => act(call, { kind: 'reprioritise', priority: call.body.priority }),
  listJobAttempts: async ({ gateway, principal, params }) =>
    replied(await gateway.heavy.cell.job(principal.tenantId, params.job as JobId), (job) => ({
      object: 'list',
      data: attemptsReply(job),
      has_more: false,
    })),
  getJobCost: async ({ gateway, principal, params }) =>
    replied(await gateway.heavy.jobs.cost(principal.tenantId, params.job as JobId), (found) => costReply(found.job, found.cost)),
} satisfies Partial<Handlers>;

/** A token is a byte at least; registered models add special tokens, and those of a prompt. */
function tokensAtMost(input: EmbeddingInput): number {
  if (typeof input === 'string') return sizeOf(input);
  return typeof input[0] === 'number' ? input.length : (input as string[] | number[][]).reduce((sum, item) => sum + sizeOf(item), 0);
}

/** What a replica says that it embedded: no more than the input comes to, which is also what one is charged that says nothing of it. */
function tokensClaimed({ usage }: { readonly usage?: { readonly total_tokens?: unknown } }, most: number): number {
  const claimed = usage?.total_tokens;
  return typeof claimed === 'number' && claimed >= 0 ? Math.min(most, Math.floor(claimed)) : most;
}

const encoder = new TextEncoder();
const sizeOf = (item: string | number[]): number => (typeof item === 'string' ? encoder.encode(item).length + ADDED_TOKENS : item.length);

/** To one text: special tokens, and a prompt of a sentence. */
const ADDED_TOKENS = 64;

/** A call about one job of the caller's tenant. */
type OfJob = Pick<Call<(typeof jobControlEndpoints)['cancelJob']>, 'gateway' | 'principal' | 'params'>;

const act = async ({ gateway, principal, params }: OfJob, verb: JobVerb) =>
  answer(await gateway.heavy.cell.act(principal.tenantId, params.job as JobId, verb));

/** `name=value`: a value may contain another `=`. */
function labelOf(text: string): { readonly name: string; readonly value: string } {
  const [name = '', ...value] = text.split('=');
  return { name, value: value.join('=') };
}

const answer = (job: Outcome<Job>) => replied(job, jobReply);

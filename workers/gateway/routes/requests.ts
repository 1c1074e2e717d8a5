import type { RequestReply } from '../../../src/contract/requests/requests.ts';
import type { LatencyCounts } from '../../../src/kernel/latency-buckets.ts';
import type { LogFilter } from '../../../src/upstreams/log/log-filter.ts';
import type { Feedback, LogEntry } from '../../../src/upstreams/log/log-entry.ts';
import { quantileMs } from '../../../src/upstreams/log/log-sums.ts';
import type { LogPolicy } from '../../../src/upstreams/log/log-policy.ts';
import type { LogLine } from '../../../src/upstreams/log/log-sums.ts';
import type { RequestRecord } from '../../../src/upstreams/log/request-log-store.ts';
import { usd } from '../../../src/tenancy/usage/price-book.ts';
import { fileReply, seconds } from './wire.ts';
import type { Handlers } from '../pipeline/serve.ts';

export const requestHandlers = {
  listRequests: async ({ gateway, principal, query: { limit, after, ...filter } }) => {
    const { entries, before } = await gateway.requests.list(principal, filterOf(filter), limit, after);
    const next = before ?? null;
    return { ok: true, reply: { object: 'list', data: entries.map(entryReply), has_more: next !== null, next }, used: {} };
  },
  requestStats: async ({ gateway, principal, query: { by, from, to } }) => {
    const lines = await gateway.requests.stats(principal, by, msOf(from), msOf(to));
    return lines.ok ? { ok: true, reply: { object: 'list', data: lines.value.map(lineReply), has_more: false }, used: {} } : lines;
  },
  getRequestPolicy: async ({ gateway, principal }) => ({
    ok: true,
    reply: policyReply(await gateway.requests.policy(principal)),
    used: {},
  }),
  setRequestPolicy: async ({ gateway, principal, body }) => {
    const set = await gateway.requests.setPolicy(principal, {
      entries: body.entries,
      bodies: body.bodies,
      samplePpm: Math.round(body.sample * PPM),
      retentionDays: body.retention_days,
      redactFields: body.redact_fields,
    });
    return set.ok ? { ok: true, reply: policyReply(set.value), used: {} } : set;
  },
  deleteRequests: async ({ gateway, principal, authority, body }) => {
    const removed = await gateway.requests.remove({ principal, authority }, filterOf(body));
    return removed.ok ? { ok: true, reply: { object: 'request.deleted', deleted: removed.value }, used: {} } : removed;
  },
  exportRequests: async ({ gateway, principal, authority, body: { filename, ...filter } }) => {
    const file = await gateway.requests.export({ principal, authority }, filterOf(filter), filename, lineOf);
    return file.ok ? { ok: true, reply: fileReply(file.value), used: {} } : file;
  },
  getRequest: async ({ gateway, principal, params }) => {
    const found = await gateway.requests.find(principal, params.request);
    return found.ok ? { ok: true, reply: recordReply(found.value), used: {} } : found;
  },
  deleteRequest: async ({ gateway, principal, authority, params }) => {
    const removed = await gateway.requests.removeOne({ principal, authority }, params.request);
    return removed.ok ? { ok: true, reply: { object: 'request.deleted', deleted: removed.value }, used: {} } : removed;
  },
  addRequestFeedback: async ({ gateway, principal, params, body }) => {
    const added = await gateway.requests.addFeedback(principal, params.request, body);
    return added.ok ? { ok: true, reply: feedbackReply(added.value), used: {} } : added;
  },
} satisfies Partial<Handlers>;

const PPM = 1_000_000;

/** As the contract reads it: times in seconds, costs in nano-dollars. */
type WireFilter = {
  readonly [K in 'id' | 'key' | 'route' | 'model' | 'target' | 'cache' | 'reuse']?: string | undefined;
} & {
  readonly [K in 'status' | 'cost_min_usd' | 'cost_max_usd' | 'from' | 'to']?: number | undefined;
} & { readonly has_feedback?: boolean | undefined };

const msOf = (s: number | undefined): number | undefined => (s === undefined ? undefined : s * 1000);

/** Without what is not stated. */
function filterOf({
  id,
  key,
  route,
  model,
  target,
  status,
  cost_min_usd,
  cost_max_usd,
  from,
  to,
  cache,
  reuse,
  has_feedback,
}: WireFilter): LogFilter {
  const all = {
    id,
    route,
    model,
    target,
    status,
    cache,
    reuse,
    keyId: key,
    costNanoMin: cost_min_usd,
    costNanoMax: cost_max_usd,
    fromMs: msOf(from),
    toMs: msOf(to),
    hasFeedback: has_feedback,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as LogFilter;
}

const entryReply = (entry: LogEntry): RequestReply => ({
  id: entry.id,
  object: 'request',
  created_at: seconds(entry.atMs),
  project: entry.projectId,
  key: entry.keyId,
  surface: entry.surface,
  model: entry.model,
  route: entry.route,
  prompt: entry.prompt ?? null,
  target: entry.target,
  status: entry.status,
  code: entry.code,
  stream: entry.isStream,
  usage: entry.usage,
  input_tokens: entry.inputTokens,
  cached_tokens: entry.cachedTokens,
  output_tokens: entry.outputTokens,
  cost_usd: usd(entry.costNano),
  first_token_ms: entry.firstTokenMs,
  total_ms: entry.totalMs,
  cache: entry.cache,
  reuse: entry.reuse ?? (entry.cache === 'hit' ? 'exact' : 'none'),
  metadata: entry.metadata,
  request_bytes: entry.requestBytes,
  answer_bytes: entry.answerBytes,
  attempts: entry.attempts.map(({ upstream, model, status = null, fault = null, elapsedMs }) => ({
    upstream,
    model,
    status,
    fault,
    ms: elapsedMs,
  })),
  guardrails: (entry.guardrails ?? []).map(({ elapsedMs, ...record }) => ({ ...record, ms: elapsedMs })),
});

const recordReply = ({ entry, bodies, feedback }: RequestRecord) => ({
  ...entryReply(entry),
  bodies: bodies ?? null,
  feedback: feedback.map(feedbackReply),
});

const lineOf = (record: RequestRecord): string => JSON.stringify(recordReply(record));

const feedbackReply = ({ keyId, atMs, ...opinion }: Feedback) => ({
  object: 'request.feedback' as const,
  ...opinion,
  key: keyId,
  created_at: seconds(atMs),
});

const policyReply = ({ entries, bodies, samplePpm, retentionDays, redactFields }: LogPolicy) => ({
  object: 'request.policy' as const,
  entries,
  bodies,
  sample: samplePpm / PPM,
  retention_days: retentionDays,
  redact_fields: [...redactFields],
});

const lineReply = (line: LogLine) => ({
  group: line.group === '' ? null : line.group,
  requests: line.requests,
  errors: line.errors,
  cache_hits: line.cacheHits,
  reused: line.reused,
  reuse_saved_usd: usd(line.reuseNano),
  input_tokens: line.inputTokens,
  cached_tokens: line.cachedTokens,
  output_tokens: line.outputTokens,
  cost_usd: usd(line.costNano),
  total_ms: quantiles(line.total),
  first_token_ms: quantiles(line.firstToken),
  feedback: line.feedback,
});

function quantiles(counts: LatencyCounts) {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantileMs(counts, share));
  if (p50 === undefined || p95 === undefined || p99 === undefined) return null;
  return { p50: rounded(p50), p95: rounded(p95), p99: rounded(p99) };
}

const rounded = (ms: number): number => Number(ms.toPrecision(3));

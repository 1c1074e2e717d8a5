import type { Principal } from '../../../../src/contract/api/principal.ts';
import { ATTACHMENT_BOUNDS, MEDIA_PRICES, shownAs } from '../../../../src/contract/upstreams/media-settings.ts';
import type { UpstreamCheckReply, UpstreamReply } from '../../../../src/contract/upstreams/upstreams.ts';
import type { TimedCheck } from '../../../../src/gateway/upstreams/upstream-checker.ts';
import type { TargetModel } from '../../../../src/upstreams/target.ts';
import { replicasJobOf } from '../../../../src/upstreams/upstream-host.ts';
import { isUnpriced } from '../../../../src/upstreams/upstream-findings.ts';
import type { UpstreamRecord } from '../../../../src/upstreams/upstream-record.ts';
import { ownerOf } from '../../../../src/upstreams/upstream-record.ts';
import { pageReply, seconds } from '../wire.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { upstreamHealth } from './upstream-health.ts';

export const upstreamHandlers = {
  listUpstreams: async ({ gateway, principal, query }) => {
    const page = await gateway.admin.list(principal, query.limit, query.after);
    return { ok: true, reply: pageReply(page, upstreamReply(principal)), used: {} };
  },
  createUpstream: async ({ gateway, principal, authority, body, idempotencyKey }) => {
    const made = await gateway.admin.create({ principal, authority }, body, idempotencyKey);
    return made.ok ? { ok: true, reply: upstreamReply(principal)(made.value), used: {} } : made;
  },
  getUpstream: async ({ gateway, principal, params }) => {
    const found = await gateway.admin.find(principal, params.upstream);
    return found.ok ? { ok: true, reply: upstreamReply(principal)(found.value), used: {} } : found;
  },
  changeUpstream: async ({ gateway, principal, authority, params, body }) => {
    const changed = await gateway.admin.change({ principal, authority }, params.upstream, body);
    return changed.ok ? { ok: true, reply: upstreamReply(principal)(changed.value), used: {} } : changed;
  },
  getUpstreamHealth: async ({ gateway, principal, params }) => {
    const found = await gateway.admin.find(principal, params.upstream);
    if (!found.ok) return found;
    const job = replicasJobOf(found.value.baseUrl);
    const replicas = job === undefined || principal.kind !== 'tenant' ? undefined : await gateway.groups.ready(principal.tenantId, job);
    return { ok: true, reply: upstreamHealth(ownerOf(principal), found.value, gateway.dispatcher.health(), replicas), used: {} };
  },
  checkUpstream: async ({ gateway, principal, params }) => {
    const found = await gateway.checker.check(principal, params.upstream);
    return found.ok ? { ok: true, reply: checkReply(params.upstream, found.value), used: {} } : found;
  },
  deleteUpstream: async ({ gateway, principal, authority, params }) => {
    const removed = await gateway.admin.remove({ principal, authority }, params.upstream);
    return removed.ok ? { ok: true, reply: { name: params.upstream, object: 'upstream', deleted: true }, used: {} } : removed;
  },
} satisfies Partial<Handlers>;

const checkReply = (name: string, found: TimedCheck): UpstreamCheckReply => ({
  object: 'upstream.check',
  name,
  verdict: found.verdict,
  reachable: found.isReachable,
  authorised: found.isAuthorised ?? null,
  status: found.status ?? null,
  ms: found.elapsedMs,
  checked_at: seconds(found.checkedAtMs),
  models: found.models.map((model) => ({ name: model.name, upstream_name: model.upstreamName, found: model.isFound ?? null })),
  findings: [...found.findings],
});

const upstreamReply =
  (principal: Principal) =>
  ({
    name,
    protocol,
    baseUrl,
    models,
    secret,
    weight,
    limits,
    timeouts,
    passUsage,
    createdAtMs,
    updatedAtMs,
  }: UpstreamRecord): UpstreamReply => ({
    object: 'upstream',
    name,
    owned_by: principal.kind === 'tenant' ? 'tenant' : 'platform',
    protocol,
    base_url: baseUrl,
    models: models.map(modelReply),
    unpriced_models: models.filter(isUnpriced).map((model) => model.name),
    secret: { set: secret !== null, hint: secret?.hint ?? null, updated_at: secret === null ? null : seconds(secret.updatedAtMs) },
    weight,
    limits: {
      concurrency: limits.concurrency ?? null,
      requests_per_minute: limits.requestsPerMinute ?? null,
      tokens_per_minute: limits.tokensPerMinute ?? null,
    },
    timeouts: {
      connect_ms: timeouts.connectMs,
      first_token_ms: timeouts.firstTokenMs,
      idle_ms: timeouts.idleMs,
      total_ms: timeouts.totalMs,
    },
    pass_usage: passUsage ?? false,
    created_at: seconds(createdAtMs),
    updated_at: seconds(updatedAtMs),
  });

const modelReply = (model: TargetModel): UpstreamReply['models'][number] => ({
  name: model.name,
  upstream_name: model.upstreamName,
  serves: [...model.serves],
  context_tokens: model.contextTokens,
  output_tokens_max: model.outputTokensMax,
  ...shownAs(ATTACHMENT_BOUNDS, model),
  bytes_per_token: model.bytesPerToken,
  prices: {
    input: model.prices.inputNano,
    cached_input: model.prices.cachedInputNano ?? null,
    cache_write: model.prices.cacheWriteNano ?? null,
    output: model.prices.outputNano,
    request: model.prices.requestNano,
    ...shownAs(MEDIA_PRICES, model.prices),
  },
});

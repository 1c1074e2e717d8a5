import { UPSTREAM_LIMITS } from '../contract/upstreams/upstream-limits.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import type { ChangeUpstreamBody, CreateUpstreamBody, UpstreamModelBody } from '../contract/upstreams/upstreams.ts';
import { ATTACHMENT_BOUNDS, MEDIA_PRICES, renamed } from '../contract/upstreams/media-settings.ts';
import { ok } from '../kernel/result.ts';
import { SURFACES } from './protocol/surfaces.ts';
import type { TargetModel, UpstreamLimits, UpstreamProtocol, UpstreamTimeouts } from './target.ts';
import type { UpstreamRecord } from './upstream-record.ts';

/** What an owner says of an upstream, but for its secret. */
export type UpstreamSettings = Omit<UpstreamRecord, 'secret' | 'createdAtMs' | 'updatedAtMs'>;

/** A model that thinks is silent for a minute; a server that does not accept a call within ten seconds is down. */
const TIMEOUTS: UpstreamTimeouts = {
  connectMs: 10_000,
  firstTokenMs: 60_000,
  idleMs: 60_000,
  totalMs: UPSTREAM_LIMITS.upstreamAnswerMsMax,
};

/** `baseUrl`: as it was checked. Refuses models that contradict themselves or each other. [U2] */
export function newSettings(body: CreateUpstreamBody, baseUrl: string): Outcome<UpstreamSettings> {
  const models = modelsOf(body.models, body.protocol);
  if (!models.ok) return models;
  const { name, protocol, weight } = body;
  const [limits, timeouts] = [changedLimits({}, body.limits), changedTimeouts(TIMEOUTS, body.timeouts)];
  return ok({ name, protocol, baseUrl, models: models.value, weight, limits, timeouts, passUsage: body.pass_usage });
}

/** What is not named stays. */
export function changedSettings(known: UpstreamRecord, body: ChangeUpstreamBody, baseUrl: string): Outcome<UpstreamSettings> {
  const models = body.models === undefined ? ok(known.models) : modelsOf(body.models, known.protocol);
  if (!models.ok) return models;
  return ok({
    name: known.name,
    protocol: known.protocol,
    baseUrl,
    models: models.value,
    weight: body.weight ?? known.weight,
    limits: changedLimits(known.limits, body.limits),
    timeouts: changedTimeouts(known.timeouts, body.timeouts),
    passUsage: body.pass_usage ?? known.passUsage ?? false,
  });
}

function modelsOf(bodies: readonly UpstreamModelBody[], protocol: UpstreamProtocol): Outcome<readonly TargetModel[]> {
  const names = new Set<string>();
  for (const [at, { name, serves, context_tokens: contextTokens, output_tokens_max: outputTokensMax }] of bodies.entries()) {
    if (names.has(name)) return refuse('invalid_value', `there are two models ${name}`, ['models', at, 'name']);
    names.add(name);
    if (protocol === 'workers-ai' && !serves.every((kind) => kind === 'chat' || kind === 'embeddings'))
      return refuse('invalid_value', 'may be chat and embeddings with the protocol workers-ai', ['models', at, 'serves']);
    if (outputTokensMax === undefined && serves.some((kind) => SURFACES[kind].outputLimits.length > 0))
      return refuse('invalid_value', `is missing: how many tokens ${name} can answer bounds what a call costs`, [
        'models',
        at,
        'output_tokens_max',
      ]);
    if (outputTokensMax === undefined || outputTokensMax <= contextTokens) continue;
    return refuse('invalid_value', `is more than its context of ${contextTokens} tokens`, ['models', at, 'output_tokens_max']);
  }
  return ok(bodies.map(modelOf));
}

function modelOf({ prices, ...model }: UpstreamModelBody): TargetModel {
  const { unbounded, ...bounds } = renamed(ATTACHMENT_BOUNDS, model);
  return {
    name: model.name,
    upstreamName: model.upstream_name ?? model.name,
    serves: [...new Set(model.serves)],
    contextTokens: model.context_tokens,
    // Absent of models that generate nothing.
    outputTokensMax: model.output_tokens_max ?? model.context_tokens,
    ...bounds,
    ...(unbounded === 'settle' ? { unbounded } : {}),
    bytesPerToken: model.bytes_per_token,
    prices: {
      inputNano: prices.input,
      ...(prices.cached_input === undefined ? {} : { cachedInputNano: prices.cached_input }),
      ...(prices.cache_write === undefined ? {} : { cacheWriteNano: prices.cache_write }),
      outputNano: prices.output,
      requestNano: prices.request,
      ...renamed(MEDIA_PRICES, prices),
    },
  };
}

/** null lifts a limit. */
const changedLimit = (before: number | undefined, named: number | null | undefined): number | undefined =>
  named === undefined ? before : (named ?? undefined);

function changedLimits(known: UpstreamLimits, change: CreateUpstreamBody['limits']): UpstreamLimits {
  const concurrency = changedLimit(known.concurrency, change?.concurrency);
  const requestsPerMinute = changedLimit(known.requestsPerMinute, change?.requests_per_minute);
  const tokensPerMinute = changedLimit(known.tokensPerMinute, change?.tokens_per_minute);
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(tokensPerMinute === undefined ? {} : { tokensPerMinute }),
  };
}

const changedTimeouts = (known: UpstreamTimeouts, change: CreateUpstreamBody['timeouts']): UpstreamTimeouts => ({
  connectMs: change?.connect_ms ?? known.connectMs,
  firstTokenMs: change?.first_token_ms ?? known.firstTokenMs,
  idleMs: change?.idle_ms ?? known.idleMs,
  totalMs: change?.total_ms ?? known.totalMs,
});

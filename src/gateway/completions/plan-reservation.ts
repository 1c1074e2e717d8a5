import type { ErrorCode } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { ok } from '../../kernel/result.ts';
import { promptSizeOf } from '../../upstreams/money/prompt-size.ts';
import type { RequestBound } from '../../upstreams/money/request-bound.ts';
import { answerTermsOf, boundOf } from '../../upstreams/money/request-bound.ts';
import type { UpstreamQuantities } from '../../upstreams/money/settlement.ts';
import { NO_QUANTITIES } from '../../upstreams/money/settlement.ts';
import type { Surface } from '../../upstreams/protocol/surfaces.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import type { CallForm } from '../../upstreams/media/form-body.ts';
import { isMedia, mediaBoundOf } from '../../upstreams/media/media-kinds.ts';
import type { Plan, Target, TargetModel } from '../../upstreams/target.ts';

/** A plan whose every target the call can pay for. */
export interface ReservedPlan {
  readonly plan: Plan;
  readonly boundOf: (target: Target) => RequestBound;
  /** Of the prompt and the answers at any of them. */
  readonly tokensMax: number;
}

export interface PlannedRequest {
  readonly surface: Surface;
  readonly body: JsonObject;
  readonly form?: CallForm | undefined;
  /** Takes quota, all or nothing. */
  readonly reserve: (quantities: UpstreamQuantities) => Promise<Outcome<void>>;
}

/** So often less is asked for at most: each time is a call to the quota of the organisation. */
const RESERVATIONS_MAX_COUNT = 4;

/** Refusals after which less may be granted. */
const BEYOND_LIMITS: ReadonlySet<ErrorCode> = new Set(['limit_exceeded', 'rate_limit_exceeded', 'insufficient_quota']);

/**
 * Reserves what a call can cost at the dearest target of its plan, before anything goes out: then no fallback can fail for want of money when its
 * first target has failed already. Where limits do not let that pass, the dearest targets are left out, and the plan is what remains. [U77]
 */
export async function reservePlan(plan: Plan, { reserve, ...request }: PlannedRequest): Promise<Outcome<ReservedPlan>> {
  const bounded = boundsOf(request);
  if (!bounded.ok) return bounded;
  const bounds = new Map<Target, RequestBound>();
  let refused: Outcome<never> | undefined;
  for (const target of plan.groups.flat()) {
    const bound = bounded.value(target.model);
    if (bound.ok) bounds.set(target, bound.value);
    else refused ??= bound;
  }
  for (let times = 0; bounds.size > 0 && times < RESERVATIONS_MAX_COUNT; times += 1) {
    const most = mostOf([...bounds.values()]);
    const reserved = await reserve(most);
    if (reserved.ok) {
      const tokensMax = most.upstream_input_tokens + most.upstream_output_tokens;
      return ok({ plan: withOnly(plan, bounds), boundOf: (target) => must(bounds.get(target), 'a target of the plan'), tokensMax });
    }
    refused = reserved;
    if (!BEYOND_LIMITS.has(reserved.error.code)) break;
    leaveOutDearest(bounds);
  }
  return must(refused, 'a plan has targets');
}

/** What a request can cost at most at each model. */
function boundsOf({ surface, body, form }: Omit<PlannedRequest, 'reserve'>): Outcome<(model: TargetModel) => Outcome<RequestBound>> {
  if (isMedia(surface)) return ok((model) => mediaBoundOf(model, surface, { body, form }));
  const prompt = promptSizeOf(surface, body, utf8(JSON.stringify(body)).byteLength);
  const terms = answerTermsOf(surface, body);
  return terms.ok ? ok((model) => boundOf(model, surface, prompt, terms.value)) : terms;
}

/** What covers each of the bounds. */
const mostOf = (bounds: readonly RequestBound[]): UpstreamQuantities => ({
  ...NO_QUANTITIES,
  upstream_input_tokens: Math.max(...bounds.map(({ inputTokensMax }) => inputTokensMax)),
  upstream_output_tokens: Math.max(...bounds.map(({ outputTokensMax }) => outputTokensMax)),
  upstream_nano: Math.max(...bounds.map(({ nanoMax }) => nanoMax)),
});

/** The targets that cost most, and of equally dear ones those with the most tokens. */
function leaveOutDearest(bounds: Map<Target, RequestBound>): void {
  const nanoMax = Math.max(...[...bounds.values()].map((bound) => bound.nanoMax));
  const dearest = [...bounds].filter(([, bound]) => bound.nanoMax === nanoMax);
  const tokensMax = Math.max(...dearest.map(([, bound]) => tokensOf(bound)));
  for (const [target, bound] of dearest) if (tokensOf(bound) === tokensMax) bounds.delete(target);
}

const tokensOf = ({ inputTokensMax, outputTokensMax }: RequestBound): number => inputTokensMax + outputTokensMax;

const withOnly = (plan: Plan, targets: ReadonlyMap<Target, unknown>): Plan => ({
  ...plan,
  groups: plan.groups.map((group) => group.filter((target) => targets.has(target))).filter(({ length }) => length > 0),
});

import type { z } from 'zod';

import { parseCacheControl } from '../../../src/cache/cache-directives.ts';
import type { ReuseOutcome } from '../../../src/contract/answer-reuse.ts';
import { REUSE_HEADER } from '../../../src/contract/answer-reuse.ts';
import type { completionCacheHeaders } from '../../../src/contract/completions.ts';
import { TTL_HEADER } from '../../../src/contract/cache-headers.ts';
import type { AnswerTerms } from '../../../src/gateway/answer-cache.ts';
import type { CacheReport } from '../../../src/gateway/cache-report.ts';
import { cacheHeaders } from '../../../src/gateway/cache-report.ts';
import { systemTimer } from '../../../durable-objects/system-timer.ts';
import { ERRORS } from '../../../src/contract/errors.ts';
import type { TenantPrincipal } from '../../../src/contract/principal.ts';
import type { LabelledUse } from '../../../src/gateway/budget.ts';
import type { Classified, Completed, CompletionCall, ReuseReport } from '../../../src/gateway/upstreams/completion-call.ts';
import type { Routed } from '../../../src/gateway/upstreams/model-router.ts';
import { targetName } from '../../../src/upstreams/target.ts';
import type { CompletionEnd } from '../../../src/gateway/upstreams/completion-stream.ts';
import type { GuardReport } from '../../../src/gateway/upstreams/guardrails.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { Result } from '../../../src/kernel/result.ts';
import { err } from '../../../src/kernel/result.ts';
import type { UPSTREAM_ENDPOINTS } from '../../../src/contract/upstream-endpoints.ts';
import type { ModelCharge, Settlement, UpstreamQuantities } from '../../../src/upstreams/money/settlement.ts';
import { NO_QUANTITIES, quantitiesOf } from '../../../src/upstreams/money/settlement.ts';
import type { Undispatched } from '../../../src/upstreams/dispatch.ts';
import type { Surface } from '../../../src/upstreams/protocol/exchange.ts';
import type { JsonObject } from '../../../src/upstreams/protocol/json.ts';
import { explainedEvent, explainedText } from '../../../src/upstreams/explained-answer.ts';
import { routeText } from '../../../src/upstreams/route-text.ts';
import type { Timing } from '../../gateway/exchange.ts';
import type { HandlersOf } from '../../gateway/serve.ts';
import type { Upstreams } from '../compose-upstreams.ts';
import { promptedBody } from '../../../src/gateway/upstreams/prompted-body.ts';
import { callOrigin } from '../call-origin.ts';
import { callerCancellation } from '../caller-cancellation.ts';
import { sentEvents } from '../sent-events.ts';
import { shadowCall } from '../shadow-call.ts';

type CacheOptions = z.output<typeof completionCacheHeaders>;

/** What these calls have in common. */
interface Asked {
  readonly gateway: Upstreams;
  readonly principal: TenantPrincipal;
  readonly body: JsonObject;
  readonly request: Request;
  readonly requestId: string;
  readonly timing: Timing;
  readonly options: CacheOptions;
  readonly reserve: CompletionCall['reserve'];
  waitUntil(work: Promise<unknown>): void;
}

/** Takes what a call has consumed, once. */
type Charge = (used: UpstreamQuantities & Classified, besides?: readonly LabelledUse[]) => number;

const JSON_TYPE = 'application/json';
const EVENTS_TYPE = 'text/event-stream';

const answering = (surface: Surface) => async (call: Asked) => {
  const { gateway, principal, body, request, requestId } = call;
  const facts = { surface, requestId, principal, body, requestBytes: Number(request.headers.get('content-length') ?? 0) };
  const logged = gateway.logCall(facts);
  const onSettled = (costNano: number): void => logged.settled(costNano);
  let guarded: GuardReport | undefined;
  const hooks = new HookUse();
  const prompted = await promptedBody(gateway.promptDirectory, principal, surface, body);
  const prompt = prompted.ok ? prompted.value.prompt : undefined;
  logged.prompted(prompt);
  const onGuarded = (report: GuardReport): void => {
    guarded = report;
    logged.guarded(report);
  };
  const shadow: CompletionCall['shadow'] = (serve, settled) =>
    call.waitUntil(shadowCall(gateway, { ...facts, guarded, prompt }, serve, settled));
  const completed: Result<Completed, Undispatched> = prompted.ok
    ? await gateway.completions.complete({ ...admitted(surface, call), ...prompted.value, onGuarded, ...hooks.takers, shadow })
    : err({ refusal: prompted.error, attempts: [] });
  // Grows until the answer has ended.
  const { records = [] } = guarded ?? {};
  for (const { side, hook, elapsedMs } of records) call.timing.note(`guard-${side}-${hook}`, elapsedMs);
  if (!completed.ok) {
    const { refusal, attempts, besides } = completed.error;
    logged.ended({ status: ERRORS[refusal.code].status, code: refusal.code, attempts });
    return { ok: false as const, error: refusal, used: hooks.used(), besides: labelledUses(hooks.beside(besides)), onSettled };
  }
  const { target, answer, settle, routed } = completed.value;
  const withHooks = (): Completed => ({ ...completed.value, besides: hooks.beside(completed.value.besides) });
  const isExplained = routed !== undefined && (body['explain'] === true || request.headers.has('x-sluice-explain'));
  const model = targetName(target);
  const headers = { 'x-sluice-model': model, ...promptHeader(prompt), ...servingHeaders(completed.value) };
  if (answer.kind === 'whole') {
    const settlement = settle(answer.end);
    const whole = withHooks();
    const served = servedFacts(whole);
    const settled = { used: hooks.used(settlement), besides: labelledUses(whole.besides), model, onSettled };
    const { blocked } = answer;
    if (blocked !== undefined) {
      logged.ended({ ...served, status: ERRORS[blocked.code].status, code: blocked.code }, settlement);
      return { ok: false as const, error: blocked, ...settled };
    }
    logged.answered(utf8(answer.text));
    logged.ended(served, settlement);
    const reply = {
      contentType: JSON_TYPE,
      body: isExplained ? explainedText(answer.text, explanationOf(routed, completed.value)) : answer.text,
    };
    return { ok: true as const, reply, headers, ...settled };
  }
  const { stream, ended } = answer;
  // Settled also when the caller goes away: the platform then lets the call finish.
  const settlesLater = (charge: Charge): void =>
    call.waitUntil(
      ended.then((end) => {
        const settlement = settle(end);
        const isBlocked = records.some(({ outcome }) => outcome === 'blocked');
        const code = isBlocked ? 'guardrail_blocked' : brokenBy(end) ? 'upstream_failed' : undefined;
        const whole = withHooks();
        const served = servedFacts(whole);
        logged.ended(code === undefined ? served : { ...served, code }, settlement);
        return onSettled(charge(hooks.used(settlement), labelledUses(whole.besides)));
      }),
    );
  const first = isExplained ? explainedEvent(surface, requestId, explanationOf(routed, completed.value)) : undefined;
  const onPiece = (piece: Uint8Array): void => logged.answered(piece);
  const reply = { contentType: EVENTS_TYPE, body: sentEvents(stream, { timer: systemTimer, clock: gateway.clock, first, onPiece }) };
  return { ok: true as const, reply, used: { ...NO_QUANTITIES, embedding_tokens: 0 }, settlesLater, model, headers };
};

/** What the hooks of a call have consumed: they may ask models until its answer has ended. */
class HookUse {
  readonly takers: Pick<CompletionCall, 'onClassified' | 'onModerated'> = {
    onClassified: (tokens) => void (this.#classifiedTokens += tokens),
    onModerated: (charge) => void this.#moderated.push(charge),
  };
  readonly #moderated: ModelCharge[] = [];
  #classifiedTokens = 0;

  /** With what the call itself has consumed; absent: nothing. */
  used(settlement?: Settlement): UpstreamQuantities & Classified {
    return { ...(settlement === undefined ? NO_QUANTITIES : quantitiesOf(settlement)), embedding_tokens: this.#classifiedTokens };
  }

  /** With what other models are charged for the call besides. */
  beside(charges: readonly ModelCharge[] = []): readonly ModelCharge[] {
    return [...charges, ...this.#moderated];
  }
}

/** The call as it was admitted, but for what it says. */
const admitted = (surface: Surface, { principal, request, requestId, reserve, options }: Asked) => ({
  surface,
  headers: anthropicHeaders(request.headers),
  principal,
  requestId,
  origin: callOrigin(request),
  cancellation: callerCancellation(request),
  reserve,
  cacheTerms: termsOf(options),
  acceptsCandidate: options[REUSE_HEADER] !== undefined,
});

const servingHeaders = (completed: Completed) => ({
  'x-sluice-route': routeText(completed),
  ...(completed.cache === undefined ? {} : cacheHeaders(completed.cache)),
  ...reuseHeaders(completed.reuse),
});

/** How the answer was reused, and the candidate: by the id of the call that it was made for. */
function reuseHeaders({ outcome, candidate }: Partial<ReuseReport> = {}): Record<string, string> {
  if (outcome === undefined) return {};
  if (candidate === undefined) return { [REUSE_HEADER]: outcome };
  const { requestId, similarity, confidence } = candidate;
  const sure = Number.isNaN(confidence) ? '' : `; confidence=${confidence.toFixed(3)}`;
  return { [REUSE_HEADER]: outcome, 'x-sluice-answer-candidate': `${requestId}; similarity=${similarity.toFixed(3)}${sure}` };
}

/** What served a call, for its log. */
const servedFacts = ({ target, plan, attempts, cache, savedNano, reuse, besides = [] }: Completed) => ({
  status: 200,
  target,
  plan,
  attempts,
  besidesNano: besides.reduce((sum, { settlement }) => sum + settlement.nano, 0),
  cache: usedCache(cache),
  ...(savedNano === undefined ? {} : { savedNano }),
  ...(reuse === undefined ? {} : { reuse }),
});

/** What a route has decided, and then a cascade of it, or the reuse of answers. */
const explanationOf = (routed: Routed, { cascade, reuse }: Completed) => ({
  ...routed.explain(),
  ...(reuse?.outcome === undefined || reuse.candidate === undefined ? {} : { reuse: explainedReuse(reuse.outcome, reuse.candidate) }),
  ...(cascade === undefined
    ? {}
    : { cascade: { ...cascade, confidence: finite(cascade.confidence), threshold: finite(cascade.threshold) } }),
});

const explainedReuse = (outcome: ReuseOutcome, candidate: NonNullable<ReuseReport['candidate']>) => {
  const { requestId: request, confidence, ...rest } = candidate;
  return { outcome, request, ...rest, confidence: finite(confidence) };
};

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

const labelledUses = (charges: readonly ModelCharge[] = []): LabelledUse[] =>
  charges.map(({ target, settlement }) => ({ used: quantitiesOf(settlement), model: targetName(target) }));

/** What the call asks of the cache, if it wants one. */
function termsOf({ [TTL_HEADER]: ttlMs, 'cache-control': cacheControl, 'cache-tag': tags }: CacheOptions): AnswerTerms | undefined {
  return ttlMs === undefined ? undefined : { ttlMs, directives: parseCacheControl(cacheControl), tags };
}

function usedCache(report: CacheReport | undefined): 'bypass' | 'hit' | 'miss' {
  if (report === undefined) return 'bypass';
  return report.forwarded === undefined ? 'hit' : 'miss';
}

const promptHeader = (prompt: string | undefined) => (prompt === undefined ? {} : { 'x-sluice-prompt': prompt });

/** Whether the upstream is why the answer is not whole. */
const brokenBy = ({ end }: CompletionEnd): boolean => end !== 'whole' && end !== 'cancelled';

function anthropicHeaders(headers: Headers): Record<string, string> {
  const named = ['anthropic-version', 'anthropic-beta'].map((name) => [name, headers.get(name)] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== null)) as Record<string, string>;
}

export const completionHandlers = {
  createChatCompletion: answering('chat'),
  createCompletion: answering('completions'),
  createResponse: answering('responses'),
  createMessage: answering('messages'),
  createUpstreamEmbeddings: answering('embeddings'),
  createUpstreamRanking: answering('rerank'),
  createModeration: answering('moderations'),
} satisfies Partial<HandlersOf<typeof UPSTREAM_ENDPOINTS>>;

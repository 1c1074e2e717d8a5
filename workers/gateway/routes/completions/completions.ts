import type { z } from 'zod';

import { parseCacheControl } from '../../../../src/cache/cache-directives.ts';
import { REUSE_HEADER } from '../../../../src/contract/routes/answer-reuse.ts';
import type { completionCacheHeaders } from '../../../../src/contract/completions/completions.ts';
import { TTL_HEADER } from '../../../../src/contract/api/cache-headers.ts';
import type { AnswerTerms } from '../../../../src/gateway/caches/answer-cache.ts';
import type { CacheReport } from '../../../../src/gateway/caches/cache-report.ts';
import { cacheHeaders } from '../../../../src/gateway/caches/cache-report.ts';
import { systemTimer } from '../../../../durable-objects/system-time.ts';
import type { ErrorCode, Refusal } from '../../../../src/contract/api/errors.ts';
import { statusOf } from '../../../../src/contract/api/errors.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import type { Authority } from '../../../../src/contract/tenancy/write-lease.ts';
import type { LabelledUse } from '../../../../src/gateway/tenancy/budget.ts';
import type { Classified } from '../../../../src/gateway/completions/added-use.ts';
import { AddedUse } from '../../../../src/gateway/completions/added-use.ts';
import { explainedReuse } from '../../../../src/gateway/completions/completion-call.ts';
import type { Keeping } from '../../../../src/gateway/completions/stored-answers.ts';
import type { Completed, CompletionCall, ReuseReport, Uncompleted } from '../../../../src/gateway/completions/completion-call.ts';
import { brokenBy } from '../../../../src/gateway/requests/logged-call.ts';
import type { LoggedCall, LoggedCallFacts } from '../../../../src/gateway/requests/logged-call.ts';
import { targetName } from '../../../../src/upstreams/target.ts';
import type { CompletionEnd } from '../../../../src/gateway/completions/answer-pieces.ts';
import type { GuardReport } from '../../../../src/gateway/guardrails/guardrails.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import type { completionEndpoints } from '../../../../src/contract/completions/completions.ts';
import type { ModelCharge, UpstreamQuantities } from '../../../../src/upstreams/money/settlement.ts';
import { NO_QUANTITIES, quantitiesOf } from '../../../../src/upstreams/money/settlement.ts';
import type { CallForm } from '../../../../src/upstreams/media/form-body.ts';
import type { Surface } from '../../../../src/upstreams/protocol/surfaces.ts';
import { SURFACES } from '../../../../src/upstreams/protocol/surfaces.ts';
import type { TokenInput } from '../../../../src/upstreams/protocol/token-input.ts';
import { errorEvent } from '../../../../src/upstreams/protocol/surface-errors.ts';
import type { JsonObject } from '../../../../src/upstreams/protocol/json.ts';
import { explainedEvent, explainedText } from '../../../../src/upstreams/explained-answer.ts';
import { routeText } from '../../../../src/upstreams/route-text.ts';
import type { Timing } from '../../pipeline/exchange.ts';
import type { HandlersOf } from '../../pipeline/serve.ts';
import type { Upstreams } from '../../compose-upstreams.ts';
import { textInput } from '../../../../src/gateway/completions/text-input.ts';
import { promptedBody } from '../../../../src/gateway/prompts/prompted-body.ts';
import { callOrigin } from './call-origin.ts';
import { callCancellation, rightCancellation } from './call-cancellation.ts';
import { sentBytes } from './sent-bytes.ts';
import { sentEvents } from './sent-events.ts';
import { shadowCall } from './shadow-call.ts';

type CacheOptions = z.output<typeof completionCacheHeaders>;

/** A request to one of these endpoints. */
export interface Asked {
  readonly gateway: Upstreams;
  readonly principal: TenantPrincipal;
  readonly authority: Authority;
  readonly body: JsonObject;
  /** What goes with it where it came as a form. */
  readonly form?: CallForm;
  readonly request: Request;
  readonly requestId: string;
  readonly timing: Timing;
  readonly options: Partial<CacheOptions> & { readonly 'x-sluice-priority'?: number | undefined };
  readonly reserve: CompletionCall['reserve'];
  waitUntil(work: Promise<unknown>): void;
}

/** A request while it is answered, with what has come of it so far. */
interface Answering {
  readonly surface: Surface;
  readonly call: Asked;
  readonly facts: LoggedCallFacts;
  readonly logged: LoggedCall;
  /** The prompt whose messages the request has, as `name@version`. */
  readonly prompt: string | undefined;
  /** Undefined: the answer is not stored. */
  readonly keeping: Keeping | undefined;
  readonly added: AddedUse;
  /** Undefined: the route has no guardrails, or they have not judged the request yet. */
  guarded: GuardReport | undefined;
}

/** Charges the caller what a stream has consumed, once; answers the cost in nano-dollars. */
type Charge = (used: UpstreamQuantities & Classified, besides?: readonly LabelledUse[]) => number;
type WholeAnswer = Extract<Completed['answer'], { readonly kind: 'whole' }>;
type StreamedAnswer = Extract<Completed['answer'], { readonly kind: 'stream' }>;

const JSON_TYPE = 'application/json';
const EVENTS_TYPE = 'text/event-stream';

export const answering = (surface: Surface) => async (call: Asked, tokenInput?: TokenInput) => {
  const { gateway, principal, body, request, requestId } = call;
  const facts = { surface, requestId, principal, body, requestBytes: Number(request.headers.get('content-length') ?? 0) };
  const logged = gateway.logCall(facts);
  const opened = await gateway.stored.open(call, surface, body);
  const prompted = opened.ok ? await promptedBody(gateway.promptDirectory, principal, surface, opened.value.body) : opened;
  const prompt = prompted.ok ? prompted.value.prompt : undefined;
  logged.prompted(prompt);
  const keeping = opened.ok ? opened.value.keeping : undefined;
  const state: Answering = { surface, call, facts, logged, prompt, keeping, added: new AddedUse(), guarded: undefined };
  if (!prompted.ok) return refused(state, { refusal: prompted.error, attempts: [] });
  const completed = await gateway.completions.complete({
    ...admitted(surface, call),
    ...(tokenInput && { tokenInput }),
    ...prompted.value,
    ...observing(state),
  });
  for (const { side, hook, elapsedMs } of recordsOf(state)) call.timing.note(`guard-${side}-${hook}`, elapsedMs);
  if (!completed.ok) return refused(state, completed.error);
  const { answer } = completed.value;
  return answer.kind === 'whole' ? whole(state, completed.value, answer) : streamed(state, completed.value, answer);
};

/** Notes what guardrails do to the call and consume, and makes calls in the background for it. */
const observing = (state: Answering): Pick<CompletionCall, 'onGuarded' | 'added' | 'shadow'> => ({
  added: state.added,
  onGuarded(report) {
    state.guarded = report;
    state.logged.guarded(report);
  },
  shadow(serve, settled) {
    const { call, facts, guarded, prompt } = state;
    const { end } = call.authority;
    const letGo = end?.hold();
    const shadow = { facts: { ...facts, guarded, prompt }, serve, onSettled: settled, cancellation: rightCancellation(end) };
    call.waitUntil(shadowCall(call.gateway, shadow).finally(letGo));
  },
});

/** Nothing has served the call, or the caller may no longer have what has: it costs what hooks and judging have consumed. */
function refused({ call, logged, added }: Answering, { refusal: found, besides, ...tried }: Uncompleted) {
  const refusal = call.authority.end?.refusal ?? found;
  const beside = added.beside(besides);
  logged.ended({ status: statusOf(refusal), code: refusal.code, besides: beside, ...tried });
  const settled = { used: added.used(), besides: labelledUses(beside), onSettled: settledIn(logged) };
  return { ok: false as const, error: refusal, ...settled };
}

/** An answer in one piece, which is settled before it is sent. */
async function whole(
  { added, logged, ...state }: Answering,
  completed: Completed,
  { end, text, contentType = JSON_TYPE, blocked: judged }: WholeAnswer,
) {
  const blocked = state.call.authority.end?.refusal ?? judged;
  const settlement = completed.settle(end);
  const besides = added.beside(completed.besides);
  const served = servedFacts({ ...completed, besides });
  const settled = {
    used: added.used(settlement),
    besides: labelledUses(besides),
    model: targetName(completed.target),
    onSettled: settledIn(logged),
  };
  if (blocked !== undefined) {
    logged.ended({ ...served, status: statusOf(blocked), code: blocked.code }, settlement);
    return { ok: false as const, error: blocked, ...settled };
  }
  const said = (await state.keeping?.whole(text)) ?? text;
  logged.answered(utf8(said));
  logged.ended(served, settlement);
  const explanation = contentType === JSON_TYPE ? explanationFor(state.call, completed) : undefined;
  const body = explanation === undefined ? said : explainedText(said, explanation);
  return { ok: true as const, reply: { contentType, body }, headers: headersOf(state.prompt, completed), ...settled };
}

/** A stream, which is settled once it has ended; also when the caller goes away: the platform then lets the call finish. */
async function streamed(state: Answering, completed: Completed, { stream: answered, ended, contentType = EVENTS_TYPE }: StreamedAnswer) {
  const { surface, call, logged, added, prompt, keeping } = state;
  const stream = keeping?.stream(answered) ?? answered;
  const { end: right } = call.authority;
  const letGo = right?.hold();
  const settlesLater = async (charge: Charge): Promise<ErrorCode | undefined> => {
    const end = await ended;
    letGo?.();
    const settlement = completed.settle(end);
    const besides = added.beside(completed.besides);
    const code = failureOf(state, end);
    const failed = code === undefined ? {} : brokenBy(code);
    logged.ended({ ...servedFacts({ ...completed, besides }), ...failed }, settlement);
    logged.settled(charge(added.used(settlement), labelledUses(besides)));
    return code;
  };
  const onPiece = (piece: Uint8Array): void => logged.answered(piece);
  const { target } = completed;
  const used = { ...NO_QUANTITIES, embedding_tokens: 0 };
  const settled = { used, settlesLater, model: targetName(target), headers: headersOf(prompt, completed) };
  if (contentType !== EVENTS_TYPE)
    return { ok: true as const, reply: { contentType, body: sentBytes(stream, onPiece, right) }, ...settled };
  const explanation = explanationFor(call, completed);
  const first = explanation === undefined ? undefined : explainedEvent(surface, call.requestId, explanation);
  const passed = await stream.pass?.({ first, onPiece, calledOff: () => right?.refusal });
  call.gateway.metrics.count('sluice_streams_total', { how: passed === undefined ? 'relayed' : 'passed' });
  const { dialect } = SURFACES[surface];
  const whyEnded = (why: Refusal): Uint8Array => utf8(errorEvent(dialect, why, call.requestId));
  const ending = right && { end: right, whyEnded };
  const relaying = { timer: systemTimer, clock: call.gateway.clock, first, onPiece, right: ending };
  const body = (passed as ReadableStream | undefined) ?? sentEvents(stream, relaying);
  return { ok: true as const, reply: { contentType, body }, ...settled };
}

const settledIn =
  (logged: LoggedCall) =>
  (costNano: number): void =>
    logged.settled(costNano);

/** What hooks have done to the call: more of them until the answer has ended. */
const recordsOf = ({ guarded }: Answering) => guarded?.records ?? [];

/** Why the caller did not get all of a stream; undefined: it did, or has left. */
function failureOf(state: Answering, { end }: CompletionEnd): ErrorCode | undefined {
  const { refusal } = state.call.authority.end ?? {};
  if (refusal !== undefined && end !== 'whole') return refusal.code;
  if (recordsOf(state).some(({ outcome }) => outcome === 'blocked')) return 'guardrail_blocked';
  return end === 'whole' || end === 'cancelled' ? undefined : 'upstream_failed';
}

/** The call without its body, as it was admitted. */
const admitted = (surface: Surface, { principal, authority, request, requestId, reserve, options, form }: Asked) => ({
  surface,
  headers: anthropicHeaders(request.headers),
  principal,
  requestId,
  origin: callOrigin(request),
  cancellation: callCancellation(request, authority.end),
  reserve,
  form,
  cacheTerms: termsOf(options),
  acceptsCandidate: options[REUSE_HEADER] !== undefined,
});

const headersOf = (prompt: string | undefined, completed: Completed) => ({
  'x-sluice-model': targetName(completed.target),
  ...(prompt === undefined ? {} : { 'x-sluice-prompt': prompt }),
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

/** What has served a call, for its log. */
const servedFacts = ({ target, plan, attempts, cache, savedNano, reuse, besides = [] }: Completed) => ({
  status: 200,
  target,
  plan,
  attempts,
  besides,
  cache: usedCache(cache),
  ...(savedNano === undefined ? {} : { savedNano }),
  ...(reuse === undefined ? {} : { reuse }),
});

/** What the route has decided, and a cascade or the reuse of answers, if the caller has asked to be shown it. */
function explanationFor({ body, request, principal }: Asked, { routed, cascade, reuse }: Completed) {
  if (routed === undefined || (body['explain'] !== true && !request.headers.has('x-sluice-explain'))) return undefined;
  return {
    ...routed.explain(),
    reuse: explainedReuse(principal, reuse),
    ...(cascade === undefined
      ? {}
      : { cascade: { ...cascade, confidence: finite(cascade.confidence), threshold: finite(cascade.threshold) } }),
  };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

const labelledUses = (charges: readonly ModelCharge[] = []): LabelledUse[] =>
  charges.map(({ target, settlement }) => ({ used: quantitiesOf(settlement), model: targetName(target) }));

/** What the call asks of the cache, if it wants one. */
function termsOf({
  [TTL_HEADER]: ttlMs,
  'cache-control': cacheControl,
  'cache-tag': tags = [],
}: Partial<CacheOptions>): AnswerTerms | undefined {
  return ttlMs === undefined ? undefined : { ttlMs, directives: parseCacheControl(cacheControl), tags };
}

function usedCache(report: CacheReport | undefined): 'bypass' | 'hit' | 'miss' {
  if (report === undefined) return 'bypass';
  return report.forwarded === undefined ? 'hit' : 'miss';
}

/** What an upstream of Anthropic's protocol is told besides the body. */
export function anthropicHeaders(headers: Headers): Record<string, string> {
  const named = ['anthropic-version', 'anthropic-beta'].map((name) => [name, headers.get(name)] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== null)) as Record<string, string>;
}

export const completionHandlers = {
  createChatCompletion: answering('chat'),
  createCompletion: answering('completions'),
  createResponse: answering('responses'),
  createMessage: answering('messages'),
  createUpstreamEmbeddings: async (call) => {
    const input = await textInput(call.gateway.tokenTexts, call.body);
    return input.ok ? answering('embeddings')({ ...call, body: input.value.body }, input.value.tokenInput) : input;
  },
  createUpstreamRanking: answering('rerank'),
  createModeration: answering('moderations'),
} satisfies HandlersOf<typeof completionEndpoints>;

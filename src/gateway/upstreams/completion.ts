import { joinedBytes } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import { LIMITS } from '../../contract/limits.ts';
import { utf8Text } from '../../contract/json-text.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { Refusal } from '../../contract/errors.ts';
import type { TenantPrincipal } from '../../contract/principal.ts';
import { urgencyOf } from '../../upstreams/call-urgency.ts';
import type { AttemptRecord, Dispatched, Dispatcher, Undispatched } from '../../upstreams/dispatch.ts';
import type { GuardrailPolicy } from '../../upstreams/guardrails/guardrail-policy.ts';
import type { Settlement, UpstreamQuantities } from '../../upstreams/money/settlement.ts';
import { settlementOf } from '../../upstreams/money/settlement.ts';
import type { AnswerStream } from '../../upstreams/protocol/answer-stream.ts';
import type { Exchange, SurfaceCall } from '../../upstreams/protocol/exchange.ts';
import { Exchanges, mayBegin, SURFACES } from '../../upstreams/protocol/exchange.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import { prefixKeyOf } from '../../upstreams/prefix-key.ts';
import { rejectionOf } from '../../upstreams/protocol/surface-errors.ts';
import type { Usage } from '../../upstreams/protocol/usage.ts';
import type { VisibleTargets } from '../../upstreams/resolve.ts';
import { resolve } from '../../upstreams/resolve.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import type { BodyReader, Cancellation, TransportFault, UpstreamTransport } from '../../upstreams/transport.ts';
import { requestNanoAt, usd } from '../../tenancy/usage/price-book.ts';
import type { AnswerTerms } from '../answer-cache.ts';
import type { CacheReport } from '../cache-report.ts';
import type { AnswerPieces, CompletionEnd } from './completion-stream.ts';
import type { CallOrigin, ModelRouter, Routed } from './model-router.ts';
import { CompletionStream } from './completion-stream.ts';
import type { GuardReport } from './guardrails.ts';
import { reservePlan } from './plan-reservation.ts';

export interface CompletionParts {
  readonly targets: (principal: TenantPrincipal) => Promise<Outcome<VisibleTargets>>;
  readonly router: Pick<ModelRouter, 'plan'>;
  readonly dispatcher: Dispatcher;
  readonly transport: UpstreamTransport;
  readonly clock: Clock;
  readonly cache: CompletionAnswers;
  readonly guard: CompletionGuard;
}

/** Gives answers again. `serve` asks the targets of the plan. */
export interface CompletionAnswers {
  complete(
    call: CompletionCall,
    plan: Plan,
    terms: AnswerTerms,
    serve: () => Promise<Result<Completed, Undispatched>>,
  ): ReturnType<typeof serve>;
}

/** Judges a call by the guardrails of its route. `serve` gets the body as it may go out. */
export interface CompletionGuard {
  complete(
    policy: GuardrailPolicy,
    call: CompletionCall,
    serve: (body: JsonObject) => Promise<Result<Completed, Undispatched>>,
  ): ReturnType<typeof serve>;
}

/** A call to an upstream, as it was admitted. */
export interface CompletionCall extends Omit<SurfaceCall, 'nowMs'> {
  readonly principal: TenantPrincipal;
  readonly requestId: string;
  /** The prompt whose messages the body has, as `name@version`. */
  readonly prompt?: string | undefined;
  readonly origin: CallOrigin;
  readonly cancellation: Cancellation;
  /** Takes quota, all or nothing. */
  readonly reserve: (quantities: UpstreamQuantities) => Promise<Outcome<void>>;
  /** What the call asks of the cache; absent: nothing. */
  readonly cacheTerms: AnswerTerms | undefined;
  /** Takes what the guardrails of the route do, once they have judged the request. */
  readonly onGuarded: (report: GuardReport) => void;
}

export interface Completed {
  readonly target: Target;
  readonly plan: Plan;
  /** Absent: the call names a model. */
  readonly routed?: Routed | undefined;
  readonly attempts: readonly AttemptRecord[];
  /** What the call is charged, by what it has come to. */
  readonly settle: (end: CompletionEnd) => Settlement;
  /** What the cache did; absent: it was not asked. */
  readonly cache?: CacheReport;
  /** The answer came from the cache: what it was charged when it was made. */
  readonly savedNano?: number;
  readonly answer:
    | {
        readonly kind: 'whole';
        readonly text: string;
        readonly end: CompletionEnd;
        /** Why the caller does not get the text. */
        readonly blocked?: Refusal;
      }
    | { readonly kind: 'stream'; readonly stream: AnswerPieces; readonly ended: Promise<CompletionEnd> };
}

/**
 * A call to a model that others serve, from its plan to the last byte of its answer: resolved, translated, dispatched, passed on. Each stage
 * decides one thing and knows nothing of the others.
 */
export class Completions {
  readonly #parts: CompletionParts;

  constructor(parts: CompletionParts) {
    this.#parts = parts;
  }

  /** Refuses with the attempts that were made. */
  async complete(asked: CompletionCall): Promise<Result<Completed, Undispatched>> {
    const nowMs = this.#parts.clock.nowMs();
    const found = await this.#planOf(asked, nowMs);
    if (!found.ok) return unserved(found.error, []);
    const policy = found.value.routed?.guardrails;
    if (policy === undefined) return this.#answered(found.value, nowMs);
    return this.#parts.guard.complete(policy, found.value.call, (body) => {
      const call = { ...found.value.call, body };
      return this.#answered({ ...found.value, call, exchanges: new Exchanges({ ...call, nowMs }) }, nowMs);
    });
  }

  /** From the cache, if the call asks for that, else from a target of the plan. */
  async #answered(planned: PlannedCall, nowMs: number): Promise<Result<Completed, Undispatched>> {
    const { call, plan, routed } = planned;
    const serve = () => this.#serve(planned, nowMs);
    if (call.cacheTerms === undefined) return serve();
    const answered = await this.#parts.cache.complete(call, plan, call.cacheTerms, serve);
    return answered.ok ? ok({ ...answered.value, routed }) : answered;
  }

  async #serve({ call, exchanges, plan, routed }: PlannedCall, nowMs: number): Promise<Result<Completed, Undispatched>> {
    const { clock, dispatcher, transport } = this.#parts;
    const reserved = await reservePlan(plan, call);
    if (!reserved.ok) return unserved(reserved.error, []);
    const { plan: payable, boundOf } = reserved.value;
    const streams = call.body['stream'] === true;
    const exchangeWith = (target: Target): Exchange => exchanges.with(target, boundOf(target).answerTokensMax);
    const { priority, deadlineMs } = urgencyOf(call.body, call.origin.headers);
    const prefixKey = payable.groups.some(({ length }) => length > 1)
      ? prefixKeyOf(call.surface, call.body, call.principal.tenantId)
      : undefined;
    const dispatched = await dispatcher.dispatch(
      payable,
      (target, cancellation) => transport.open(target, exchangeWith(target).request, cancellation),
      {
        tokensMax: reserved.value.tokensMax,
        priority,
        ...(deadlineMs === undefined ? {} : { deadlineMs: nowMs + deadlineMs }),
        ...(prefixKey === undefined ? {} : { prefixKey }),
        mayHedge: HEDGED.has(call.surface),
        cancellation: call.cancellation,
        accepts: (_, opened, piece) => mayBegin(opened.headers, streams, piece),
      },
    );
    const elapsedMs = clock.nowMs() - nowMs;
    const count = (end: CompletionEnd['end']): void => {
      if (end !== 'cancelled' && !call.cancellation.isCancelled) routed?.ended(end !== 'whole', elapsedMs);
    };
    if (!dispatched.ok) {
      count(BROKEN);
      return dispatched;
    }
    const { target, attempts, opened } = dispatched.value;
    if (opened.status >= 400) return unserved(await rejectionBy(dispatched.value), attempts);
    const exchange = exchangeWith(target);
    const settle = ({ usage, textBytes, end }: CompletionEnd): Settlement =>
      settlementOf(target.model, boundOf(target), { usage, textBytes, isWhole: end === 'whole' });
    const completed = { target, plan: payable, routed, attempts, settle };
    if (streams) {
      const costNano = (usage: Usage): number => settle({ target, usage, textBytes: 0, end: 'whole' }).nano + requestNanoAt(nowMs);
      const stream = exchange.stream((usage) => ({ cost_usd: usd(costNano(usage)) }));
      return ok({ ...completed, answer: streamedAnswer(dispatched.value, stream, call, ({ end }) => count(end)) });
    }
    const answer = await wholeAnswer(dispatched.value, exchange);
    count(answer.ok ? 'whole' : BROKEN);
    return answer.ok ? ok({ ...completed, answer: answer.value }) : unserved(answer.error, attempts);
  }

  /** The route that the model of the call names, else the model itself: what goes out, and to which targets it can be said. */
  async #planOf(asked: CompletionCall, nowMs: number): Promise<Outcome<PlannedCall>> {
    const visible = await this.#parts.targets(asked.principal);
    if (!visible.ok) return visible;
    const found = await this.#parts.router.plan(asked, [...visible.value.own, ...visible.value.platform]);
    if (!found.ok) return found;
    const routed = found.value;
    const call = routed === undefined ? asked : { ...asked, body: routedBody(asked, routed) };
    const exchanges = new Exchanges({ ...call, nowMs });
    const plan = fittingPlan(
      routed === undefined ? resolve(visible.value, String(call.body['model']), call.surface) : ok(routed.plan),
      exchanges,
    );
    return plan.ok ? ok({ call, exchanges, plan: plan.value, routed }) : plan;
  }
}

/** A call as it goes out, and where. */
interface PlannedCall {
  readonly call: CompletionCall;
  readonly exchanges: Exchanges;
  readonly plan: Plan;
  readonly routed: Routed | undefined;
}

const BROKEN: TransportFault = { kind: 'fault', fault: 'broken' };

/** The targets to which the call can be said. Refused where there are some, but none of that kind. */
function fittingPlan(plan: Outcome<Plan>, exchanges: Exchanges): Outcome<Plan> {
  if (!plan.ok) return plan;
  const checked = plan.value.groups.map((targets) => targets.map((target) => ({ target, can: exchanges.check(target) })));
  const groups = checked
    .map((targets) => targets.filter(({ can }) => can.ok).map(({ target }) => target))
    .filter(({ length }) => length > 0);
  const first = checked[0]?.[0]?.can;
  if (groups.length === 0 && first !== undefined && !first.ok) return first;
  return ok({ ...plan.value, groups });
}

/** What goes out of a call that a route serves: `explain` is for Sluice, and the route may allow fewer tokens than the call. */
function routedBody({ surface, body }: CompletionCall, { outputTokensMax: most }: Routed): JsonObject {
  const { explain: _, ...rest } = body;
  const { outputLimits } = SURFACES[surface];
  if (most === undefined || outputLimits.length === 0) return rest;
  const given = outputLimits.filter((name) => typeof rest[name] === 'number');
  const limited = given.length === 0 ? outputLimits.slice(0, 1) : given;
  return { ...rest, ...Object.fromEntries(limited.map((name) => [name, Math.min(Number(rest[name] ?? most), most)])) };
}

/** Calls that change nothing and cost no tokens of an answer: two targets may be asked at once. */
const HEDGED: ReadonlySet<string> = new Set(['embeddings', 'rerank', 'moderations']);

const UNSET = (): void => undefined;

function streamedAnswer(
  dispatched: Dispatched,
  answer: AnswerStream,
  { requestId }: CompletionCall,
  count: (end: CompletionEnd) => void,
): Completed['answer'] {
  let onEnd: (end: CompletionEnd) => void = UNSET;
  const ended = new Promise<CompletionEnd>((finish) => {
    onEnd = (end) => {
      count(end);
      finish(end);
    };
  });
  return { kind: 'stream', stream: new CompletionStream(dispatched, answer, requestId, onEnd), ended };
}

const unserved = (reason: Refusal, attempts: readonly AttemptRecord[]) => err({ refusal: reason, attempts });

/** What an upstream says that has refused the request itself. */
async function rejectionBy(dispatched: Dispatched): Promise<Refusal> {
  const { opened } = dispatched;
  const text = await textOf(opened.body, LIMITS.upstreamErrorBytesMax);
  dispatched.finish('whole');
  return rejectionOf(opened.status, typeof text === 'string' ? text : '');
}

async function wholeAnswer(dispatched: Dispatched, exchange: Exchange): Promise<Outcome<Completed['answer'] & { readonly kind: 'whole' }>> {
  const { target, opened } = dispatched;
  const text = await textOf(opened.body, LIMITS.upstreamAnswerBytesMax);
  if (typeof text !== 'string') {
    dispatched.finish(text);
    return refuse('upstream_failed', `the upstream ${target.upstream} broke off its answer: ${text.fault}`);
  }
  const answer = exchange.whole(text);
  if (answer === undefined) {
    dispatched.finish({ kind: 'fault', fault: 'garbage' });
    return refuse('upstream_failed', `the upstream ${target.upstream} answered what is no JSON object`);
  }
  const { usage } = answer;
  dispatched.finish('whole', usage === undefined ? undefined : usage.inputTokens + usage.outputTokens);
  const end: CompletionEnd = { target, usage, textBytes: text.length, end: 'whole' };
  return ok({ kind: 'whole', text: answer.text, end });
}

/** A body as text. One that is larger than `bytesMax`, or no UTF-8, is no answer. */
async function textOf(body: BodyReader, bytesMax: number): Promise<string | TransportFault> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const piece = await body.read();
    if (piece === undefined) return utf8Text(joinedBytes(pieces)) ?? { kind: 'fault', fault: 'garbage' };
    if ('kind' in piece) return piece;
    bytes += piece.length;
    if (bytes > bytesMax) {
      body.cancel();
      return { kind: 'fault', fault: 'garbage' };
    }
    pieces.push(piece);
  }
}

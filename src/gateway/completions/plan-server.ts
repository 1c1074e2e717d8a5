import type { Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import { requestNanoAt, usd } from '../../tenancy/usage/price-book.ts';
import { urgencyOf } from '../../upstreams/call-urgency.ts';
import type { AttemptRecord, Dispatched, Dispatcher, Undispatched } from '../../upstreams/dispatch.ts';
import { promptTextOf } from '../../upstreams/money/prompt-text.ts';
import type { RequestBound } from '../../upstreams/money/request-bound.ts';
import type { Settlement } from '../../upstreams/money/settlement.ts';
import { excessOf, settlementOf } from '../../upstreams/money/settlement.ts';
import type { AnswerForm } from '../../upstreams/media/media-kinds.ts';
import { isMedia } from '../../upstreams/media/media-kinds.ts';
import { prefixKeyOf } from '../../upstreams/prefix-key.ts';
import type { AnswerNotes } from '../../upstreams/protocol/answer-notes.ts';
import type { Exchange, Exchanges } from '../../upstreams/protocol/exchange.ts';
import { answerFormOf, mayBegin } from '../../upstreams/protocol/exchange.ts';
import { SURFACES } from '../../upstreams/protocol/surfaces.ts';
import { bodyText } from '../../upstreams/body-text.ts';
import { refusalBy, refusalByBeginning } from '../../upstreams/protocol/upstream-error.ts';
import type { Usage } from '../../upstreams/protocol/usage.ts';
import { PassBudget } from '../../upstreams/serving/pass-budget.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import { withReplicas } from '../../upstreams/target.ts';
import type { BodyReader, Opened, TransportFault, UpstreamRequest, UpstreamTransport } from '../../upstreams/transport.ts';
import type { Completed, CompletionCall } from './completion-call.ts';
import type { CompletionEnd, UncountedEnd } from './answer-pieces.ts';
import type { ReplicaGroups } from '../upstreams/replica-groups.ts';
import { BytesCompletion } from './bytes-completion.ts';
import { CompletionStream } from './completion-stream.ts';
import { reservePlan } from './plan-reservation.ts';
import type { TokenCounts } from './token-counts.ts';

interface PlanServerParts {
  readonly dispatcher: Dispatcher;
  readonly transport: UpstreamTransport;
  readonly clock: Clock;
  readonly tokens: Pick<TokenCounts, 'count'>;
  /** Absent: no target is a replica of a job. */
  readonly groups?: Pick<ReplicaGroups, 'awake'>;
}

/** A call as it goes out, and where. */
export interface PlannedCall {
  readonly call: CompletionCall;
  readonly exchanges: Exchanges;
  readonly plan: Plan;
  /** When the call began. */
  readonly nowMs: number;
  /** What was spent for the call before, in nano-dollars. */
  readonly spentNano?: number;
}

/** When the answer has to have begun; Infinity: the caller states no deadline. [U63] */
export const deadlineOf = ({ call, nowMs }: Pick<PlannedCall, 'call' | 'nowMs'>): number =>
  nowMs + (urgencyOf(call.body, (name) => call.origin.header(name)).deadlineMs ?? Infinity);

/** Further wishes of the caller about the answer. */
export interface ServeTerms {
  /** Takes how the answer ended, and when its first piece came. Not called where the request itself was refused. */
  readonly onEnd?: (end: CompletionEnd['end'], elapsedMs: number) => void;
  /** Take what the answer says. */
  readonly notes?: AnswerNotes;
  /** The answer is to come with the probabilities of its tokens, for the notes. */
  readonly asksProbabilities?: boolean;
  /** What other models have cost for the same call, in nano-dollars. */
  readonly besidesNano?: number;
  /** It does not wait for jobs that have given all their replicas back: others answer, or no caller waits. They get one for later calls. */
  readonly waitsForNoReplica?: true;
}

/** A call that a target has begun to answer. */
interface Begun {
  readonly dispatched: Dispatched;
  readonly exchange: Exchange;
  readonly form: AnswerForm;
  readonly call: CompletionCall;
  readonly notes: AnswerNotes | undefined;
  readonly counted: Counted;
  /** What the caller is told that it cost. */
  readonly costNano: (usage: Usage) => number;
  readonly count: (end: CompletionEnd['end']) => void;
}

/** Asks the targets of a plan: what it can cost is reserved, one of them dispatched to, its answer read in the dialect of the call. */
export class PlanServer {
  readonly #parts: PlanServerParts;
  readonly #passes = new PassBudget();

  constructor(parts: PlanServerParts) {
    this.#parts = parts;
  }

  /** Refuses with the attempts that were made. */
  async serve(
    { call, exchanges, plan: planned, nowMs, spentNano = 0 }: PlannedCall,
    terms: ServeTerms = {},
  ): Promise<Result<Completed, Undispatched>> {
    const { clock, dispatcher, transport } = this.#parts;
    const { onEnd, notes, asksProbabilities, besidesNano = 0 } = terms;
    const awake = await this.#awake(call, planned, nowMs, terms);
    if (!awake.ok) return unserved(awake.error, []);
    const plan = withReplicas(awake.value);
    if (plan.groups.length === 0) return unserved(NO_REPLICA, []);
    const reserved = await reservePlan(plan, call);
    if (!reserved.ok) return unserved(reserved.error, []);
    const { plan: payable, boundOf } = reserved.value;
    const form = answerFormOf(call.surface, call.body);
    let last: { readonly with: Target; readonly exchange: Exchange } | undefined;
    // Nearly all calls ask one target: its request is written once.
    const exchangeWith = (target: Target): Exchange => {
      if (last?.with !== target)
        last = { with: target, exchange: exchanges.with(target, boundOf(target).answerTokensMax, asksProbabilities) };
      return last.exchange;
    };
    const { priority, deadlineMs } = urgencyOf(call.body, (name) => call.origin.header(name));
    const prefixKey = affinityOf(payable, call);
    const dispatched = await dispatcher.dispatch(
      payable,
      (target, cancellation) => transport.open(target, exchangeWith(target).request, cancellation),
      {
        tokensMax: reserved.value.tokensMax,
        owner: call.principal.tenantId,
        priority,
        ...(deadlineMs === undefined ? {} : { deadlineMs: nowMs + deadlineMs }),
        ...(prefixKey === undefined ? {} : { prefixKey }),
        mayHedge: HEDGED.has(call.surface),
        cancellation: call.cancellation,
        accepts: (_, opened, piece) => mayBegin(opened.contentType, opened.status >= 400 ? 'json' : form, piece),
        ...(form === 'events' && { refusedBy: (target, { withoutSecret }, piece) => refusalByBeginning(target, piece, withoutSecret) }),
      },
    );
    const elapsedMs = clock.nowMs() - nowMs;
    const count = (end: CompletionEnd['end']): void => onEnd?.(end, elapsedMs);
    if (!dispatched.ok) {
      count(BROKEN);
      return dispatched;
    }
    const { target, attempts, opened } = dispatched.value;
    if (opened.status >= 400) return unserved(await rejectionBy(dispatched.value), attempts);
    const exchange = exchangeWith(target);
    let bound = boundOf(target);
    const settle = (end: CompletionEnd): Settlement => settlementOf(target.model, bound, end);
    const counted = async (uncounted: UncountedEnd): Promise<CompletionEnd> => {
      const end = await this.#counted(uncounted, call, bound);
      const excess = excessOf(target.model, bound, end);
      if (excess !== undefined && (await call.reserve(excess.quantities)).ok) ({ bound } = excess);
      return end;
    };
    const costNano = (usage: Usage): number =>
      settle({ target, usage, end: 'whole' }).nano + besidesNano + spentNano + requestNanoAt(nowMs);
    const answer = await this.#answer({ dispatched: dispatched.value, exchange, form, call, notes, counted, costNano, count });
    return answer.ok ? ok({ target, plan: payable, attempts, settle, answer: answer.value }) : unserved(answer.error, attempts);
  }

  /** [J360] */
  async #awake(call: CompletionCall, plan: Plan, nowMs: number, { waitsForNoReplica }: ServeTerms): Promise<Outcome<Plan>> {
    const { groups, clock } = this.#parts;
    if (groups === undefined) return ok(plan);
    const leftMs = deadlineOf({ call, nowMs }) - clock.nowMs();
    const caller = waitsForNoReplica ? undefined : { isOver: () => call.cancellation.isCancelled, leftMs };
    return groups.awake(call.principal.tenantId, plan, caller);
  }

  /** What the target answers, in the form that was asked for. */
  async #answer({ dispatched, exchange, form, call, notes, counted, costNano, count }: Begun): Promise<Outcome<Completed['answer']>> {
    const { opened } = dispatched;
    if (form === 'bytes') return ok({ ...bytesOf(dispatched, counted, count), contentType: opened.contentType });
    if (form === 'events') {
      const dialect = notes === undefined ? exchange.passesAs : undefined;
      const asked = {
        dispatched,
        answer: exchange.stream((usage) => ({ cost_usd: usd(costNano(usage)) }), notes, opened.withoutSecret),
        requestId: call.requestId,
        passing: dialect === undefined ? undefined : { dialect, budget: this.#passes },
      };
      return ok(this.#streamed(asked, counted, ({ end }) => count(end)));
    }
    const bytesMax = COMPLETION_LIMITS[isMedia(call.surface) ? 'mediaAnswerBytesMax' : 'upstreamAnswerBytesMax'];
    const answer = await this.#whole(dispatched, exchange, notes, { counted, bytesMax });
    count(answer.ok ? 'whole' : BROKEN);
    return answer.ok && form === 'text' ? ok({ ...answer.value, contentType: opened.contentType }) : answer;
  }

  /**
   * Asks a target of the plan what no model answers and costs nothing: its answer as a text; undefined: its server has no such call. Refuses as `serve`
   * does.
   */
  async ask(
    { call, plan, nowMs }: PlannedAsk,
    requestFor: (target: Target) => UpstreamRequest,
  ): Promise<Result<{ readonly target: Target; readonly text: string | undefined }, Undispatched>> {
    const { priority, deadlineMs } = urgencyOf(call.body, (name) => call.origin.header(name));
    const absent = new Set<Opened>();
    const dispatched = await this.#parts.dispatcher.dispatch(
      plan,
      async (target, cancellation) => {
        const opened = await this.#parts.transport.open(target, requestFor(target), cancellation);
        if (opened.kind === 'fault' || !NO_SUCH_CALL.has(opened.status)) return opened;
        // Of the health of the target it says nothing.
        opened.body.cancel();
        const empty: Opened = { kind: 'opened', status: 200, contentType: '', body: NO_BODY };
        absent.add(empty);
        return empty;
      },
      {
        tokensMax: 0,
        owner: call.principal.tenantId,
        priority,
        ...(deadlineMs === undefined ? {} : { deadlineMs: nowMs + deadlineMs }),
        mayHedge: true,
        cancellation: call.cancellation,
        accepts: (_, opened, piece) => absent.has(opened) || mayBegin(opened.contentType, 'json', piece),
      },
    );
    if (!dispatched.ok) return dispatched;
    const { target, attempts, opened } = dispatched.value;
    if (opened.status >= 400) return unserved(await rejectionBy(dispatched.value), attempts);
    const text = await bodyText(opened.body, COMPLETION_LIMITS.upstreamErrorBytesMax);
    dispatched.value.finish(typeof text === 'string' ? 'whole' : text, 0);
    return ok({ target, text: typeof text === 'string' && text !== '' ? text : undefined });
  }

  #streamed(
    asked: Omit<ConstructorParameters<typeof CompletionStream>[0], 'onEnd'>,
    counted: Counted,
    count: (end: UncountedEnd) => void,
  ): Completed['answer'] {
    let onEnd: (end: UncountedEnd) => void = UNSET;
    const ended = new Promise<UncountedEnd>((finish) => {
      onEnd = (end) => {
        count(end);
        finish(end);
      };
    }).then(counted);
    return { kind: 'stream', stream: new CompletionStream({ ...asked, onEnd: (end) => onEnd(end) }), ended };
  }

  async #whole(
    dispatched: Dispatched,
    exchange: Exchange,
    notes: AnswerNotes | undefined,
    { counted, bytesMax }: { readonly counted: Counted; readonly bytesMax: number },
  ): Promise<Outcome<Completed['answer'] & { readonly kind: 'whole' }>> {
    const { target, opened } = dispatched;
    const text = await bodyText(opened.body, bytesMax);
    if (typeof text !== 'string') {
      dispatched.finish(text);
      return refuse('upstream_failed', `the upstream ${target.upstream} broke off its answer: ${text.fault}`);
    }
    const answer = exchange.whole(text, notes, opened.withoutSecret);
    if (answer === undefined) {
      dispatched.finish({ kind: 'fault', fault: 'garbage' });
      return refuse('upstream_failed', `the upstream ${target.upstream} answered what is no JSON object`);
    }
    const { usage, uncounted, units } = answer;
    dispatched.finish('whole', usage === undefined ? undefined : usage.inputTokens + usage.outputTokens);
    return ok({ kind: 'whole', text: answer.text, end: await counted({ target, usage, uncounted, units, end: 'whole' }) });
  }

  /** [U193] Most answers need no counting: their upstream has reported their usage. */
  async #counted(
    { uncounted, ...end }: UncountedEnd,
    { surface, body }: CompletionCall,
    { attachedTokens, outputTokensEstimated }: RequestBound,
  ): Promise<CompletionEnd> {
    // Images and sound are no texts: their tokens are estimated where none are reported.
    const estimated = end.usage === undefined ? outputTokensEstimated : undefined;
    if (estimated !== undefined && (uncounted?.chars ?? 0) === 0) return { ...end, countedTokens: estimated };
    if (uncounted === undefined) return end;
    const { tokens } = this.#parts;
    const { model } = end.target;
    const countedTokens = await tokens.count(model, uncounted);
    if (end.usage !== undefined || SURFACES[surface].outputLimits.length === 0) return { ...end, countedTokens };
    return { ...end, countedTokens, countedInputTokens: attachedTokens + (await tokens.count(model, promptTextOf(body))) };
  }
}

function bytesOf(dispatched: Dispatched, counted: Counted, count: (end: CompletionEnd['end']) => void) {
  let onEnd: (end: UncountedEnd) => void = UNSET;
  const ended = new Promise<UncountedEnd>((finish) => {
    onEnd = finish;
  }).then((end) => {
    count(end.end);
    return counted(end);
  });
  return { kind: 'stream' as const, stream: new BytesCompletion(dispatched, (end) => onEnd(end)), ended };
}

/** Of a call that asks for no answer of a model. */
export type PlannedAsk = Pick<PlannedCall, 'plan' | 'nowMs'> & {
  readonly call: Pick<CompletionCall, 'body' | 'origin' | 'principal' | 'cancellation'>;
};

/** What servers answer that have no such call. */
const NO_SUCH_CALL: ReadonlySet<number> = new Set([404, 405, 501]);
const NO_BODY: BodyReader = { read: () => Promise.resolve(undefined), cancel: () => undefined };

/** Takes an end whose tokens have to be counted. */
type Counted = (end: UncountedEnd) => Promise<CompletionEnd>;

const NO_REPLICA = refusal('no_healthy_replica', 'no replica of the upstreams of the model is ready: see the job that they name', 'model');

const BROKEN: TransportFault = { kind: 'fault', fault: 'broken' };

/** Calls that change nothing and cost no tokens of an answer: two targets may be asked at once. */
const HEDGED: ReadonlySet<string> = new Set(['embeddings', 'rerank', 'moderations']);

/** By which calls of the same beginning go to the same target, where there is a choice. */
const affinityOf = ({ groups }: Plan, { surface, body, principal }: CompletionCall): string | undefined =>
  groups.some(({ length }) => length > 1) ? prefixKeyOf(surface, body, principal.tenantId) : undefined;

const UNSET = (): void => undefined;

export const unserved = (reason: Refusal, attempts: readonly AttemptRecord[]) => err({ refusal: reason, attempts });

/** What an upstream says that has refused the request itself. */
async function rejectionBy(dispatched: Dispatched): Promise<Refusal> {
  const { target, opened } = dispatched;
  const text = await bodyText(opened.body, COMPLETION_LIMITS.upstreamErrorBytesMax);
  dispatched.finish('whole');
  return refusalBy(target, { ...opened, body: typeof text === 'string' ? text : '' });
}

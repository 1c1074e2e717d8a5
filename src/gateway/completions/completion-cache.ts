import type { Sha256 } from '../../cache/cache-key.ts';
import { refusal } from '../../contract/api/errors.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { sharedFor } from '../../contract/api/shared-work.ts';
import { must } from '../../kernel/assert.ts';
import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { KeyId } from '../../kernel/ids.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { Undispatched } from '../../upstreams/dispatch.ts';
import type { Settlement } from '../../upstreams/money/settlement.ts';
import { requestNanoAt, usd } from '../../tenancy/usage/price-book.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import { targetName } from '../../upstreams/target.ts';
import type { AnswerContract, Answered, AnswerTerms, Question } from '../caches/answer-cache.ts';
import { AnswerCache, NOT_CACHED } from '../caches/answer-cache.ts';
import type { PurgeViews } from '../caches/purge-views.ts';
import type { Completed, CompletionCall } from './completion-call.ts';
import type { CompletionEnd } from './answer-pieces.ts';
import { replayed, StreamCopy } from './kept-stream.ts';
import type { PlannedCall } from './plan-server.ts';
import { deadlineOf } from './plan-server.ts';

/** An answer that can be given again: a stream with its pieces as they were sent. */
export interface StoredAnswer {
  readonly basis: string;
  readonly targetId: string;
  /** The names that calls have for the model that made it. */
  readonly models: readonly string[];
  /** The call that it was made for, and its key. */
  readonly requestId: string;
  readonly keyId: KeyId;
  readonly isStream: boolean;
  /** What the answer was charged. */
  readonly nano: number;
  readonly pieces: readonly Uint8Array[];
}

interface CompletionCacheParts {
  readonly purges: PurgeViews;
  readonly sha256: Sha256;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
}

export type Served = Result<Completed, Undispatched>;

/** Asks the targets. `spentNano`: what was spent for the call before. */
export type Serve = (spentNano: number) => Promise<Served>;

const ENTRY_OVERHEAD_BYTES = 512;

const CONTRACT: AnswerContract<StoredAnswer> = {
  entriesMax: COMPLETION_LIMITS.completionCacheEntriesMax,
  bytesMax: COMPLETION_LIMITS.completionCacheBytesMax,
  entryBytesMax: COMPLETION_LIMITS.completionCacheEntryBytesMax,
  bytesOf: ({ pieces }) => pieces.reduce((sum, { length }) => sum + length, ENTRY_OVERHEAD_BYTES),
  basisOf: ({ basis }) => basis,
  otherModelsOf: ({ models }) => models,
  repeated: (answer) => answer,
};

/** Models take minutes, unlike what else is shared. An exchange that takes longer than clients wait is taken for dead, and another is begun. [U123] */
const BOUNDS = sharedFor(UPSTREAM_LIMITS.upstreamAnswerMsMax, UPSTREAM_LIMITS.upstreamTotalMsMax);

type CacheableCall = Pick<PlannedCall, 'call' | 'plan' | 'spentNano' | 'nowMs'>;

/** One call, as the cache sees it. */
export interface CachedCall {
  readonly question: Question;
  /** Whether the answer to the very question is held, or the caller wants nothing from before. */
  isSettled(): boolean;
  /** What is held under another digest, of the same tenant and targets, and may answer this call now. */
  held(digest: string): Answered<StoredAnswer> | undefined;
  /** Whether that very answer may still be given, by the purges and the time of now: for calls that have waited since. */
  holds(digest: string, answer: StoredAnswer): Promise<boolean>;
  keep(digest: string, answer: StoredAnswer): void;
  /**
   * The answer to the very question: held, or made now. `onMade` takes what this call has made, once it is whole; of calls that share one exchange,
   * one has made it. `spentNano`: what was spent for the call since it was opened.
   */
  exact(onMade?: (answer: StoredAnswer) => void, spentNano?: number): Promise<Served>;
  /** An answer from before, as the answer to this call. */
  repeated(answered: Answered<StoredAnswer>, spentNano?: number): Completed;
}

/**
 * Answers of models of upstreams, given again to the same question of the same tenant, for callers that ask for it. A question is the whole
 * request but for what says who asks; the targets that could serve it are its basis. A hit costs no tokens. [U120]
 */
export class CompletionCache {
  readonly #parts: CompletionCacheParts;
  readonly #answers: AnswerCache<StoredAnswer>;

  constructor(parts: CompletionCacheParts) {
    this.#parts = parts;
    this.#answers = new AnswerCache({ contract: CONTRACT, clock: parts.clock, wakeUps: parts.wakeUps, bounds: BOUNDS });
  }

  get held(): { readonly entries: number; readonly bytes: number } {
    return this.#answers.held;
  }

  /** What is cached for a call, or what `serve` answers, which is kept once it is whole. */
  async open(planned: CacheableCall, terms: AnswerTerms, serve: Serve): Promise<CachedCall> {
    const { call, plan, spentNano: spentBefore = 0 } = planned;
    const question = await this.#questionOf(call, plan, terms);
    const of = (digest: string): Question => ({ ...question, digest });
    const repeated = (answered: Answered<StoredAnswer>, spentNano = 0) => this.#repeated(answered, plan, spentBefore + spentNano);
    return {
      question,
      isSettled: () => terms.directives.bypass || this.#answers.peek(question) !== undefined,
      held: (digest) => this.#answers.peek(of(digest)),
      holds: async (digest, answer) => {
        const view = await this.#parts.purges.current(question.tenantId);
        return this.#answers.peek({ ...of(digest), view })?.answer === answer;
      },
      keep: (digest, answer) => this.#answers.add(of(digest), answer),
      repeated,
      exact: (onMade = UNSET, spentNano = 0) => {
        const make = () => serve(spentBefore + spentNano);
        const again = (answered: Answered<StoredAnswer>) => repeated(answered, spentNano);
        return call.body['stream'] === true
          ? this.#streamed(question, call, again, make, onMade)
          : this.#whole(question, planned, again, make, onMade);
      },
    };
  }

  async #questionOf({ principal, surface, body, headers, prompt }: CompletionCall, plan: Plan, terms: AnswerTerms): Promise<Question> {
    const { purges, sha256 } = this.#parts;
    return {
      tenantId: principal.tenantId,
      digest: `completion:${sha256(utf8(canonicalJson([surface, headers, prompt ?? null, askedIn(body)])))}`,
      basis: basisOf(plan),
      model: String(body['model']),
      modelVersion: '',
      otherModels: plan.groups.flat().flatMap(namesOf),
      isUnshared: false,
      terms,
      view: await purges.current(principal.tenantId),
    };
  }

  /** Shares one exchange among the same questions that come at once; a caller that goes away takes no other's answer along. */
  async #whole(question: Question, planned: CacheableCall, again: Again, make: Make, onMade: OnMade): Promise<Served> {
    const { call } = planned;
    let own: Served | undefined;
    let defect: PromiseRejectedResult | undefined;
    const lead = async (): Promise<Outcome<StoredAnswer>> => {
      const [made] = await Promise.allSettled([make()]);
      if (made.status === 'rejected') {
        defect = made;
        return err(LEADER_IS_GONE);
      }
      own = made.value;
      if (!own.ok) return err(call.cancellation.isCancelled ? LEADER_IS_GONE : own.error.refusal);
      return ok({ ...stored(question, call, own.value), isStream: false, nano: nanoOf(own.value), pieces: [utf8(textOf(own.value))] });
    };
    // The answer of another call has to be there by the deadline of this one.
    const waitMs = Math.max(0, deadlineOf(planned) - this.#parts.clock.nowMs());
    const answered = await this.#answers.answer(question, lead, waitMs);
    if (defect !== undefined) throw defect.reason;
    if (own !== undefined) {
      if (!own.ok || !answered.ok) return own;
      onMade(answered.value.answer);
      return ok({ ...own.value, cache: answered.value.report });
    }
    if (!answered.ok) return err({ refusal: answered.error, attempts: [] });
    return ok(again(answered.value));
  }

  /** A stream is passed on while it comes, so the same question at once is asked again. It is kept when it has ended whole. */
  async #streamed(question: Question, call: CompletionCall, again: Again, make: Make, onMade: OnMade): Promise<Served> {
    const held = this.#answers.peek(question);
    if (held !== undefined) return ok(again(held));
    if (question.terms.directives.onlyIfCached) return err({ refusal: NOT_CACHED.error, attempts: [] });
    const served = await make();
    if (!served.ok || served.value.answer.kind === 'whole') return served;
    const { answer } = served.value;
    const stream = new StreamCopy(answer.stream, COMPLETION_LIMITS.completionCacheEntryBytesMax - ENTRY_OVERHEAD_BYTES);
    const ended = answer.ended.then((end) => {
      const keep = (pieces: readonly Uint8Array[]) => {
        const made = { ...stored(question, call, served.value), isStream: true, nano: chargedNano(served.value, end), pieces };
        this.#answers.add(question, made);
        onMade(made);
      };
      if (end.end === 'whole') stream.whenComplete(keep);
      return end;
    });
    const report = this.#answers.missReport(question);
    return ok({ ...served.value, answer: { ...answer, stream, ended }, cache: report });
  }

  #repeated({ answer, report: cache }: Answered<StoredAnswer>, plan: Plan, spentNano: number): Completed {
    const { targetId, isStream, nano, pieces } = answer;
    const target = must(
      plan.groups.flat().find((one) => idOf(one) === targetId),
      'the basis of an answer has the target that made it',
    );
    const common = { target, plan, attempts: [], settle: () => FREE, cache, savedNano: nano };
    const whole: CompletionEnd = { target, usage: undefined, end: 'whole' };
    if (!isStream) return { ...common, answer: { kind: 'whole', text: decoder.decode(joinedBytes([...pieces])), end: whole } };
    const costUsd = usd(requestNanoAt(this.#parts.clock.nowMs()) + spentNano);
    return { ...common, answer: { kind: 'stream', ...replayed(pieces, costUsd, whole) } };
  }
}

type Again = (answered: Answered<StoredAnswer>) => Completed;
type Make = () => Promise<Served>;
type OnMade = (answer: StoredAnswer) => void;

const UNSET = (): void => undefined;

/** Fields that say who asks, not what: the same question of two people has one answer. */
const ABOUT_THE_CALLER: ReadonlySet<string> = new Set(['user', 'metadata', 'safety_identifier', 'prompt_cache_key']);

/** What a body asks, without what says who asks. */
export const askedIn = (body: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !ABOUT_THE_CALLER.has(name)));

/** Of a leader that has left, or has failed by a defect: one of the calls that wait leads next. */
const LEADER_IS_GONE = refusal('deadline_exceeded', 'the caller has gone away');

const idOf = ({ upstreamId, model }: Target): string => `${upstreamId}/${model.name}`;

/** Where the question would be served: other upstreams, models or versions of a route make other answers. */
const basisOf = ({ groups, route }: Plan): string =>
  JSON.stringify([
    route ?? null,
    groups.map((targets) => targets.map((target) => [idOf(target), target.baseUrl, target.model.upstreamName])),
  ]);

/** Where an answer is from. */
const stored = ({ basis }: Question, { requestId, principal: { keyId } }: CompletionCall, { target }: Completed) => ({
  basis,
  requestId,
  keyId,
  targetId: idOf(target),
  models: namesOf(target),
});

/** As calls name it, whatever route or name led to it. */
const namesOf = (target: Target): readonly string[] => [target.model.name, targetName(target)];

/** What a call is charged, for all models that a cascade has asked. */
const chargedNano = ({ settle, besides = [] }: Completed, end: CompletionEnd): number =>
  besides.reduce((sum, { settlement }) => sum + settlement.nano, settle(end).nano);

/** What an answer was charged when it was made; of one that another call has made, what that call was charged. */
const nanoOf = (made: Completed): number => (made.answer.kind === 'whole' ? (made.savedNano ?? chargedNano(made, made.answer.end)) : 0);

const textOf = ({ answer }: Completed): string => (answer.kind === 'whole' ? answer.text : '');

const FREE: Settlement = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, nano: 0, usage: 'reported', isCapped: false };

const decoder = new TextDecoder();

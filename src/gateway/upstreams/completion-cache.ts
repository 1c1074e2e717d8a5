import type { Sha256 } from '../../cache/cache-key.ts';
import { refusal } from '../../contract/errors.ts';
import type { AnswerReuse } from '../../contract/route-rules.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import { chanceHash } from '../../kernel/fast-hash.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { Undispatched } from '../../upstreams/dispatch.ts';
import type { Settlement } from '../../upstreams/money/settlement.ts';
import { requestNanoAt, usd } from '../../tenancy/usage/price-book.ts';
import { saidIn } from '../../upstreams/guardrails/message-texts.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import { parsedObject } from '../../upstreams/protocol/json.ts';
import { withQuestionForm } from '../../upstreams/reuse/question-form.ts';
import type { ReuseCounts } from '../../upstreams/reuse/reuse-evidence.ts';
import { falseHitBound, ReuseEvidence, wordsInCommon } from '../../upstreams/reuse/reuse-evidence.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import type { AnswerContract, Answered, AnswerTerms, Question } from '../answer-cache.ts';
import { AnswerCache, NOT_CACHED } from '../answer-cache.ts';
import type { PurgeViews } from '../purge-views.ts';
import type { CompletionAnswers } from './completion.ts';
import type { Completed, CompletionCall } from './completion-call.ts';
import type { CompletionEnd } from './completion-stream.ts';
import { replayed, StreamCopy } from './kept-stream.ts';

/** An answer that can be given again: a stream with its pieces as they were sent. */
interface StoredAnswer {
  readonly basis: string;
  readonly targetId: string;
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

type Served = Result<Completed, Undispatched>;

const ENTRY_OVERHEAD_BYTES = 512;

const CONTRACT: AnswerContract<StoredAnswer> = {
  entriesMax: LIMITS.completionCacheEntriesMax,
  bytesMax: LIMITS.completionCacheBytesMax,
  entryBytesMax: LIMITS.completionCacheEntryBytesMax,
  bytesOf: ({ pieces }) => pieces.reduce((sum, { length }) => sum + length, ENTRY_OVERHEAD_BYTES),
  basisOf: ({ basis }) => basis,
  repeated: (answer) => answer,
};

/**
 * Answers of models of upstreams, given again to the same question of the same tenant, for callers that ask for it. A question is the whole
 * request but for what says who asks; the targets that could serve it are its basis. A hit costs no tokens. [U120]
 */
export class CompletionCache implements CompletionAnswers {
  readonly #parts: CompletionCacheParts;
  readonly #answers: AnswerCache<StoredAnswer>;
  readonly #evidence = new ReuseEvidence();

  constructor(parts: CompletionCacheParts) {
    this.#parts = parts;
    this.#answers = new AnswerCache({ contract: CONTRACT, clock: parts.clock, wakeUps: parts.wakeUps });
  }

  get held(): { readonly entries: number; readonly bytes: number } {
    return this.#answers.held;
  }

  /** What is cached, or what `serve` answers, which is kept once it is whole. */
  async complete(call: CompletionCall, plan: Plan, terms: AnswerTerms, serve: () => Promise<Served>, reuse?: AnswerReuse): Promise<Served> {
    const question = await this.#questionOf(call, plan, terms);
    if (call.body['stream'] === true) return this.#streamed(question, plan, serve);
    const form = reuse === undefined ? undefined : withQuestionForm(call.body);
    const exact = () => this.#whole(question, call, plan, serve);
    if (reuse === undefined || form === undefined || this.#answers.peek(question) !== undefined) return exact();
    return this.#reworded(question, this.#formOf(question, call, form), plan, exact, { reuse, requestId: call.requestId });
  }

  /** How often answers to other words were false, for questions of a tenant to a version of a route. */
  reuseOf(tenantId: TenantId, route: string): ReuseCounts {
    return this.#evidence.of(evidenceKey(tenantId, route));
  }

  /** The question in the form that other words have, too: of no other kind, and under the same terms and purges. */
  #formOf(question: Question, { surface, headers, prompt }: CompletionCall, body: JsonObject): Question {
    const digest = `reworded:${this.#parts.sha256(utf8(canonicalJson([surface, headers, prompt ?? null, askedIn(body)])))}`;
    return { ...question, digest };
  }

  /**
   * An answer that was made for other words of the same form. Until enough were checked, and for a share of them ever after, the model is asked
   * too: the caller gets what it answers, and whether that is the same is counted. [U126]
   */
  async #reworded(
    question: Question,
    form: Question,
    plan: Plan,
    exact: () => Promise<Served>,
    { reuse, requestId }: { readonly reuse: AnswerReuse; readonly requestId: string },
  ): Promise<Served> {
    const near = this.#answers.peek(form);
    const key = evidenceKey(question.tenantId, routeNameOf(plan));
    const isTrusted = falseHitBound(this.#evidence.of(key)) <= reuse.false_hit_max && !isChecked(requestId, reuse.check_share);
    if (near !== undefined && isTrusted) return ok({ ...this.#repeated(near, plan), reuse: 'reworded' });
    const made = await exact();
    if (!made.ok || made.value.answer.kind !== 'whole') return made;
    const { answer } = made.value;
    if (near === undefined) {
      const kept = { isStream: false, nano: nanoOf(made.value), pieces: [utf8(answer.text)] };
      this.#answers.add(form, { ...stored(question, made.value), ...kept });
      return made;
    }
    const before = saidText(decoder.decode(joinedBytes([...near.answer.pieces])));
    this.#evidence.note(key, wordsInCommon(before, saidText(answer.text)) < reuse.agreement_min);
    return ok({ ...made.value, reuse: 'checked' });
  }

  async #questionOf({ principal, surface, body, headers, prompt }: CompletionCall, plan: Plan, terms: AnswerTerms): Promise<Question> {
    const { purges, sha256 } = this.#parts;
    return {
      tenantId: principal.tenantId,
      digest: `completion:${sha256(utf8(canonicalJson([surface, headers, prompt ?? null, askedIn(body)])))}`,
      basis: basisOf(plan),
      model: String(body['model']),
      modelVersion: '',
      isUnshared: false,
      terms,
      view: await purges.current(principal.tenantId),
    };
  }

  /** Shares one exchange among the same questions that come at once; a caller that goes away takes no other's answer along. */
  async #whole(question: Question, call: CompletionCall, plan: Plan, serve: () => Promise<Served>): Promise<Served> {
    let own: Served | undefined;
    const answered = await this.#answers.answer(question, async (): Promise<Outcome<StoredAnswer>> => {
      own = await serve();
      if (!own.ok) return err(call.cancellation.isCancelled ? LEADER_IS_GONE : own.error.refusal);
      return ok({ ...stored(question, own.value), isStream: false, nano: nanoOf(own.value), pieces: [utf8(textOf(own.value))] });
    });
    if (own !== undefined) return own.ok && answered.ok ? ok({ ...own.value, cache: answered.value.report }) : own;
    if (!answered.ok) return err({ refusal: answered.error, attempts: [] });
    return ok(this.#repeated(answered.value, plan));
  }

  /** A stream is passed on while it comes, so the same question at once is asked again. It is kept when it has ended whole. */
  async #streamed(question: Question, plan: Plan, serve: () => Promise<Served>): Promise<Served> {
    const held = this.#answers.peek(question);
    if (held !== undefined) return ok(this.#repeated(held, plan));
    if (question.terms.directives.onlyIfCached) return err({ refusal: NOT_CACHED.error, attempts: [] });
    const served = await serve();
    if (!served.ok || served.value.answer.kind === 'whole') return served;
    const { answer } = served.value;
    const stream = new StreamCopy(answer.stream, LIMITS.completionCacheEntryBytesMax - ENTRY_OVERHEAD_BYTES);
    const ended = answer.ended.then((end) => {
      const keep = (pieces: readonly Uint8Array[]) =>
        this.#answers.add(question, { ...stored(question, served.value), isStream: true, nano: chargedNano(served.value, end), pieces });
      if (end.end === 'whole') stream.whenComplete(keep);
      return end;
    });
    const report = this.#answers.missReport(question);
    return ok({ ...served.value, answer: { ...answer, stream, ended }, cache: report });
  }

  #repeated({ answer, report: cache }: Answered<StoredAnswer>, plan: Plan): Completed {
    const { targetId, isStream, nano, pieces } = answer;
    const target = must(
      plan.groups.flat().find((one) => idOf(one) === targetId),
      'the basis of an answer has the target that made it',
    );
    const common = { target, plan, attempts: [], settle: () => FREE, cache, savedNano: nano };
    const whole: CompletionEnd = { target, usage: undefined, textBytes: 0, end: 'whole' };
    if (!isStream) return { ...common, answer: { kind: 'whole', text: decoder.decode(joinedBytes([...pieces])), end: whole } };
    const costUsd = usd(requestNanoAt(this.#parts.clock.nowMs()));
    return { ...common, answer: { kind: 'stream', ...replayed(pieces, costUsd, whole) } };
  }
}

/** Fields that say who asks, not what: the same question of two people has one answer. */
const ABOUT_THE_CALLER: ReadonlySet<string> = new Set(['user', 'metadata', 'safety_identifier', 'prompt_cache_key']);

/** What a body asks, without what says who asks. */
const askedIn = (body: JsonObject): JsonObject => Object.fromEntries(Object.entries(body).filter(([name]) => !ABOUT_THE_CALLER.has(name)));

const evidenceKey = (tenantId: TenantId, route: string): string => `${tenantId}/${route}`;

const routeNameOf = ({ route }: Plan): string => (route === undefined ? '' : `${route.name}@${route.version}`);

/** Chosen by the request's hash: a request is checked either every time or never, however often it is repeated. */
const isChecked = (requestId: string, share: number): boolean =>
  Number.parseInt(chanceHash(requestId, NO_VALUES).slice(0, 8), 16) / 2 ** 32 < share;

const NO_VALUES = new Float32Array();

/** What an answer says, without ids, times and counts of tokens. */
const saidText = (answer: string): string => saidIn(parsedObject(answer) ?? {}).join('\n');

/** A refusal that is the leader's own: those who wait for its answer ask themselves. */
const LEADER_IS_GONE = refusal('deadline_exceeded', 'the caller has gone away');

const idOf = ({ upstreamId, model }: Target): string => `${upstreamId}/${model.name}`;

/** Where the question would be served: other upstreams, models or versions of a route make other answers. */
const basisOf = ({ groups, route }: Plan): string =>
  JSON.stringify([
    route ?? null,
    groups.map((targets) => targets.map((target) => [idOf(target), target.baseUrl, target.model.upstreamName])),
  ]);

/** Where an answer is from. */
const stored = ({ basis }: Question, { target }: Completed) => ({ basis, targetId: idOf(target) });

/** What a call is charged, for all models that a cascade has asked. */
const chargedNano = ({ settle, besides = [] }: Completed, end: CompletionEnd): number =>
  besides.reduce((sum, { settlement }) => sum + settlement.nano, settle(end).nano);

/** What an answer was charged when it was made; of one that another call has made, what that call was charged. */
const nanoOf = (made: Completed): number => (made.answer.kind === 'whole' ? (made.savedNano ?? chargedNano(made, made.answer.end)) : 0);

const textOf = ({ answer }: Completed): string => (answer.kind === 'whole' ? answer.text : '');

const FREE: Settlement = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, nano: 0, usage: 'reported', isCapped: false };

const decoder = new TextDecoder();

import type { Sha256 } from '../../cache/cache-key.ts';
import { refusal } from '../../contract/errors.ts';
import type { ReuseOutcome } from '../../contract/answer-reuse.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { SemanticReuse } from '../../contract/route-rules.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Clock } from '../../kernel/clock.ts';
import { err, ok } from '../../kernel/result.ts';
import { SURFACES } from '../../upstreams/protocol/exchange.ts';
import type { AskedQuestion } from '../../upstreams/reuse/asked-question.ts';
import { askedQuestion } from '../../upstreams/reuse/asked-question.ts';
import { Neighbours } from '../../upstreams/reuse/neighbours.ts';
import type { Neighbour } from '../../upstreams/reuse/neighbours.ts';
import { mayAskTheSame } from '../../upstreams/reuse/question-difference.ts';
import { questionForm } from '../../upstreams/reuse/question-form.ts';
import { reusableText } from '../../upstreams/reuse/reusable-text.ts';
import { agreementVerdictCall, reuseVerdictCall } from '../../upstreams/reuse/reuse-verdicts.ts';
import { wordsInCommon } from '../../upstreams/reuse/words-in-common.ts';
import type { ModelCharge } from '../../upstreams/money/settlement.ts';
import type { Target } from '../../upstreams/target.ts';
import { CancelSource } from '../../upstreams/serving/cancel-source.ts';
import type { Answered } from '../answer-cache.ts';
import type { Accepted } from './accepted-answers.ts';
import { AcceptedAnswers } from './accepted-answers.ts';
import { askVerifier, shownTo, verdictFor } from './ask-verifier.ts';
import type { CachedCall, Served, StoredAnswer } from './completion-cache.ts';
import { askedIn } from './completion-cache.ts';
import type { ReuseReport } from './completion-call.ts';
import type { PlannedCall, PlanServer } from './plan-server.ts';
import { unserved } from './plan-server.ts';
import type { EmbeddedQuestion, Spent } from './embedded-question.ts';
import { embeddedQuestion } from './embedded-question.ts';
import type { QuestionEmbedder } from './question-embedder.ts';
import type { ReuseRun } from './reuse-run.ts';

interface ReusedAnswersParts {
  readonly server: PlanServer;
  readonly embedder: QuestionEmbedder;
  readonly sha256: Sha256;
  readonly clock: Clock;
}

/** A call that may be given an answer that was made for another question. */
interface ReusingCall {
  readonly cached: CachedCall;
  readonly planned: PlannedCall;
  readonly run: ReuseRun;
  readonly asked: AskedQuestion;
}

/** What became of a candidate. */
interface Judged {
  /** `shown`: what others than the caller may read of its answer. */
  readonly near: Omit<Accepted, 'confidence'> & {
    readonly held: Answered<StoredAnswer>;
    readonly shown: string;
    /** Of the verifier; absent: it was not asked. */
    readonly confidence?: number;
  };
  readonly outcome: ReuseOutcome;
}

/** A question near the one that is asked, and its answer. */
interface Candidate extends Neighbour {
  readonly held: Answered<StoredAnswer>;
  /** What the answer says. */
  readonly text: string;
}

/** A call that has found one. */
interface NearCall extends ReusingCall {
  readonly embedded: EmbeddedQuestion;
  readonly near: Candidate & { readonly shown: string };
  /** Whether the bound permits an answer from before, and this call is none of those that are checked. */
  readonly mayGive: boolean;
  /** Stands for the question and how it was judged. */
  readonly pair: string;
  /** Take the model's answer: to be found by later calls, and to be compared, too. */
  readonly keep: (answer: StoredAnswer) => string | undefined;
  readonly compared: (answer: StoredAnswer) => void;
}

/** From this confidence of a verifier on, two answers say the same: as likely as not. */
const AGREED_MIN = 0.5;

/**
 * Answers that were made for other questions, where a route permits it: in the same form (`reworded`), or near in meaning, if a verifier accepts them
 * or the caller does. How often such an answer is false is measured by asking the model too; above the route's limit nothing is reused. What an
 * isolate loses with its memory are savings alone. [U125] [U126] [U180]
 */
export class ReusedAnswers {
  readonly #parts: ReusedAnswersParts;
  readonly #neighbours = new Neighbours();
  readonly #accepted = new AcceptedAnswers();

  constructor(parts: ReusedAnswersParts) {
    this.#parts = parts;
  }

  /** The answer to the very question if it is held, else one that may be reused, else the model's. */
  async complete(cached: CachedCall, planned: PlannedCall, run: ReuseRun): Promise<Served> {
    const { body, surface } = planned.call;
    // Vectors and scores of one text are of no use for another; of several answers only the first would be judged.
    if (SURFACES[surface].dialect === 'plain' || Number(body['n'] ?? 1) > 1) return cached.exact();
    const asked = askedQuestion(body);
    if (asked === undefined || cached.isSettled()) return cached.exact();
    const { policy } = run;
    const call = { cached, planned, run, asked };
    if (policy.kind === 'reworded') return this.#reworded(call);
    // The embedding model and the verifier are asked at upstreams, too.
    if (cached.question.terms.directives.onlyIfCached || asked.text.length > LIMITS.reuseQuestionCharsMax) return cached.exact();
    return this.#near(call, policy);
  }

  async #reworded(call: ReusingCall): Promise<Served> {
    const { cached, planned, run, asked } = call;
    const form = `reworded:${this.#digest([...aroundOf(planned), askedIn(asked.with(questionForm(asked.text)))])}`;
    const near = cached.held(form);
    if (near === undefined)
      return cached.exact((made) => {
        if (textOf(planned, made) !== undefined) cached.keep(form, made);
      });
    if (run.state() === 'reusing' && !run.isChecked)
      return ok({ ...cached.repeated(near), reuse: { outcome: 'reworded', ...NOTHING_SPENT } });
    const before = textOf(planned, near.answer);
    const made = await cached.exact((answer) => {
      const own = textOf(planned, answer);
      if (before !== undefined && own !== undefined) this.#compare(call, before, own);
    });
    return made.ok ? ok({ ...made.value, reuse: { outcome: 'checked', ...NOTHING_SPENT } }) : made;
  }

  async #near(call: ReusingCall, policy: SemanticReuse): Promise<Served> {
    const { cached, planned, run, asked } = call;
    const state = run.state();
    const { question } = cached;
    const verifier = policy.kind === 'verified' ? run.verifier : undefined;
    // A vector would be paid for and lead to nothing.
    if ((state === 'off' && !run.isChecked) || (policy.kind === 'verified' && verifier === undefined)) return cached.exact();
    const mayGive = state === 'reusing' && !run.isChecked;
    const pair = this.#digest([question.tenantId, question.basis, question.digest, policy]);
    const known = mayGive ? await this.#acceptedBefore(call, pair) : undefined;
    if (known !== undefined) return known;
    const embedded = await embeddedQuestion(this.#parts, planned, run, policy.model, asked.text);
    if (embedded === undefined) return cached.exact();
    const around = [question.tenantId, question.basis, ...aroundOf(planned), askedIn(asked.with('')), policy.model, embedded.contract];
    const context = this.#digest(around);
    const keep = (answer: StoredAnswer): string | undefined => this.#keep(call, context, embedded, answer);
    const found = this.#candidate(call, policy, context, embedded);
    const shown = found === undefined ? undefined : await shownTo(planned.call, found.text);
    if (found === undefined || shown === undefined) return fresh(call, embedded, keep);
    const near = { ...found, shown };
    const compared = (answer: StoredAnswer): void => {
      const own = keep(answer);
      if (own !== undefined) this.#compare(call, near.text, own);
    };
    const nearby: NearCall = { ...call, embedded, near, mayGive, pair, keep, compared };
    return policy.kind === 'candidate' || verifier === undefined
      ? this.#offered(nearby)
      : this.#verified(nearby, verifier, policy.confidence_min);
  }

  async #offered(call: NearCall): Promise<Served> {
    const { planned, embedded, near, mayGive, keep, compared } = call;
    if (planned.call.acceptsCandidate === true && mayGive) return given(call, embedded, { near, outcome: 'candidate' }, keep);
    return fresh(call, embedded, mayGive ? keep : compared, { near, outcome: 'offered' });
  }

  async #verified(call: NearCall, verifier: Target, confidenceMin: number): Promise<Served> {
    const { planned, asked, embedded, near, mayGive, pair, keep, compared } = call;
    const asking = reuseVerdictCall(verifier, asked.text, near.question.text, near.shown);
    const { confidence, charges } = await askVerifier(this.#parts.server, planned, verifier, asking);
    const spent = spentBesides(embedded, charges);
    const judged = { ...near, confidence };
    if (!(confidence >= confidenceMin)) return fresh(call, spent, keep, { near: judged, outcome: 'rejected' });
    if (!mayGive) return fresh(call, spent, compared, { near: judged, outcome: 'checked' });
    this.#accepted.add(pair, near, confidence, near.held.answer);
    return given(call, spent, { near: judged, outcome: 'verified' }, keep);
  }

  /** An answer that was accepted for this question before: neither vector nor verdict is asked for again. [U184] */
  async #acceptedBefore(call: ReusingCall, pair: string): Promise<Served | undefined> {
    const { cached, planned } = call;
    const accepted = this.#accepted.find(pair, cached, this.#parts.clock.nowMs());
    const text = accepted === undefined ? undefined : textOf(planned, accepted.held.answer);
    const shown = text === undefined ? undefined : await shownTo(planned.call, text);
    if (accepted === undefined || shown === undefined) return undefined;
    return given(call, NOTHING, { near: { ...accepted, shown }, outcome: 'verified' }, () => undefined);
  }

  /** The nearest question that may ask the same, and whose answer may be given now. */
  #candidate(
    { cached, planned, asked }: ReusingCall,
    policy: SemanticReuse,
    context: string,
    { vector }: EmbeddedQuestion,
  ): Candidate | undefined {
    const nowMs = this.#parts.clock.nowMs();
    const near = this.#neighbours.near(context, vector, policy.similarity_min, nowMs, LIMITS.reuseNearestMaxCount);
    for (const { question, similarity } of near) {
      if (!mayAskTheSame(asked.text, question.text)) continue;
      const held = cached.held(question.digest);
      const text = held === undefined ? undefined : textOf(planned, held.answer);
      if (held !== undefined && text !== undefined) return { question, similarity, held, text };
    }
    return undefined;
  }

  /** Keeps a question whose answer can answer others, unless nothing is to be kept. Answers what the answer says. */
  #keep({ cached, planned, asked }: ReusingCall, context: string, { vector }: EmbeddedQuestion, answer: StoredAnswer): string | undefined {
    const text = textOf(planned, answer);
    const { digest, terms } = cached.question;
    if (text === undefined || !terms.directives.store) return text;
    const expiresAtMs = this.#parts.clock.nowMs() + terms.ttlMs;
    this.#neighbours.add(context, { text: asked.text, vector, digest, expiresAtMs });
    return text;
  }

  /**
   * Counts whether an answer that could have been reused says what the model says. Where the words differ, a verifier decides, if there is one.
   */
  #compare({ planned, run, asked }: ReusingCall, reusable: string, own: string): void {
    const { policy, verifier } = run;
    const isSame = wordsInCommon(reusable, own) >= policy.agreement_min;
    if (isSame || verifier === undefined) return run.note(!isSame);
    // The guardrails of the call are open until its answer has ended.
    const shown = Promise.all([shownTo(planned.call, reusable), shownTo(planned.call, own)]);
    let confidence = Number.NaN;
    planned.call.shadow(
      async (reserve) => {
        const [before, now] = await shown;
        if (before === undefined || now === undefined) return unserved(NOT_SHOWN, []);
        const call = { ...planned.call, reserve, cancellation: new CancelSource() };
        const asking = agreementVerdictCall(verifier, asked.text, before, now);
        const verdict = await verdictFor(this.#parts.server, { ...planned, call }, verifier, asking);
        ({ confidence } = verdict);
        const { served } = verdict;
        if (!served.ok || served.value.answer.kind !== 'whole') return served;
        return ok({ ...served.value, reuse: { spentNano: served.value.settle(served.value.answer.end).nano, besidesNano: 0 } });
      },
      () => {
        if (!Number.isNaN(confidence)) run.note(confidence < AGREED_MIN);
      },
    );
  }

  #digest(value: unknown): string {
    return this.#parts.sha256(utf8(canonicalJson(value)));
  }
}

const NOT_SHOWN = refusal('guardrail_blocked', 'guardrails show the answers to no verifier');

const NOTHING: Spent = { charges: [], nano: 0 };

const NOTHING_SPENT = { spentNano: 0, besidesNano: 0 } as const;

/** What is asked besides the body. */
const aroundOf = ({ call: { surface, headers, prompt } }: PlannedCall): unknown[] => [surface, headers, prompt ?? null];

const textOf = ({ call }: PlannedCall, { pieces, isStream }: StoredAnswer): string | undefined =>
  reusableText(SURFACES[call.surface].dialect, pieces, isStream);

const spentBesides = ({ charges, nano }: Spent, more: readonly ModelCharge[]): Spent => ({
  charges: [...charges, ...more],
  nano: more.reduce((sum, { settlement }) => sum + settlement.nano, nano),
});

/** The model's own answer, for what was spent before, too. */
async function fresh(
  { cached }: ReusingCall,
  { charges, nano }: Spent,
  onMade: (answer: StoredAnswer) => unknown,
  judged?: Judged,
): Promise<Served> {
  const served = await cached.exact(onMade, nano);
  if (!served.ok) return err({ ...served.error, besides: [...(served.error.besides ?? []), ...charges] });
  const { besides = [] } = served.value;
  return ok({ ...served.value, besides: [...besides, ...charges], reuse: reportOf({ charges, nano }, judged) });
}

/** The answer that was made for another question; the model's own if that was purged, or has ended, while others were waited for. */
async function given(call: ReusingCall, spent: Spent, judged: Judged, keep: (answer: StoredAnswer) => unknown): Promise<Served> {
  const { cached } = call;
  const { question, held } = judged.near;
  if (!(await cached.holds(question.digest, held.answer))) return fresh(call, spent, keep);
  return ok({ ...cached.repeated(held, spent.nano), besides: spent.charges, reuse: reportOf(spent, judged) });
}

function reportOf({ charges, nano }: Spent, judged: Judged | undefined): ReuseReport {
  const spent = { spentNano: nano, besidesNano: charges.reduce((sum, { settlement }) => sum + settlement.nano, 0) };
  if (judged === undefined) return spent;
  const { near, outcome } = judged;
  const { question, similarity, held, shown, confidence = Number.NaN } = near;
  const { requestId, keyId } = held.answer;
  return {
    outcome,
    ...spent,
    candidate: { requestId, keyId, question: question.text, answer: shown, similarity, confidence },
  };
}

import type { Sha256 } from '../../cache/cache-key.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { ReuseOutcome } from '../../contract/routes/answer-reuse.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import type { SemanticReuse } from '../../contract/routes/route-rules.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Clock } from '../../kernel/clock.ts';
import { err, ok } from '../../kernel/result.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import { SURFACES } from '../../upstreams/protocol/surfaces.ts';
import { askedQuestion } from '../../upstreams/reuse/asked-question.ts';
import { questionForm } from '../../upstreams/reuse/question-form.ts';
import { agreementVerdictCall } from '../../upstreams/reuse/reuse-verdicts.ts';
import { wordsInCommon } from '../../upstreams/reuse/words-in-common.ts';
import type { Answered } from '../caches/answer-cache.ts';
import type { Accepted } from './accepted-answers.ts';
import { AcceptedAnswers } from './accepted-answers.ts';
import { shownTo, verdictFor } from './ask-verifier.ts';
import type { Served, StoredAnswer } from './completion-cache.ts';
import { askedIn } from './completion-cache.ts';
import type { ReuseReport } from './completion-call.ts';
import type { PlannedCall, PlanServer } from './plan-server.ts';
import { unserved } from './plan-server.ts';
import type { Spent } from './embedded-question.ts';
import type { Looked, NearAnswer, ReusingCall } from './near-answers.ts';
import { aroundOf, NearAnswers, NOTHING, textOf } from './near-answers.ts';
import type { QuestionEmbedder } from '../routes/question-embedder.ts';
import type { ReuseRun } from '../routes/reuse-run.ts';

interface ReusedAnswersParts {
  readonly server: PlanServer;
  readonly embedder: QuestionEmbedder;
  readonly sha256: Sha256;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
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

/** A call that has found one. */
interface NearCall extends ReusingCall {
  readonly spent: Spent;
  readonly near: HeldNear;
  /** Whether the bound permits an answer from before, and this call is none of those that are checked. */
  readonly mayGive: boolean;
  /** Stands for the question and how it is judged. */
  readonly pair: string;
  /** Take the model's answer: to be found by later calls, and to be compared, too. */
  readonly keep: (answer: StoredAnswer) => string | undefined;
  readonly compared: (answer: StoredAnswer) => void;
}

type HeldNear = NearAnswer & { readonly held: Answered<StoredAnswer> };

/** From this confidence of a verifier on, two answers say the same: as likely as not. */
const AGREED_MIN = 0.5;

/**
 * Answers that were made for other questions, where a route permits it: in the same form (`reworded`), or near in meaning, if a verifier accepts them
 * or the caller does. How often such an answer is false is measured by asking the model too; above the route's limit nothing is reused. What an
 * isolate loses with its memory are savings alone. [U125] [U126] [U180]
 */
export class ReusedAnswers {
  readonly #parts: ReusedAnswersParts;
  readonly #nearest: NearAnswers;
  readonly #accepted = new AcceptedAnswers();

  constructor(parts: ReusedAnswersParts) {
    this.#parts = parts;
    this.#nearest = new NearAnswers(parts);
  }

  /** The answer to the very question if it is held, else one that may be reused, else the model's. */
  async complete(cached: ReusingCall['cached'], planned: PlannedCall, run: ReuseRun): Promise<Served> {
    const { body, surface } = planned.call;
    // Vectors and scores of one text are of no use for another; of several answers only the first would be judged.
    if (SURFACES[surface].dialect === 'plain' || Number(body['n'] ?? 1) > 1) return cached.exact();
    const asked = askedQuestion(body);
    if (asked === undefined || cached.isSettled()) return cached.exact();
    const { policy } = run;
    const call = { cached, planned, run, asked };
    if (policy.kind === 'reworded') return this.#reworded(call);
    // The embedding model and the verifier are asked at upstreams, too.
    if (cached.question.terms.directives.onlyIfCached || asked.text.length > COMPLETION_LIMITS.reuseQuestionCharsMax) return cached.exact();
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
    const { cached, run } = call;
    const state = run.state();
    const { question } = cached;
    const verifier = policy.kind === 'verified' ? run.verifier : undefined;
    // A vector would be paid for and lead to nothing.
    if ((state === 'off' && !run.isChecked) || (policy.kind === 'verified' && verifier === undefined)) return cached.exact();
    const mayGive = state === 'reusing' && !run.isChecked;
    const pair = this.#digest([question.tenantId, question.basis, question.digest, policy]);
    const known = mayGive ? await this.#acceptedBefore(call, pair) : undefined;
    if (known !== undefined) return known;
    const { looked, spent } = await this.#nearest.find(call, policy, verifier, pair);
    if (looked === undefined) return cached.exact();
    const keep = (answer: StoredAnswer): string | undefined => this.#nearest.keep(call, looked, answer);
    const near = stillHeld(call, looked);
    if (near === undefined) return fresh(call, spent, keep);
    const compared = (answer: StoredAnswer): void => {
      const own = keep(answer);
      if (own !== undefined) this.#compare(call, near.text, own);
    };
    const nearby: NearCall = { ...call, spent, near, mayGive, pair, keep, compared };
    return policy.kind === 'candidate' ? this.#offered(nearby) : this.#verified(nearby, policy.confidence_min);
  }

  async #offered(call: NearCall): Promise<Served> {
    const { planned, spent, near, mayGive, keep, compared } = call;
    if (planned.call.acceptsCandidate === true && mayGive) return given(call, spent, { near, outcome: 'candidate' }, keep);
    return fresh(call, spent, mayGive ? keep : compared, { near, outcome: 'offered' });
  }

  async #verified(call: NearCall, confidenceMin: number): Promise<Served> {
    const { spent, near, mayGive, pair, keep, compared } = call;
    const { confidence = Number.NaN } = near;
    if (!(confidence >= confidenceMin)) return fresh(call, spent, keep, { near, outcome: 'rejected' });
    if (!mayGive) return fresh(call, spent, compared, { near, outcome: 'checked' });
    this.#accepted.add(pair, near, confidence, near.held.answer);
    return given(call, spent, { near, outcome: 'verified' }, keep);
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
      async (reserve, cancellation) => {
        const [before, now] = await shown;
        if (before === undefined || now === undefined) return unserved(NOT_SHOWN, []);
        const call = { ...planned.call, reserve, cancellation };
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

const NOTHING_SPENT = { spentNano: 0, besidesNano: 0 } as const;

/** What was found, as long as it may be given to this call; it may have been purged, or made anew, since. */
function stillHeld({ cached }: ReusingCall, { near }: Looked): HeldNear | undefined {
  const held = near === undefined ? undefined : cached.held(near.question.digest);
  return near !== undefined && held?.answer.requestId === near.requestId ? { ...near, held } : undefined;
}

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

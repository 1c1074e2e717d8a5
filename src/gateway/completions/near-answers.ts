import type { Sha256 } from '../../cache/cache-key.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import type { SemanticReuse } from '../../contract/routes/route-rules.ts';
import { SHARED_WORK_BOUNDS } from '../../contract/api/shared-work.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Clock } from '../../kernel/clock.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { ModelCharge } from '../../upstreams/money/settlement.ts';
import { SURFACES } from '../../upstreams/protocol/surfaces.ts';
import type { AskedQuestion } from '../../upstreams/reuse/asked-question.ts';
import type { Neighbour } from '../../upstreams/reuse/neighbours.ts';
import { Neighbours } from '../../upstreams/reuse/neighbours.ts';
import { mayAskTheSame } from '../../upstreams/reuse/question-difference.ts';
import { reusableText } from '../../upstreams/reuse/reusable-text.ts';
import { reuseVerdictCall } from '../../upstreams/reuse/reuse-verdicts.ts';
import type { Target } from '../../upstreams/target.ts';
import { askVerifier, shownTo } from './ask-verifier.ts';
import type { CachedCall, StoredAnswer } from './completion-cache.ts';
import { askedIn } from './completion-cache.ts';
import type { EmbeddedQuestion, Spent } from './embedded-question.ts';
import { embeddedQuestion } from './embedded-question.ts';
import type { PlannedCall, PlanServer } from './plan-server.ts';
import { deadlineOf } from './plan-server.ts';
import type { QuestionEmbedder } from '../routes/question-embedder.ts';
import type { ReuseRun } from '../routes/reuse-run.ts';

interface NearAnswersParts {
  readonly server: PlanServer;
  readonly embedder: QuestionEmbedder;
  readonly sha256: Sha256;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
}

/** A call that may be given an answer that was made for another question. */
export interface ReusingCall {
  readonly cached: CachedCall;
  readonly planned: PlannedCall;
  readonly run: ReuseRun;
  readonly asked: AskedQuestion;
}

/** A question near the one that is asked, and its answer. */
export interface NearAnswer extends Neighbour {
  /** The call whose answer it is. */
  readonly requestId: string;
  /** What the answer says, and what of that others than the caller may read. */
  readonly text: string;
  readonly shown: string;
  /** Of the verifier, NaN where it gives no verdict; absent: none was asked. */
  readonly confidence?: number;
}

/** What one call has found for all that ask the same at once: data alone. */
export interface Looked {
  /** Questions of one context may have answers in common. */
  readonly context: string;
  readonly vector: Float32Array;
  /** Absent: there is none. */
  readonly near?: NearAnswer;
}

/** What a call has found, and what it pays for that. */
export interface Found {
  /** Absent: there is no vector, or the call cannot pay for it. */
  readonly looked?: Looked;
  readonly spent: Spent;
}

/** What the call that looked has for the others: `gone`: its caller has left, and another looks. */
type Shared = Looked | 'none' | 'gone';

/** Answers to questions that are near in meaning, as an embedding model and a verifier find them. What an isolate loses with its memory are savings. */
export class NearAnswers {
  readonly #parts: NearAnswersParts;
  readonly #neighbours = new Neighbours();
  readonly #looks: SharedWork<Shared>;

  constructor(parts: NearAnswersParts) {
    this.#parts = parts;
    this.#looks = new SharedWork({ ...parts, bounds: SHARED_WORK_BOUNDS });
  }

  /**
   * The nearest answer that may be given, judged by the verifier, if there is one. Of calls that ask the same at once one looks, and pays. `asked`
   * stands for the question and the rules by which it is judged. [U186]
   */
  async find(call: ReusingCall, policy: SemanticReuse, verifier: Target | undefined, asked: string): Promise<Found> {
    const { directives, tags } = call.cached.question.terms;
    // Which answers may be given depends on these.
    const key = `${asked}\n${canonicalJson([directives, tags.toSorted()])}`;
    const leftMs = Math.max(0, deadlineOf(call.planned) - this.#parts.clock.nowMs());
    const waitBudget = { leftMs: Math.min(leftMs, this.#looks.waitBudget().leftMs) };
    for (;;) {
      let own: PromiseSettledResult<Found> | undefined;
      const shared = await this.#looks.run(
        key,
        async () => {
          const [looked] = await Promise.allSettled([this.#look(call, policy, verifier)]);
          own = looked;
          return call.planned.call.cancellation.isCancelled ? 'gone' : sharedOf(looked);
        },
        waitBudget,
      );
      if (own?.status === 'rejected') throw own.reason;
      if (own !== undefined) return own.value;
      if (!shared.ok || shared.value.value === 'none') return this.#look(call, policy, verifier);
      if (shared.value.value !== 'gone') return { looked: shared.value.value, spent: NOTHING };
    }
  }

  /** Keeps a question whose answer can answer others, unless nothing is to be kept. Answers what the answer says. */
  keep({ cached, planned, asked }: ReusingCall, { context, vector }: Looked, answer: StoredAnswer): string | undefined {
    const text = textOf(planned, answer);
    const { digest, terms } = cached.question;
    if (text === undefined || !terms.directives.store) return text;
    const expiresAtMs = this.#parts.clock.nowMs() + terms.ttlMs;
    this.#neighbours.add(context, { text: asked.text, vector, digest, expiresAtMs });
    return text;
  }

  async #look(call: ReusingCall, policy: SemanticReuse, verifier: Target | undefined): Promise<Found> {
    const { cached, planned, run, asked } = call;
    const { question } = cached;
    const embedded = await embeddedQuestion(this.#parts, planned, run, policy.model, asked.text);
    if (embedded === undefined) return { spent: NOTHING };
    const { vector } = embedded;
    const around = [question.tenantId, question.basis, ...aroundOf(planned), askedIn(asked.with('')), policy.model, embedded.contract];
    const context = this.#parts.sha256(utf8(canonicalJson(around)));
    const near = await this.#nearest(call, policy, context, embedded);
    if (near === undefined) return { looked: { context, vector }, spent: embedded };
    if (verifier === undefined) return { looked: { context, vector, near }, spent: embedded };
    const asking = reuseVerdictCall(verifier, asked.text, near.question.text, near.shown);
    const { confidence, charges } = await askVerifier(this.#parts.server, planned, verifier, asking);
    return { looked: { context, vector, near: { ...near, confidence } }, spent: spentBesides(embedded, charges) };
  }

  /** The nearest question that may ask the same, and whose answer may be given now. */
  async #nearest(
    { cached, planned, asked }: ReusingCall,
    { similarity_min: similarityMin }: SemanticReuse,
    context: string,
    { vector }: EmbeddedQuestion,
  ): Promise<NearAnswer | undefined> {
    const nowMs = this.#parts.clock.nowMs();
    for (const neighbour of this.#neighbours.near(context, vector, similarityMin, nowMs, COMPLETION_LIMITS.reuseNearestMaxCount)) {
      if (!mayAskTheSame(asked.text, neighbour.question.text)) continue;
      const answer = cached.held(neighbour.question.digest)?.answer;
      const text = answer === undefined ? undefined : textOf(planned, answer);
      if (answer === undefined || text === undefined) continue;
      const shown = await shownTo(planned.call, text);
      return shown === undefined ? undefined : { ...neighbour, requestId: answer.requestId, text, shown };
    }
    return undefined;
  }
}

/** What one call did not get, another may. */
function sharedOf(found: PromiseSettledResult<Found>): Shared {
  const looked = found.status === 'rejected' ? undefined : found.value.looked;
  return looked === undefined || Number.isNaN(looked.near?.confidence) ? 'none' : looked;
}

export const NOTHING: Spent = { charges: [], nano: 0 };

/** What is asked besides the body. */
export const aroundOf = ({ call: { surface, headers, prompt } }: PlannedCall): unknown[] => [surface, headers, prompt ?? null];

export const textOf = ({ call }: PlannedCall, { pieces, isStream }: StoredAnswer): string | undefined =>
  reusableText(SURFACES[call.surface].dialect, pieces, isStream);

const spentBesides = ({ charges, nano }: Spent, more: readonly ModelCharge[]): Spent => ({
  charges: [...charges, ...more],
  nano: more.reduce((sum, { settlement }) => sum + settlement.nano, nano),
});

import type { ErrorCode } from '../../contract/api/errors.ts';
import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import { requestNanoAt, usd } from '../../tenancy/usage/price-book.ts';
import { agreementOf } from '../../upstreams/cascade/agreement.ts';
import type { CascadeOutcome, CascadeRun } from '../../upstreams/cascade/cascade-decision.ts';
import { answerVerdictCall, questionOf } from '../../upstreams/cascade/verifier.ts';
import type { Undispatched } from '../../upstreams/dispatch.ts';
import { AnswerNotes } from '../../upstreams/protocol/answer-notes.ts';
import { Exchanges } from '../../upstreams/protocol/exchange.ts';
import type { CascadeTerms, Plan } from '../../upstreams/target.ts';
import { askVerifier, shownTo } from './ask-verifier.ts';
import type { ModelCharge } from '../../upstreams/money/settlement.ts';
import type { Completed, CompletionCall } from './completion-call.ts';
import type { HeldAnswer } from './held-answer.ts';
import { heldAnswer } from './held-answer.ts';
import type { PlannedCall, PlanServer, ServeTerms } from './plan-server.ts';
import type { SchemaJudge } from '../guardrails/schema-judge.ts';

type Served = Result<Completed, Undispatched>;

interface CascadeParts {
  readonly server: PlanServer;
  readonly judge: Pick<SchemaJudge, 'accepts'>;
  readonly clock: Clock;
}

interface CascadeCall {
  readonly terms: CascadeTerms;
  readonly run: CascadeRun;
  readonly onEnd: NonNullable<ServeTerms['onEnd']>;
}

/** The answer of a student, judged. */
interface Judged {
  readonly served: Completed;
  readonly held: HeldAnswer;
  readonly notes: AnswerNotes;
  readonly confidence: number;
  /** What judging has cost. */
  readonly charges: readonly ModelCharge[];
}

/** Refusals for want of a server: others may have an answer. */
const UNANSWERED: ReadonlySet<ErrorCode> = new Set(['upstream_unavailable', 'upstream_busy', 'upstream_failed', 'upstream_misconfigured']);

/**
 * Whether a teacher may have an answer where the student has none. What a student rejects may be the probabilities that only Sluice asks for, which
 * some models do not report.
 */
const mayTeach = (code: ErrorCode, { call }: PlannedCall, { confidence }: CascadeTerms): boolean =>
  UNANSWERED.has(code) ||
  (code === 'upstream_rejected' && confidence.kind === 'token-probability' && (call.body['logprobs'] ?? false) === false);

/** Refusals of what a call has to pay with. */
const UNPAID: ReadonlySet<ErrorCode> = new Set(['insufficient_quota', 'rate_limit_exceeded', 'limit_exceeded', 'unavailable']);

/**
 * Calls of a cascade: the student is asked first, and its answer is judged before anything of it is sent. The teacher is asked where it is not sure
 * enough, if the cap and the caller's budget let that pass; otherwise the student's answer stands. [U170] [U172]
 */
export class CascadedCompletions {
  readonly #parts: CascadeParts;

  constructor(parts: CascadeParts) {
    this.#parts = parts;
  }

  async complete(planned: PlannedCall, cascade: CascadeCall): Promise<Served> {
    const { terms, run, onEnd } = cascade;
    const { server, clock } = this.#parts;
    const [students, teachers] = divided(planned.plan, terms);
    if (students === undefined || teachers === undefined) return server.serve(planned, { onEnd });
    const notes = newNotes();
    const asksProbabilities = terms.confidence.kind === 'token-probability';
    const served = await server.serve({ ...planned, plan: students }, { notes, asksProbabilities, waitsForNoReplica: true });
    if (!served.ok) return this.#withoutStudent(planned, cascade, teachers, served.error);
    const student = { ...served.value, plan: planned.plan };
    const held = await heldAnswer(student.answer, ROUTE_LIMITS.cascadeHeldBytesMax);
    const since = (): number => clock.nowMs() - planned.nowMs;
    if (held.kind === 'long') {
      run.kept();
      const elapsedMs = since();
      const ended = held.answer.ended.then((end) => {
        onEnd(end.end, elapsedMs);
        return end;
      });
      return ok({ ...student, answer: { ...held.answer, ended }, cascade: unjudged(run, 'student', 'too-long') });
    }
    const isWhole = held.end.end === 'whole';
    const { confidence, charges } = isWhole ? await this.#judged(planned, terms, notes) : UNJUDGED;
    const judged: Judged = { served: student, held, notes, confidence, charges };
    if (held.end.end === 'cancelled') return ok(kept(judged, unjudged(run, 'student', 'student-failed'), planned));
    // An answer that broke off before anything of it was sent is none: the teacher is a fallback then, which no cap holds back.
    const decision = isWhole ? run.decide(confidence) : undefined;
    if (decision?.answer === 'student') {
      onEnd('whole', since());
      if (run.isShadowed) this.#shadow(planned, cascade, teachers, judged);
      return ok(kept(judged, decision, planned));
    }
    const escalated = { answer: 'teacher', why: decision?.why ?? 'student-failed', confidence, threshold: run.threshold } as const;
    return this.#escalated(planned, cascade, teachers, judged, escalated);
  }

  /** The teacher's answer; where there is none, the student's stands. */
  async #escalated(
    planned: PlannedCall,
    { run, onEnd }: CascadeCall,
    teachers: Plan,
    judged: Judged,
    outcome: CascadeOutcome,
  ): Promise<Served> {
    const { served: student, held, notes, confidence } = judged;
    const charges = [...judged.charges, { target: student.target, settlement: student.settle(held.end) }];
    const besidesNano = charges.reduce((sum, { settlement }) => sum + settlement.nano, 0);
    const teacherNotes = newNotes();
    let hasBegun = false;
    const taught = await this.#parts.server.serve(
      { ...planned, plan: teachers },
      {
        notes: teacherNotes,
        besidesNano,
        onEnd: (end, elapsedMs) => {
          // A teacher without an answer is no failure of the route: the student's stands.
          if (end === 'whole' || hasBegun) onEnd(end, elapsedMs);
          if (end === 'whole' && held.end.end === 'whole') compare(run, confidence, notes, teacherNotes);
        },
      },
    );
    hasBegun = true;
    if (!taught.ok) {
      onEnd(held.end.end, this.#parts.clock.nowMs() - planned.nowMs);
      const why = UNPAID.has(taught.error.refusal.code) ? 'unpaid' : 'teacher-failed';
      const attempts = [...student.attempts, ...taught.error.attempts];
      return ok({ ...kept(judged, { ...outcome, answer: 'student', why }, planned), attempts });
    }
    const attempts = [...student.attempts, ...taught.value.attempts];
    return ok({ ...taught.value, plan: planned.plan, attempts, besides: charges, cascade: outcome });
  }

  /** The student has no answer: the teacher is its fallback. */
  async #withoutStudent(planned: PlannedCall, { terms, run, onEnd }: CascadeCall, teachers: Plan, failed: Undispatched): Promise<Served> {
    if (!mayTeach(failed.refusal.code, planned, terms) || planned.call.cancellation.isCancelled) return err(failed);
    const taught = await this.#parts.server.serve({ ...planned, plan: teachers }, { onEnd });
    if (!taught.ok) return err({ ...taught.error, attempts: [...failed.attempts, ...taught.error.attempts] });
    const attempts = [...failed.attempts, ...taught.value.attempts];
    return ok({ ...taught.value, plan: planned.plan, attempts, cascade: unjudged(run, 'teacher', 'student-failed') });
  }

  /** How sure the student's answer is, from 0 to 1. NaN: it could not be determined. [U171] */
  async #judged(planned: PlannedCall, terms: CascadeTerms, notes: AnswerNotes): Promise<Pick<Judged, 'confidence' | 'charges'>> {
    const { confidence } = terms;
    switch (confidence.kind) {
      case 'token-probability':
        return { ...UNJUDGED, confidence: notes.tokenProbability ?? Number.NaN };
      case 'top-score':
        return { ...UNJUDGED, confidence: notes.topScore ?? Number.NaN };
      case 'json-schema': {
        if (notes.text === undefined) return UNJUDGED;
        const accepted = await this.#parts.judge.accepts(confidence.schema, notes.text).catch(() => undefined);
        return { ...UNJUDGED, confidence: Number(accepted ?? Number.NaN) };
      }
      case 'verifier':
        return this.#verified(planned, terms, notes);
    }
  }

  async #verified(
    planned: PlannedCall,
    { verifier }: CascadeTerms,
    { text }: AnswerNotes,
  ): Promise<Pick<Judged, 'confidence' | 'charges'>> {
    if (verifier === undefined || text === undefined) return UNJUDGED;
    const { call } = planned;
    const answer = await shownTo(call, text);
    if (answer === undefined) return UNJUDGED;
    const asked = answerVerdictCall(verifier, questionOf(call.surface, call.body), answer);
    return askVerifier(this.#parts.server, planned, verifier, asked);
  }

  /** Asks the teacher what the student has answered already, to learn whether they agree. [U174] */
  #shadow({ call, nowMs }: PlannedCall, { run }: CascadeCall, teachers: Plan, { confidence, notes }: Judged): void {
    const { stream: _, stream_options: __, ...body } = call.body;
    const asked: CompletionCall = { ...call, body };
    const teacherNotes = newNotes();
    const exchanges = new Exchanges({ ...asked, nowMs });
    call.shadow(
      (reserve, cancellation) =>
        this.#parts.server.serve(
          { call: { ...asked, reserve, cancellation }, exchanges, plan: teachers, nowMs },
          { notes: teacherNotes, waitsForNoReplica: true },
        ),
      (nano) => {
        run.shadowed(nano);
        compare(run, confidence, notes, teacherNotes);
      },
    );
  }
}

const UNJUDGED = { confidence: Number.NaN, charges: [] } as const;

const unjudged = ({ threshold }: CascadeRun, answer: CascadeOutcome['answer'], why: CascadeOutcome['why']): CascadeOutcome => ({
  answer,
  why,
  confidence: Number.NaN,
  threshold,
});

const newNotes = (): AnswerNotes => new AnswerNotes(ROUTE_LIMITS.cascadeHeldBytesMax);

/** The plans of the students and of the teachers; undefined where no target of theirs is left. */
function divided(plan: Plan, { students }: CascadeTerms): [Plan | undefined, Plan | undefined] {
  const { cascade: _, ...rest } = plan;
  const only = (isWanted: boolean): Plan | undefined => {
    const groups = plan.groups
      .map((group) => group.filter((target) => students.has(target) === isWanted))
      .filter(({ length }) => length > 0);
    return groups.length === 0 ? undefined : { ...rest, groups };
  };
  return [only(true), only(false)];
}

function compare(run: CascadeRun, confidence: number, student: AnswerNotes, teacher: AnswerNotes): void {
  if (Number.isNaN(confidence) || student.text === undefined || teacher.text === undefined) return;
  run.compared(confidence, agreementOf(student.text, teacher.text));
}

/** The student's answer, as it was held: it is charged whole, whether the caller takes all of it or not. */
function kept({ served, held, charges }: Judged, outcome: CascadeOutcome, { nowMs, spentNano = 0 }: PlannedCall): Completed {
  const settlement = served.settle(held.end);
  const nano = charges.reduce((sum, charge) => sum + charge.settlement.nano, settlement.nano + spentNano + requestNanoAt(nowMs));
  return { ...served, answer: held.again(usd(nano)), settle: () => settlement, besides: charges, cascade: outcome };
}

import type { Refusal } from '../../contract/api/errors.ts';
import type { ExplanationReply } from '../../contract/routes/routes.ts';
import type { ReuseOutcome } from '../../contract/routes/answer-reuse.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { KeyId } from '../../kernel/ids.ts';
import type { Result } from '../../kernel/result.ts';
import type { CascadeOutcome } from '../../upstreams/cascade/cascade-decision.ts';
import type { AttemptRecord, Undispatched } from '../../upstreams/dispatch.ts';
import type { ModelCharge, Settlement, UpstreamQuantities } from '../../upstreams/money/settlement.ts';
import type { SurfaceCall } from '../../upstreams/protocol/exchange.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import type { Cancellation } from '../../upstreams/transport.ts';
import type { AnswerTerms } from '../caches/answer-cache.ts';
import type { CacheReport } from '../caches/cache-report.ts';
import type { AddedUse, Classified } from './added-use.ts';
import type { AnswerPieces, CompletionEnd } from './answer-pieces.ts';
import type { GuardReport } from '../guardrails/guardrails.ts';
import type { CallOrigin, Routed } from '../routes/model-router.ts';

/** A call to an upstream, as it was admitted. */
export interface CompletionCall extends Omit<SurfaceCall, 'nowMs'> {
  readonly principal: TenantPrincipal;
  readonly requestId: string;
  /** The prompt whose messages the body has, as `name@version`. */
  readonly prompt?: string | undefined;
  readonly origin: CallOrigin;
  readonly cancellation: Cancellation;
  /** Reserves quota, all of it or none. */
  readonly reserve: (quantities: Partial<UpstreamQuantities & Classified>) => Promise<Outcome<void>>;
  /** Answers what of a text of the answer other models may read; undefined: nothing. Absent: all. [U176] */
  readonly shown?: ((text: string) => Promise<string | undefined>) | undefined;
  /** How the call uses the cache of answers; undefined: not at all. */
  readonly cacheTerms: AnswerTerms | undefined;
  /** The caller takes an answer that was made for a question near its own. */
  readonly acceptsCandidate?: boolean;
  /**
   * Makes a call in the background whose answer the caller does not get, with a reservation and a log entry of its own. `serve` receives the
   * function that reserves its quota, and what calls it off, though the caller may have left; `onSettled` receives its cost in nano-dollars, if it was answered.
   */
  readonly shadow: (
    serve: (reserve: CompletionCall['reserve'], cancellation: Cancellation) => Promise<Result<Completed, Undispatched>>,
    onSettled: (nano: number) => void,
  ) => void;
  /** Takes what the call consumes besides its answer. */
  readonly added: AddedUse;
  /** Called once the guardrails of the route have judged the request; their report grows until the answer has ended. */
  readonly onGuarded: (report: GuardReport) => void;
}

/** Why nothing was completed. */
export interface Uncompleted extends Undispatched {
  /** What was asked, or would have been. Absent: the call has no plan. */
  readonly plan?: Plan;
}

/** What became of an answer that was made for another question. */
export interface ReuseReport {
  /** Absent: none was found. */
  readonly outcome?: ReuseOutcome;
  /** What finding and judging it has cost, in nano-dollars. */
  readonly spentNano: number;
  /** Of that, what models of upstreams were charged: part of `besides`. */
  readonly besidesNano: number;
  /** Of one that was found by the nearness of its question. */
  readonly candidate?: {
    /** The call whose answer it is, and its key. */
    readonly requestId: string;
    readonly keyId: KeyId;
    readonly question: string;
    readonly answer: string;
    readonly similarity: number;
    /** Of the verifier. NaN: it was not asked, or gave no verdict. */
    readonly confidence: number;
  };
}

export interface Completed {
  readonly target: Target;
  readonly plan: Plan;
  /** Absent: the call names a model. */
  readonly routed?: Routed | undefined;
  readonly attempts: readonly AttemptRecord[];
  /** The charge of the call, given how its answer ended. */
  readonly settle: (end: CompletionEnd) => Settlement;
  /** Charges of further models for the same call: those of a cascade whose answers the caller does not get. */
  readonly besides?: readonly ModelCharge[];
  /** Absent: no cascade. */
  readonly cascade?: CascadeOutcome;
  /** Absent: the cache was not asked. */
  readonly cache?: CacheReport;
  /** What became of an answer that was made for another question; absent: there is none. */
  readonly reuse?: ReuseReport;
  /** Of an answer from the cache: the charge when it was made. */
  readonly savedNano?: number;
  readonly answer:
    | {
        readonly kind: 'whole';
        readonly text: string;
        /** Absent: JSON. */
        readonly contentType?: string;
        readonly end: CompletionEnd;
        /** Why the caller does not get the text. */
        readonly blocked?: Refusal;
      }
    | {
        readonly kind: 'stream';
        readonly stream: AnswerPieces;
        readonly ended: Promise<CompletionEnd>;
        /** Of bytes. Absent: events. */
        readonly contentType?: string;
      };
}

/**
 * What became of a candidate, as an explanation has it. A key that is restricted to some resources sees its own requests alone in the log, and here
 * no question or answer of another key. [U138]
 */
export function explainedReuse({ resources, keyId: own }: TenantPrincipal, reuse: ReuseReport | undefined): ExplanationReply['reuse'] {
  if (reuse?.outcome === undefined || reuse.candidate === undefined) return null;
  const { requestId: request, keyId, question, answer, similarity, confidence } = reuse.candidate;
  if (resources !== undefined && keyId !== own) return null;
  return { outcome: reuse.outcome, request, question, answer, similarity, confidence: Number.isNaN(confidence) ? null : confidence };
}

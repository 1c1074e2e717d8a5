import type { Refusal } from '../../contract/errors.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { TenantPrincipal } from '../../contract/principal.ts';
import type { Result } from '../../kernel/result.ts';
import type { CascadeOutcome } from '../../upstreams/cascade/cascade-decision.ts';
import type { AttemptRecord, Undispatched } from '../../upstreams/dispatch.ts';
import type { Settlement, UpstreamQuantities } from '../../upstreams/money/settlement.ts';
import type { SurfaceCall } from '../../upstreams/protocol/exchange.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import type { Cancellation } from '../../upstreams/transport.ts';
import type { AnswerTerms } from '../answer-cache.ts';
import type { CacheReport } from '../cache-report.ts';
import type { AnswerPieces, CompletionEnd } from './completion-stream.ts';
import type { GuardReport } from './guardrails.ts';
import type { CallOrigin, Routed } from './model-router.ts';

/** What classifiers of guardrails have read. */
export interface Classified {
  readonly embedding_tokens: number;
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
  readonly reserve: (quantities: Partial<UpstreamQuantities & Classified>) => Promise<Outcome<void>>;
  /** What the call asks of the cache; absent: nothing. */
  readonly cacheTerms: AnswerTerms | undefined;
  /**
   * Makes a call in the background whose answer the caller does not get, metered and logged by itself. `serve` gets what takes its quota;
   * `onSettled` takes what it has cost, in nano-dollars, if it was answered.
   */
  readonly shadow: (
    serve: (reserve: CompletionCall['reserve']) => Promise<Result<Completed, Undispatched>>,
    onSettled: (nano: number) => void,
  ) => void;
  /** Takes the tokens that classifiers of guardrails have read, once they are reserved. */
  readonly onClassified: (tokens: number) => void;
  /** Takes what the guardrails of the route do, once they have judged the request. */
  readonly onGuarded: (report: GuardReport) => void;
}

/** What one model is charged. */
export interface ModelCharge {
  readonly target: Target;
  readonly settlement: Settlement;
}

export interface Completed {
  readonly target: Target;
  readonly plan: Plan;
  /** Absent: the call names a model. */
  readonly routed?: Routed | undefined;
  readonly attempts: readonly AttemptRecord[];
  /** What the call is charged, by what it has come to. */
  readonly settle: (end: CompletionEnd) => Settlement;
  /** What other models are charged for the same call: of a cascade, those whose answers the caller does not get. */
  readonly besides?: readonly ModelCharge[];
  /** What a cascade did; absent: none did. */
  readonly cascade?: CascadeOutcome;
  /** What the cache did; absent: it was not asked. */
  readonly cache?: CacheReport;
  /** The answer was made for other words; `checked`: it is the model's own, and was compared with one that was. */
  readonly reuse?: 'reworded' | 'checked';
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

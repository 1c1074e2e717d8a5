import type { Refusal } from '../contract/api/errors.ts';
import type { Result } from '../kernel/result.ts';
import type { ModelCharge } from './money/settlement.ts';
import type { Plan, Target } from './target.ts';
import type { Cancellation, FaultKind, Opened, TransportFault } from './transport.ts';

/** One exchange with a target, as the request log and `x-sluice-route` show it. */
export interface AttemptRecord {
  readonly upstream: string;
  readonly model: string;
  /** Absent: there was no answer. */
  readonly status?: number;
  readonly fault?: FaultKind;
  readonly elapsedMs: number;
}

/** As rules, headers and usage name what was asked. */
export const attemptedTarget = ({ upstream, model }: AttemptRecord): string => `${upstream}/${model}`;

/** What a request needs of the dispatcher. */
export interface DispatchRequest {
  /** At most this many tokens go in and out: for balancing by outstanding work. */
  readonly tokensMax: number;
  /** Requests with the same prefix prefer the same target, whose cache may have it. */
  readonly prefixKey?: string;
  /** Whose request it is: where requests wait, owners take turns. Absent: one owner of all such. */
  readonly owner?: string;
  /** Sooner is served first where requests wait. */
  readonly priority: number;
  /** No attempt starts after it. */
  readonly deadlineMs?: number;
  /** Whether two targets may be asked at once: only where an answer has no effect and costs no tokens twice. */
  readonly mayHedge: boolean;
  readonly cancellation: Cancellation;
  /**
   * Whether the first piece of a body may begin an answer of the target's protocol. Where it may not, another target is asked. Absent: it
   * always may.
   */
  readonly accepts?: (target: Target, opened: Opened, firstPiece: Uint8Array) => boolean;
  /** What the first piece of a body refuses the call with, where it is an error that says nothing against the request: another target is asked, too. */
  readonly refusedBy?: (target: Target, opened: Opened, firstPiece: Uint8Array) => Refusal | undefined;
}

/**
 * An answer whose head and first piece have arrived. After it, nothing is retried. Its status is below 400, or it is the upstream's refusal
 * of this request, which no other target would answer otherwise: 400, 413, 422 and the like.
 */
export interface Dispatched {
  readonly target: Target;
  readonly opened: Opened;
  readonly attempts: readonly AttemptRecord[];
  /**
   * To be called when the body is whole or given up: frees the target's place and judges its health. Only the first call counts.
   * `tokensUsed`: what of `tokensMax` counts against the upstream's tokens a minute; absent: all of it.
   */
  finish(end: 'whole' | 'cancelled' | TransportFault, tokensUsed?: number): void;
}

/** No target serves: `upstream_unavailable`, `upstream_busy`, `upstream_failed` or `deadline_exceeded`, and what was tried. */
export interface Undispatched {
  readonly refusal: Refusal;
  readonly attempts: readonly AttemptRecord[];
  /** What other models are charged for the call nonetheless. */
  readonly besides?: readonly ModelCharge[];
}

/** Finds a target of the plan that serves: balances, retries, falls back. */
export interface Dispatcher {
  dispatch(
    plan: Plan,
    open: (target: Target, cancellation: Cancellation) => Promise<Opened | TransportFault>,
    request: DispatchRequest,
  ): Promise<Result<Dispatched, Undispatched>>;
}

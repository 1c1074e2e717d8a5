/** What an event is, and which one is good. */
export type Indicator =
  | { readonly kind: 'availability'; readonly by: CallSubject; readonly name: string }
  | { readonly kind: 'latency'; readonly by: CallSubject; readonly name: string; readonly belowMs: number }
  | { readonly kind: 'recall'; readonly index: string }
  | { readonly kind: 'freshness'; readonly index: string; readonly waitingMax: number }
  | { readonly kind: 'queue_wait'; readonly queue: string | null; readonly belowMs: number };

/** By what the log of requests counts, or an endpoint of the API, such as `POST /v1/embeddings`. */
export type CallSubject = 'route' | 'model' | 'target' | 'endpoint';

/** Plain data: it crosses RPC and is stored as JSON. */
export interface Objective {
  readonly name: string;
  readonly indicator: Indicator;
  /** The share of events that are to be good, below 1: a budget of nothing is spent by the first bad one. */
  readonly target: number;
  readonly windowDays: number;
  /** The team that answers for it. */
  readonly owner: string;
  readonly createdAtMs: number;
}

/** Events of a time, and how many of them were good. */
export interface EventCounts {
  readonly good: number;
  readonly total: number;
}

export const NO_EVENTS: EventCounts = { good: 0, total: 0 };

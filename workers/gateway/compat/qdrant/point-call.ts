import type { Outcome } from '../../../../src/contract/outcome.ts';
import type { Acting } from '../../../../src/gateway/authority.ts';
import type { Gateway } from '../../compose.ts';

/** Of a call, what reading and deleting points takes. */
export interface PointCall extends Acting {
  readonly gateway: Gateway;
  /** Its `timeout` is how many seconds a search may take. */
  readonly query?: { readonly timeout?: number | undefined };
}

/** Of a call, what writing points takes. */
export interface WritingCall extends PointCall {
  readonly reserve: (quantities: { readonly vectors_written: number }) => Promise<Outcome<void>>;
}

/** Of a call, what searching takes. */
export interface SearchingCall extends PointCall {
  readonly reserve: (quantities: { readonly vector_queries: number }) => Promise<Outcome<void>>;
}

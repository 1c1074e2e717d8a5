import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Caller } from './caller.ts';

/**
 * What an object of an index serves: everything; reads alone, while its vectors are handed over; or nothing but the follower that fills
 * it from another generation.
 */
export type Gate = 'open' | 'sealed' | 'closed';

/** The gate of an object, and the highest fencing token of a follower that it has seen: writes with a lower one come too late. */
export interface GateState {
  readonly gate: Gate;
  /** Stored under this name. */
  readonly run: number;
}

/** The state of an object that was never sealed or closed. */
export const OPEN: GateState = { gate: 'open', run: 0 };

/** Refuses with `index_moving` a client that the gate keeps out, and with `stale_fence` a write of a follower that was replaced. */
export function admit({ gate, run: newest }: GateState, caller: Caller, isWrite: boolean): Outcome<null> {
  switch (caller.kind) {
    case 'index-object':
      return ok(null);
    case 'client': {
      const isServed = gate === 'open' || (gate === 'sealed' && !isWrite);
      return isServed ? ok(null) : refuse('index_moving', 'the index is switching generations; retry');
    }
    case 'follower': {
      const isLate = isWrite && (caller.fencingToken < newest || gate !== 'closed');
      return isLate ? refuse('stale_fence', 'another run of the follower has taken over') : ok(null);
    }
  }
}

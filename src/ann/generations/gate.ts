import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';

/**
 * Whom a shard serves: all; all but writers, while its vectors are handed over; or none but whoever follows another generation into it.
 */
export type Gate = 'open' | 'sealed' | 'closed';

/** What a shard's gate is, and the highest run of a follower that it knows of: what an older run sends comes too late. */
export interface GateState {
  readonly gate: Gate;
  readonly run: number;
}

const MARK = '~';

/** The index id as the follower of that run gives it. */
export const followerId = (indexId: IndexId, run: number): IndexId => `${indexId}${MARK}${run}` as IndexId;

/** Who calls: the index id, and the follower's run if it is one. */
export function callerOf(named: IndexId): { readonly indexId: IndexId; readonly run: number | null } {
  const [indexId = '', run] = named.split(MARK);
  return { indexId: indexId as IndexId, run: run === undefined ? null : Number(run) };
}

/** Refuses with `index_moving` whom the gate keeps out, and with `stale_fence` a follower whose time is over. */
export function admit({ gate, run: newest }: GateState, run: number | null, isWrite: boolean): Outcome<null> {
  if (run === null) {
    const isServed = gate === 'open' || (gate === 'sealed' && !isWrite);
    return isServed ? ok(null) : refuse('index_moving', 'the index is changing over to other vectors; try again');
  }
  const isLate = isWrite && (run < newest || gate !== 'closed');
  return isLate ? refuse('stale_fence', 'another run of the follower has taken over') : ok(null);
}

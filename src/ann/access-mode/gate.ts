import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';

/**
 * Which calls a shard serves: all; all but writes, while its vectors are handed over; or none but those of the follower that copies another
 * generation into it.
 */
export type Gate = 'open' | 'sealed' | 'closed';

/** What a shard's gate is, and the highest run of a follower that it knows of: what an older run sends comes too late. */
export interface GateState {
  readonly gate: Gate;
  readonly run: number;
}

/** As everything begins that serves. */
export const OPEN: GateState = { gate: 'open', run: 0 };

const MARK = '~';
const INSIDER = '*';

/** The index id as the follower of that run gives it. */
export const followerId = (indexId: IndexId, run: number): IndexId => `${indexId}${MARK}${run}` as IndexId;

/** The index id as the objects of the index give it to each other: what they do was admitted before, by one of them. */
export const insiderId = (indexId: IndexId): IndexId => `${indexId}${MARK}${INSIDER}` as IndexId;

interface NamedCaller {
  readonly indexId: IndexId;
  /** Of a follower. */
  readonly run: number | null;
  readonly isInsider: boolean;
}

/** The caller: the index id that it names, and the run of a follower. */
export function callerOf(named: IndexId): NamedCaller {
  const [indexId = '', mark] = named.split(MARK);
  const isInsider = mark === INSIDER;
  return { indexId: indexId as IndexId, run: mark === undefined || isInsider ? null : Number(mark), isInsider };
}

/** Refuses with `index_moving` callers that the access mode excludes, and with `stale_fence` a follower whose run was superseded. */
export function admit({ gate, run: newest }: GateState, run: number | null, isWrite: boolean): Outcome<null> {
  if (run === null) {
    const isServed = gate === 'open' || (gate === 'sealed' && !isWrite);
    return isServed ? ok(null) : refuse('index_moving', 'the index is switching generations; retry');
  }
  const isLate = isWrite && (run < newest || gate !== 'closed');
  return isLate ? refuse('stale_fence', 'another run of the follower has taken over') : ok(null);
}

import type { NotShared, SharedWorkBounds } from '../../kernel/shared-work.ts';
import type { Refusal } from './errors.ts';
import { refusal } from './errors.ts';

/** Limits of work that requests of an isolate share (`SharedWork`). */
export const SHARED_WORK_LIMITS = {
  // A waiter looks for the result this soon: sooner would cost more than the calls that are saved. Later looks are further apart.
  sharedWorkFirstLookMs: 5,
  // Rarer looks would be felt: an answer that is there waits for the next one.
  sharedWorkLastLookMs: 50,
  // Requests that wait for one result: each holds its parsed body, so that many more would not fit into 128 MB anyway.
  sharedWorkWaitersMaxCount: 4_096,
  // Results under way: what fits the inputs of 32 full batches at once, some 200 bytes each.
  sharedWorkKeysMaxCount: 65_536,
  // A leader is taken for dead after so long. Longer than a model takes to load, a search or an embedding to be computed.
  sharedWorkLeaderMaxMs: 20_000,
  // A waiter outlives one leader, and then has time for the next.
  sharedWorkWaitMaxMs: 30_000,
  // A key record is read within `controlTimeoutMs`.
  keyReadMaxMs: 3_000,
  // A message to the quotas takes `controlTimeoutMs` at most.
  quotaMessageMaxMs: 3_000,
  // A slice waits for the message under way and for its own; or for two leaders that died.
  quotaRenewalMaxMs: 8_000,
  // Messages to the quotas that one request sends for those that wait: far from the calls that one request may make.
  quotaMessagesMaxCount: 32,
} as const;

/** What most work that is shared is bounded by. */
export const SHARED_WORK_BOUNDS: SharedWorkBounds = {
  leaderMaxMs: SHARED_WORK_LIMITS.sharedWorkLeaderMaxMs,
  waitMaxMs: SHARED_WORK_LIMITS.sharedWorkWaitMaxMs,
  waitersMaxCount: SHARED_WORK_LIMITS.sharedWorkWaitersMaxCount,
  keysMaxCount: SHARED_WORK_LIMITS.sharedWorkKeysMaxCount,
};

/** The same for work that may take so long and no longer. */
export const sharedFor = (leaderMaxMs: number, waitMaxMs: number): SharedWorkBounds => ({ ...SHARED_WORK_BOUNDS, leaderMaxMs, waitMaxMs });

/** Refuses a request that could not wait for another one's work. */
export function sharedRefusal(reason: NotShared, what: string): Refusal {
  if (reason === 'late') return refusal('unavailable', `${what} is not there in time; try again`);
  const waitersMax = SHARED_WORK_LIMITS.sharedWorkWaitersMaxCount;
  const message = `${what} is waited for by ${waitersMax} requests already, the most there may be (sharedWorkWaitersMaxCount); try again`;
  return { ...refusal('overloaded', message), retryAfterMs: 1_000 };
}

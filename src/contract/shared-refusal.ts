import type { NotShared } from '../kernel/shared-work.ts';
import type { Refusal } from './errors.ts';
import { refusal } from './errors.ts';
import { SHARED_WORK_LIMITS } from './shared-work-limits.ts';

/** Refuses a request that could not wait for another one's work. */
export function sharedRefusal(reason: NotShared, what: string): Refusal {
  if (reason === 'late') return refusal('unavailable', `${what} is not there in time; try again`);
  const waitersMax = SHARED_WORK_LIMITS.sharedWorkWaitersMaxCount;
  const message = `${what} is waited for by ${waitersMax} requests already, the most there may be (sharedWorkWaitersMaxCount); try again`;
  return { ...refusal('overloaded', message), retryAfterMs: 1_000 };
}

import type { Result } from '../../kernel/result.ts';
import { err } from '../../kernel/result.ts';
import type { Refusal } from './errors.ts';
import { refusal } from './errors.ts';

/** Refuses what cannot be done before its caller gives up. `what` waits before it, and takes `waitMs`. */
export function overloadRefusal(what: string, waitMs: number): Result<never, Refusal> {
  const retryAfterMs = Math.max(1, Math.ceil(waitMs));
  return err({ ...refusal('overloaded', `${what} take about ${retryAfterMs} ms`), retryAfterMs });
}

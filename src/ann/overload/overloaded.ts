import { refusal } from '../../contract/errors.ts';
import type { Refusal } from '../../contract/errors.ts';
import type { Result } from '../../kernel/result.ts';
import { err } from '../../kernel/result.ts';

/** Refuses a read that cannot be answered before its caller gives up; `waitMs`: how long the reads that wait take together. */
export function overloaded(waitMs: number): Result<never, Refusal> {
  const retryAfterMs = Math.max(1, Math.ceil(waitMs));
  return err({ ...refusal('overloaded', `the reads that wait for the shard take about ${retryAfterMs} ms`), retryAfterMs });
}

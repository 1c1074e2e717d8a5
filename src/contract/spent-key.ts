import { err } from '../kernel/result.ts';
import type { SpentKey } from './errors.ts';
import { refusal } from './errors.ts';

/** What became of it: the words after its id. */
export type KeyEnd = 'was deleted' | 'was erased' | 'was revoked' | 'has expired' | 'has had its secret rotated again';

/** The answer to a repetition whose result is gone (T78): nothing is made again, however late it comes. */
export function keySpent({ id, endedAtMs }: SpentKey, end: KeyEnd) {
  const since = endedAtMs === null ? '' : ` (${new Date(endedAtMs).toISOString()})`;
  const message = `was used before, and what it made, ${id}, ${end}${since}: use another key to make a new one`;
  return err({ ...refusal('idempotency_key_spent', message, 'idempotency-key'), spent: { id, endedAtMs } });
}

import { err, ok } from '../kernel/result.ts';
import type { SpentKeyBounds, SpentRequest } from '../kernel/sql/spent-keys.ts';
import type { SpentKey } from './errors.ts';
import { refusal } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { Outcome } from './outcome.ts';
import { refuse } from './outcome.ts';

export const SPENT_KEY_BOUNDS: SpentKeyBounds = { ttlMs: LIMITS.spentKeyTtlMs, countMax: LIMITS.spentKeysMaxCount };

/** What became of it: the words after its id. */
export type KeyEnd = 'was deleted' | 'was erased' | 'was revoked' | 'has expired' | 'has had its secret rotated again';

/** The answer to a repetition whose result is gone (T78): nothing is made again, however late it comes. */
export function keySpent({ id, endedAtMs }: SpentKey, end: KeyEnd) {
  const since = endedAtMs === null ? '' : ` (${new Date(endedAtMs).toISOString()})`;
  const message = `was used before, and what it made, ${id}, ${end}${since}: use another key to make a new one`;
  return err({ ...refusal('idempotency_key_spent', message, 'idempotency-key'), spent: { id, endedAtMs } });
}

/**
 * Refuses a request under a key whose result was deleted: with `idempotency_key_spent` a repetition, and with `idempotency_mismatch` another
 * one. Undefined: none was.
 */
export function admitKey(spent: SpentRequest | undefined, digest: string): Outcome<null> {
  if (spent === undefined) return ok(null);
  if (spent.digest === digest) return keySpent({ id: spent.made, endedAtMs: spent.endedMs }, 'was deleted');
  return refuse('idempotency_mismatch', 'was used by another caller or with other arguments', 'idempotency-key');
}

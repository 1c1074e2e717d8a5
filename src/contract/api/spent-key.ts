import { err, ok } from '../../kernel/result.ts';
import type { KeyedRequest, SpentKeyBounds, SpentRequest } from '../../kernel/sql/spent-keys.ts';
import type { SpentKey } from './errors.ts';
import { refusal } from './errors.ts';
import { API_LIMITS } from './api-limits.ts';
import type { Outcome } from './outcome.ts';
import { refuse } from './outcome.ts';

export const SPENT_KEY_BOUNDS: SpentKeyBounds = { ttlMs: API_LIMITS.spentKeyTtlMs, countMax: API_LIMITS.spentKeysMaxCount };

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
  return keyMismatch();
}

export const keyMismatch = () => refuse('idempotency_mismatch', 'was used by another caller or with other arguments', 'idempotency-key');

/** A store that remembers which request made what. */
interface KeyedStore<Made> {
  madeBy(key: string): { readonly digest: string; readonly made: Made } | undefined;
  spentBy(key: string, nowMs: number): SpentRequest | undefined;
}

/**
 * What a request made when it was first sent; undefined: nothing, so it is new. Refuses with `idempotency_mismatch` another request under
 * its key (T60), and with `idempotency_key_spent` a repetition whose result was deleted (T78).
 */
export function madeBefore<Made>(store: KeyedStore<Made>, request: KeyedRequest | null, nowMs: number): Outcome<Made | undefined> {
  if (request === null) return ok(undefined);
  const known = store.madeBy(request.key);
  if (known !== undefined) return known.digest === request.digest ? ok(known.made) : keyMismatch();
  const admitted = admitKey(store.spentBy(request.key, nowMs), request.digest);
  return admitted.ok ? ok(undefined) : admitted;
}

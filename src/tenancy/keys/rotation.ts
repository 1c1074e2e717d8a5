import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { KeyRecord } from './key-record.ts';
import { deadSince } from './key-record.ts';

/** A secret to put in the place of the current one. */
export interface NewSecret {
  readonly mac: string;
  /** How long the replaced secret keeps working. */
  readonly graceMs: number;
  /** What the secret was derived from, beside the pepper and the idempotency key. Proves nothing by itself. */
  readonly nonce: string;
  /** Where the rotation is remembered; null without an idempotency key. */
  readonly receiptId: string | null;
}

/** A rotation that was asked for under an idempotency key. */
export interface RotationReceipt {
  readonly id: string;
  readonly nonce: string;
  readonly mac: string;
}

/** A key after a rotation, with the nonce of the secret that this rotation made: the first one's, if it was a repetition. */
export interface Rotated {
  readonly record: KeyRecord;
  readonly nonce: string;
}

/** The key, while the secret that a request made still is its current one (T61). */
export function whileCurrent(record: KeyRecord, mac: string, nowMs: number): Outcome<KeyRecord> {
  const dead = deadSince(record, nowMs);
  if (dead !== undefined)
    return refuse('state_conflict', `this idempotency-key was used before, and its key is ${dead} since`, 'idempotency-key');
  if (record.secrets[0]?.mac === mac) return ok(record);
  return refuse('state_conflict', 'this idempotency-key was used before, and the secret it made has been rotated since', 'idempotency-key');
}

import type { Outcome } from '../../contract/outcome.ts';
import { keySpent } from '../../contract/spent-key.ts';
import { ok } from '../../kernel/result.ts';
import type { KeyRecord } from './key-record.ts';
import { deadSince } from './key-record.ts';

/** A secret that replaces the current one. */
export interface NewSecret {
  readonly mac: string;
  /** How long the replaced secret keeps working. */
  readonly graceMs: number;
  /** What the secret was derived from, besides the pepper and the idempotency key. Proves nothing by itself. */
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
  const { id, revokedAtMs, expiresAtMs } = record;
  const dead = deadSince(record, nowMs);
  if (dead === 'revoked') return keySpent({ id, endedAtMs: revokedAtMs }, 'was revoked');
  if (dead === 'expired') return keySpent({ id, endedAtMs: expiresAtMs }, 'has expired');
  const [current] = record.secrets;
  return current?.mac === mac ? ok(record) : keySpent({ id, endedAtMs: current?.createdAtMs ?? null }, 'has had its secret rotated again');
}

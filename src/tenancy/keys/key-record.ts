import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Scope } from '../../contract/api/principal.ts';
import { keySpent } from '../../contract/api/spent-key.ts';
import { constantTimeEqual } from '../../kernel/hmac.ts';
import type { KeyId, OrganisationId, ProjectId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';

/** One way to prove a key. The secret itself is nowhere: only its HMAC under the pepper, which no object holds. */
export interface KeySecret {
  readonly mac: string;
  readonly createdAtMs: number;
  /** Null for the current secret; a replaced one dies at this time. */
  readonly validUntilMs: number | null;
}

/** An API key as it is stored. Newest secret first; at most two. */
export interface KeyRecord {
  readonly id: KeyId;
  readonly organisationId: OrganisationId;
  readonly tenantId: TenantId;
  readonly projectId: ProjectId;
  readonly name: string;
  readonly owner: string;
  readonly scopes: readonly Scope[];
  readonly secrets: readonly KeySecret[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  /** See `KeyBounds`. Absent: no bound. */
  readonly addresses?: readonly string[] | null;
  readonly origins?: readonly string[] | null;
  readonly resources?: readonly string[] | null;
  readonly labels?: readonly string[] | null;
  /** The keys that made this one, with their projects, from the first. Absent: the admin made it. */
  readonly lineage?: readonly (ProjectId | KeyId)[];
}

/** A revoked key, and the keys that descend from it where they were to be revoked with it. */
export interface Revoked {
  readonly record: KeyRecord;
  readonly descendants: readonly KeyId[];
}

/** A key as the authenticator reads it, with what its organisation has decided for all its tenants. */
export interface AdmittedKey extends KeyRecord {
  readonly sharesCache?: boolean;
  readonly isSuspended?: boolean;
  /** Of what keys and tenants of the organisation may do, when the record was read. Absent: the object is of a deployment before it was kept. */
  readonly version?: number;
}

export type NewKey = Omit<KeyRecord, 'secrets' | 'revokedAtMs'> & { readonly mac: string };

export function issue({ mac, ...key }: NewKey): KeyRecord {
  return { ...key, secrets: [{ mac, createdAtMs: key.createdAtMs, validUntilMs: null }], revokedAtMs: null };
}

/** A new secret besides the current one, which stays valid for `graceMs`. */
export function rotate(record: KeyRecord, mac: string, graceMs: number, nowMs: number): Outcome<KeyRecord> {
  const dead = deadSince(record, nowMs);
  if (dead !== undefined) return refuse('state_conflict', `the key is ${dead} and cannot be rotated`);
  const [current] = record.secrets;
  const replaced = current === undefined ? [] : [{ ...current, validUntilMs: nowMs + graceMs }];
  return ok({ ...record, secrets: [{ mac, createdAtMs: nowMs, validUntilMs: null }, ...replaced] });
}

/** Revoking is final, and doing it again changes nothing. */
export function revoke(record: KeyRecord, nowMs: number): KeyRecord {
  return record.revokedAtMs === null ? { ...record, revokedAtMs: nowMs } : record;
}

/** Whether `mac` proves the key now. The result does not distinguish a wrong secret from a revoked key. */
export function verify(record: KeyRecord, mac: string, nowMs: number): Outcome<KeyRecord> {
  let proved = false;
  for (const secret of record.secrets) {
    const equal = constantTimeEqual(mac, secret.mac);
    if (equal && (secret.validUntilMs === null || nowMs < secret.validUntilMs)) proved = true;
  }
  const dead = deadSince(record, nowMs);
  if (!proved || dead === 'revoked') return UNKNOWN_KEY;
  return dead === 'expired' ? EXPIRED_KEY : ok(record);
}

/** When the key expires, or a replaced secret of it dies; Infinity: never after `nowMs`. */
export function lapsesAtMs({ secrets, expiresAtMs }: KeyRecord, nowMs: number): number {
  const times = [expiresAtMs, ...secrets.map(({ validUntilMs }) => validUntilMs)].filter((atMs) => atMs !== null && atMs > nowMs);
  return Math.min(...(times as number[]));
}

/** The one answer to every key that proves nothing. */
export const UNKNOWN_KEY = refuse(
  'invalid_api_key',
  'the API key is not valid: it is of another gateway, was revoked, or its tenant is gone',
);

export const EXPIRED_KEY = refuse('key_expired', 'the API key has expired');

export const SUSPENDED_TENANT = refuse('tenant_suspended', 'the tenant is suspended');

/** Why no secret proves the key any more. */
export function deadSince(record: KeyRecord, nowMs: number): 'revoked' | 'expired' | undefined {
  if (record.revokedAtMs !== null) return 'revoked';
  return record.expiresAtMs !== null && nowMs >= record.expiresAtMs ? 'expired' : undefined;
}

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

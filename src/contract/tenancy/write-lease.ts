import type { AuthorityEnd } from './authority-end.ts';
import { TENANCY_LIMITS } from './tenancy-limits.ts';
import type { Outcome } from '../api/outcome.ts';
import { refuse } from '../api/outcome.ts';
import { ok } from '../../kernel/result.ts';

/**
 * A gateway's word that it has just found a key and its tenant in force. The object that commits a write in the key's name does so before
 * the lease ends, so that no write is committed later than `keyFreshMs` and `writeLeaseGuardMs` after a revocation.
 */
export interface WriteLease {
  readonly endsAtMs: number;
  /** It could not be determined whether the key is still in force: no erasure waits for such a lease to end. */
  readonly isUnconfirmed?: true;
}

/** Whose change of a stored record it is. */
export interface ChangedBy {
  /** A key's id, or `admin`: it stands in the record's history. */
  readonly actor: string;
  /** Undefined: the platform's admin, whose right no lease limits. */
  readonly lease: WriteLease | undefined;
}

/** The lease of a key, or a tenant, that was found in force at that time. */
export const leaseFrom = (checkedAtMs: number): WriteLease => ({
  endsAtMs: checkedAtMs + TENANCY_LIMITS.keyFreshMs + TENANCY_LIMITS.writeLeaseGuardMs,
});

/** Refuses with `lease_expired` what comes too late. No lease: work of Sluice itself, in no key's name. */
export const underLease = (lease: WriteLease | undefined, nowMs: number): Outcome<null> =>
  lease === undefined || nowMs < lease.endsAtMs ? ok(null) : refuse('lease_expired', 'the write arrived after its lease had ended');

export const ERASED_TENANT = refuse('tenant_suspended', 'the tenant is being erased: nothing can be created for it');

/** A store that takes nothing any more once its owner is being erased. */
interface ClosableStore {
  isClosed(): boolean;
  transaction<T>(changes: () => T): T;
}

/** Commits a change in one transaction, if the lease lasts and the store is not closed. */
export const changeUnder = <T>(lease: WriteLease | undefined, store: ClosableStore, nowMs: number, change: () => Outcome<T>): Outcome<T> =>
  store.transaction(() => {
    const admitted = store.isClosed() ? ERASED_TENANT : underLease(lease, nowMs);
    return admitted.ok ? change() : admitted;
  });

/** The right of one request, which may end while the request runs. */
export interface Authority {
  /**
   * Checks the key again, against a record at most `keyFreshMs` old. Refuses as authentication does once the key is revoked or has expired,
   * lacks the scope of the call, or its tenant is suspended or erased.
   */
  lease(): Promise<Outcome<WriteLease>>;
  /** Tells of its end by itself. Absent: only `lease` does. */
  readonly end?: AuthorityEnd;
}

/** A lease lasts long enough for a write to arrive: one that misses three of them meets an object that is not keeping up. */
const TRIES = 3;

/**
 * Does a durable step under a lease, and again under a new one where the lease ended before the step arrived. Null: work of Sluice itself,
 * under no key.
 */
export async function underAuthority<T>(
  authority: Authority | null,
  step: (lease: WriteLease | undefined) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  if (authority === null) return step(undefined);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const lease = await authority.lease();
    if (!lease.ok) return lease;
    const done = await step(lease.value);
    if (done.ok || done.error.code !== 'lease_expired') return done;
  }
  return refuse('unavailable', 'the write did not arrive in time to be checked: repeat it');
}

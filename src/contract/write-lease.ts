import { LIMITS } from './limits.ts';
import type { Outcome } from './outcome.ts';
import { refuse } from './outcome.ts';
import { ok } from '../kernel/result.ts';

/**
 * A gateway's word that it has just found a key and its tenant in force. The object that commits a write in the key's name does so before
 * the lease ends, so that no write is committed later than `keyFreshMs` and `writeLeaseGuardMs` after a revocation.
 */
export interface WriteLease {
  readonly endsAtMs: number;
  /** It could not be determined whether the key is still in force: no erasure waits for such a lease to end. */
  readonly isUnconfirmed?: true;
}

/** The lease of a key, or a tenant, that was found in force at that time. */
export const leaseFrom = (checkedAtMs: number): WriteLease => ({
  endsAtMs: checkedAtMs + LIMITS.keyFreshMs + LIMITS.writeLeaseGuardMs,
});

/** Refuses with `lease_expired` what comes too late. No lease: work of Sluice itself, in no key's name. */
export const underLease = (lease: WriteLease | undefined, nowMs: number): Outcome<null> =>
  lease === undefined || nowMs < lease.endsAtMs ? ok(null) : refuse('lease_expired', 'the write arrived after its lease had ended');

import { assert } from '../kernel/assert.ts';
import type { PurgeLog } from './purge-log.ts';
import type { FillStamp, LoggedPredicate } from './purge-predicate.ts';

/**
 * What the owner of a log promises a reader: for `leaseMs` from now, no purge that `tail` lacks is reported as effective.
 * Durations cross between machines; the one wall time that does is read on the log's clock alone.
 */
export interface LeaseGrant {
  /** The position that `tail` continues. */
  readonly since: number;
  readonly tail: readonly LoggedPredicate[];
  readonly leaseMs: number;
  /** The time of the grant on the log's clock. */
  readonly grantedAtMs: number;
}

/**
 * The owner's side. Every lease granted so far is on a position before the next purge, so one number is all there is to
 * remember: when the last of them ends. An owner that starts does not know what it granted before and presumes the worst.
 */
export interface LeaseBook {
  readonly leasedUntilMs: number;
}

export interface LeaseTerms {
  readonly leaseMs: number;
  /** How much later than the reader the owner takes a lease to end: room for clocks that run at different speeds. */
  readonly guardMs: number;
}

export const openLeaseBook = (terms: LeaseTerms, nowMs: number): LeaseBook => ({ leasedUntilMs: nowMs + terms.leaseMs + terms.guardMs });

/** A clock that was set back must not shorten a lease that was granted before. */
export const grantLease = (book: LeaseBook, terms: LeaseTerms, nowMs: number): LeaseBook => ({
  leasedUntilMs: Math.max(book.leasedUntilMs, nowMs + terms.leaseMs + terms.guardMs),
});

/** When a purge appended at `nowMs` holds for every reader. */
export const effectiveAtMs = (book: LeaseBook, nowMs: number): number => Math.max(nowMs, book.leasedUntilMs);

/** The reader's side: the purges received so far, and until when no later one can be effective. */
export interface PurgeView {
  readonly log: PurgeLog;
  readonly leasedUntilMs: number;
  /** The newest time on the log's clock that a grant carried, and when, on the reader's own, that grant was requested. */
  readonly knownMs: number;
  readonly askedAtMs: number;
}

/** What a fill that starts now is stamped with. */
export const stampOf = ({ log, knownMs }: PurgeView): FillStamp => ({ position: log.position, knownMs });

/** The time on the log's clock, at the latest. */
export const logTimeMs = ({ knownMs, askedAtMs }: PurgeView, nowMs: number): number => knownMs + Math.max(0, nowMs - askedAtMs);

/** Whether the view is complete: no request accepted by now may have to miss because of a purge that it lacks. */
export const isLeased = (view: PurgeView, nowMs: number): boolean => nowMs < view.leasedUntilMs;

/**
 * Takes in a grant that was asked for at `sentAtMs`: the owner's promise began later than that, so it ends no sooner than counted
 * here. Late and repeated grants do no harm.
 */
export function renewView(view: PurgeView, grant: LeaseGrant, sentAtMs: number): PurgeView {
  assert(view.log.position >= grant.since, 'a grant continues what the view knows, without a gap');
  const log = view.log.extend(grant.tail);
  const leasedUntilMs = Math.max(view.leasedUntilMs, sentAtMs + grant.leaseMs);
  if (grant.grantedAtMs <= view.knownMs) return { ...view, log, leasedUntilMs };
  return { log, leasedUntilMs, knownMs: grant.grantedAtMs, askedAtMs: sentAtMs };
}

import { describe, expect, it } from 'vitest';

import { effectiveAtMs, grantLease, isLeased, logTimeMs, openLeaseBook, renewView, stampOf } from '../../../src/cache/purge-lease.ts';
import { PurgeLog } from '../../../src/cache/purge-log.ts';

const TERMS = { leaseMs: 900, guardMs: 100 };
const EMPTY = { log: new PurgeLog([], { predicatesMax: 10, termsMax: 10 }), leasedUntilMs: 0, knownMs: 0, askedAtMs: 0 };

describe('purge leases', () => {
  it('[C8] assume after a start that a lease has just been granted', () => {
    expect(effectiveAtMs(openLeaseBook(TERMS, 5000), 5000)).toBe(6000);
  });

  it('[C8] let a purge take effect at once if none is granted', () => {
    expect(effectiveAtMs(openLeaseBook(TERMS, 5000), 7000)).toBe(7000);
  });

  it('[C8] make a purge wait for the last one granted, also when the clock was set back', () => {
    const book = grantLease(grantLease(openLeaseBook(TERMS, 0), TERMS, 8000), TERMS, 7000);
    expect(effectiveAtMs(book, 8500)).toBe(9000);
  });

  it('[C6] count from before their request, and end exactly', () => {
    const view = renewView(EMPTY, { since: 0, tail: [], leaseMs: 900, grantedAtMs: 0 }, 1000);
    expect([1899, 1900].map((nowMs) => isLeased(view, nowMs))).toEqual([true, false]);
  });

  it('[C6] are not shortened by a late grant', () => {
    const later = renewView(EMPTY, { since: 0, tail: [], leaseMs: 900, grantedAtMs: 0 }, 2000);
    expect(renewView(later, { since: 0, tail: [], leaseMs: 900, grantedAtMs: 0 }, 1000).leasedUntilMs).toBe(2900);
  });

  it('[C6] are a defect if they would leave a gap in the log', () => {
    expect(() => renewView(EMPTY, { since: 3, tail: [], leaseMs: 900, grantedAtMs: 0 }, 0)).toThrow('without a gap');
  });

  it('[C62] carry the log’s time: a lower bound for fills, an upper bound for staleness', () => {
    const grant = (grantedAtMs: number) => ({ since: 0, tail: [], leaseMs: 900, grantedAtMs });
    const view = renewView(EMPTY, grant(70_000), 1000);
    expect(stampOf(view)).toEqual({ position: 0, knownMs: 70_000 });
    expect(logTimeMs(view, 1250)).toBe(70_250);
    // A late grant changes nothing, and neither does a reader's clock that was set back.
    const late = renewView(view, grant(69_900), 1100);
    expect([stampOf(late).knownMs, logTimeMs(late, 1250), logTimeMs(late, 900)]).toEqual([70_000, 70_250, 70_000]);
  });
});

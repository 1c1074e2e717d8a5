import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { underLease, underAuthority } from '../../../../src/contract/tenancy/write-lease.ts';
import type { Authority } from '../../../../src/contract/tenancy/write-lease.ts';
import { ok } from '../../../../src/kernel/result.ts';

/** A key whose lease lasts 100 ms, and an object that the n-th write reaches after `onTheWayMs[n]`. */
function world(onTheWayMs: readonly number[], revokedAtMs = Infinity) {
  let nowMs = 0;
  const authority: Authority = {
    lease: async () => (nowMs < revokedAtMs ? ok({ endsAtMs: nowMs + 100 }) : refuse('invalid_api_key', 'the API key is not valid')),
  };
  const committedAtMs: number[] = [];
  const write = (): Promise<Outcome<string>> => {
    const delays = [...onTheWayMs];
    return underAuthority(authority, async (lease) => {
      nowMs += delays.shift() ?? 0;
      const leased = underLease(lease, nowMs);
      if (!leased.ok) return leased;
      committedAtMs.push(nowMs);
      return ok('done');
    });
  };
  return { write, committedAtMs };
}

describe('a durable step', () => {
  it('[T54] is done once, under the lease sent with it', async () => {
    const { write, committedAtMs } = world([99]);
    expect(await write()).toEqual(ok('done'));
    expect(committedAtMs).toEqual([99]);
  });

  it('[T54] that arrives too late is done under a new lease, if the key is still in force', async () => {
    const slow = world([100, 50]);
    expect(await slow.write()).toEqual(ok('done'));
    expect(slow.committedAtMs).toEqual([150]);
    const revoked = world([100, 50], 60);
    expect(await revoked.write()).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect(revoked.committedAtMs).toEqual([]);
  });

  it('[T54] that never arrives in time is refused as unavailable, and not done', async () => {
    const { write, committedAtMs } = world([100, 100, 100, 0]);
    expect(await write()).toMatchObject({ error: { code: 'unavailable' } });
    expect(committedAtMs).toEqual([]);
  });

  it('[T54] of Sluice itself needs no lease', async () => {
    expect(await underAuthority(null, async (lease) => underLease(lease, Number.MAX_SAFE_INTEGER))).toEqual(ok(null));
  });
});

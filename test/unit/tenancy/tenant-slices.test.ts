import { describe, expect, it } from 'vitest';

import { TenantSlices } from '../../../src/gateway/tenancy/tenant-slices.ts';
import type { Ask, Decision } from '../../../src/tenancy/quota/account.ts';
import { openAccount, take } from '../../../src/tenancy/quota/account.ts';
import { ManualClock } from '../../support/tenancy.ts';

const LIMITS_OF = { requests: { minute: 1_000, day: null, month: null }, tokens: { minute: null, day: null, month: null } };

/** The slices of one tenant over a ledger that may take a message and lose its answer. */
function setUp() {
  const clock = new ManualClock();
  const asks: Ask[] = [];
  const ledger = { account: openAccount(LIMITS_OF), losesAnswers: false };
  const slices = new TenantSlices({
    clock,
    background: () => undefined,
    take: async (_sequence, ask): Promise<Decision> => {
      asks.push(ask);
      const taken = take(ledger.account, ask, clock.ms);
      ledger.account = taken.account;
      if (ledger.losesAnswers) throw new Error('lost on the way');
      return taken.decision;
    },
  });
  const granted = () => ledger.account.counters.requests.minute.granted;
  return { slices, asks, ledger, granted };
}

describe('idle slices', () => {
  it('[T23] are handed in once nobody has drawn for a whole period, and not before', async () => {
    const { slices, asks, granted } = setUp();
    for (let call = 0; call < 10; call++) expect(await slices.draw({ requests: 1, tokens: 0 })).toMatchObject({ ok: true });
    expect(granted()).toBeGreaterThan(10);
    const drawn = asks.length;
    await slices.returnIdle();
    await slices.draw({ requests: 1, tokens: 0 });
    await slices.returnIdle();
    expect(asks.slice(drawn).flatMap(({ returned }) => returned)).toEqual([]);
    await slices.returnIdle();
    expect(granted()).toBe(11);
  });

  it('[T22] are handed in at most once, though the answer is lost', async () => {
    const { slices, asks, ledger, granted } = setUp();
    await slices.draw({ requests: 5, tokens: 0 });
    for (let call = 0; call < 3; call++) await slices.draw({ requests: 1, tokens: 0 });
    ledger.losesAnswers = true;
    await slices.returnIdle();
    await slices.returnIdle();
    expect(granted()).toBe(8);
    const sent = asks.length;
    await slices.returnIdle();
    expect([asks.length, granted()]).toEqual([sent, 8]);
  });
});

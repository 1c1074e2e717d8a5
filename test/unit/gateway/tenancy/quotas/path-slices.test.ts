import { describe, expect, it } from 'vitest';

import { DirectWakeUps } from '../../../../../src/kernel/wake-ups.ts';
import { PathSlices } from '../../../../../src/gateway/tenancy/quotas/path-slices.ts';
import type { Ask, Decision } from '../../../../../src/tenancy/quota/decision.ts';
import { grantedIn } from '../../../../../src/tenancy/quota/quota-level.ts';
import { MemoryQuota, rule } from '../../../../support/fakes/memory-quota.ts';
import { idsOf, ManualClock } from '../../../../support/fakes/tenancy.ts';

const { organisationId } = idsOf(1);

/** The slices of one path, over a ledger that can process a message and lose its answer. */
function setUp() {
  const clock = new ManualClock();
  const asks: Ask[] = [];
  const ledger = { quota: new MemoryQuota(() => clock.ms), losesAnswers: false, sequence: 1 };
  ledger.quota.setRules(organisationId, [rule('requests', 'minute', 1_000)]);
  ledger.quota.take('isolate', 0, []);
  const slices = new PathSlices({
    clock,
    wakeUps: new DirectWakeUps(),
    background: (work) => void work,
    take: async (ask): Promise<Decision> => {
      asks.push(ask);
      const { decisions } = ledger.quota.take('isolate', ledger.sequence++, [{ path: [organisationId], ask }]);
      if (ledger.losesAnswers) throw new Error('lost on the way');
      return decisions[0]!;
    },
  });
  const granted = () => grantedIn(ledger.quota.level(organisationId), 'requests', 'minute');
  return { slices, asks, ledger, granted, clock };
}

describe('slices in use', () => {
  it('[G60] are followed by the next before they are spent, so that no steady caller waits', async () => {
    const { slices, asks, granted, clock } = setUp();
    let waited = 0;
    for (let call = 0; call < 300; call += 1) {
      clock.ms += 50;
      const sent = asks.length;
      const drawn = slices.draw({ requests: 1 });
      if (asks.length > sent && asks.at(-1)?.need.requests !== undefined) waited += 1;
      expect(await drawn).toMatchObject({ ok: true });
    }
    // The first of all, and the first of the window after: nothing is granted beyond a window.
    expect(waited).toBeLessThanOrEqual(2);
    expect(asks.length).toBeLessThan(30);
    expect(granted()).toBeLessThanOrEqual(1_000);
  });

  it('[G60] are asked for ahead at most every 25 ms, and not by a caller that comes once', async () => {
    const { slices, asks, clock } = setUp();
    const ahead = () => asks.filter(({ need }) => need.requests === undefined).length;
    await slices.draw({ requests: 1 });
    await slices.draw({ requests: 1 });
    expect(ahead()).toBe(0);
    for (let call = 0; call < 1_000; call += 1) {
      clock.ms += 1;
      await slices.draw({ requests: 1 });
    }
    expect(ahead()).toBeGreaterThan(0);
    expect(ahead()).toBeLessThanOrEqual(40);
  });
});

describe('idle slices', () => {
  it('[T23] are returned after a whole period without a draw, and not before', async () => {
    const { slices, asks, granted } = setUp();
    for (let call = 0; call < 10; call++) expect(await slices.draw({ requests: 1 })).toMatchObject({ ok: true });
    expect(granted()).toBeGreaterThan(10);
    const drawn = asks.length;
    await slices.returnIdle();
    await slices.draw({ requests: 1 });
    await slices.returnIdle();
    expect(asks.slice(drawn).flatMap(({ returned }) => returned)).toEqual([]);
    await slices.returnIdle();
    expect(granted()).toBe(11);
  });

  it('[T94] say whether something is left to return, so that no further request is needed for it', async () => {
    const { slices, granted } = setUp();
    expect(await slices.returnIdle()).toBe(false);
    for (let call = 0; call < 10; call++) await slices.draw({ requests: 1 });
    expect(granted()).toBeGreaterThan(10);
    let calls = 1;
    while (calls < 10 && (await slices.returnIdle())) calls += 1;
    expect([granted(), calls]).toEqual([10, 2]);
  });

  it('[T22] are returned at most once, even if the answer is lost', async () => {
    const { slices, asks, ledger, granted } = setUp();
    await slices.draw({ requests: 5 });
    for (let call = 0; call < 3; call++) await slices.draw({ requests: 1 });
    ledger.losesAnswers = true;
    await slices.returnIdle();
    await slices.returnIdle();
    expect(granted()).toBe(8);
    const sent = asks.length;
    await slices.returnIdle();
    expect([asks.length, granted()]).toEqual([sent, 8]);
  });
});

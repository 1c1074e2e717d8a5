import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import { syncStub } from '../../../durable-objects/itty.ts';
import type { QuotaObject } from '../../../durable-objects/quota-object.ts';
import type { Ask } from '../../../src/tenancy/quota/account.ts';
import type { Amounts } from '../../../src/tenancy/quota/amounts.ts';
import type { QuotaLimits } from '../../../src/tenancy/quota/quota-limits.ts';
import { DEFAULT_QUOTA } from '../../../src/tenancy/quota/quota-limits.ts';
import type { Slice } from '../../../src/tenancy/quota/slice.ts';
import { idsOf } from '../../support/tenancy.ts';

const { QUOTA } = env as unknown as { QUOTA: DurableObjectNamespace };
const NOTHING = { requests: 0, tokens: 0 };
// Days, so that the turn of a minute during the test changes nothing.
const perDay = (requests: number, tokens: number): QuotaLimits => ({
  requests: { minute: null, day: requests, month: null },
  tokens: { minute: null, day: tokens, month: null },
});
const ask = (need: Amounts, want = need, returned: Slice[] = []): Ask => ({ need, draw: need, want, returned });

describe('QuotaObject', () => {
  it('[T20] [T21] grants exactly the limit to a crowd', async () => {
    const quota = syncStub<QuotaObject>(QUOTA, 'crowd');
    const { tenantId } = idsOf(1);
    await quota.setLimits(tenantId, perDay(300, 1_000));
    const decisions = await Promise.all(
      Array.from({ length: 500 }, (_, call) =>
        quota.take(tenantId, `isolate-${call % 7}`, call, ask({ requests: 1, tokens: 2 }, { requests: 20, tokens: 9 })),
      ),
    );
    const granted = decisions.flatMap((decision) => (decision.kind === 'granted' ? [decision.slice.units] : []));
    expect(granted.reduce((sum, units) => sum + units.requests, 0)).toBe(300);
    const { counters } = await quota.describe(tenantId);
    expect(counters.requests.day.granted).toBe(300);
    expect(counters.tokens.day.granted).toBe(granted.reduce((sum, units) => sum + units.tokens, 0));
    expect(counters.tokens.day.granted).toBeLessThanOrEqual(1_000);
    expect(decisions.find((decision) => decision.kind === 'refused')).toMatchObject({ window: 'day', limit: 300 });
  });

  it('[T28] loses and doubles nothing when it is evicted between calls', async () => {
    const quota = syncStub<QuotaObject>(QUOTA, 'evicted');
    const stub = QUOTA.get(QUOTA.idFromName('evicted'));
    const { tenantId } = idsOf(1);
    await quota.setLimits(tenantId, perDay(10, 10));
    const kinds: string[] = [];
    for (let call = 0; call < 14; call++) {
      kinds.push((await quota.take(tenantId, 'isolate', call, ask({ requests: 1, tokens: 0 }))).kind);
      await evictDurableObject(stub);
    }
    expect(kinds).toEqual([...Array(10).fill('granted'), ...Array(4).fill('refused')]);
  });

  it('[T22] credits a remainder once, however often and in whatever order its message comes', async () => {
    const quota = syncStub<QuotaObject>(QUOTA, 'repeated');
    const { tenantId } = idsOf(1);
    await quota.setLimits(tenantId, perDay(100, 100));
    const granted = await quota.take(tenantId, 'isolate', 0, ask({ requests: 60, tokens: 0 }));
    if (granted.kind !== 'granted') throw new Error('refused');
    const rest = { ...granted.slice, units: { requests: 20, tokens: 0 } };
    const spent = async () => (await quota.describe(tenantId)).counters.requests.day.granted;

    await quota.take(tenantId, 'a stranger', 7, ask(NOTHING, NOTHING, [rest]));
    expect(await spent()).toBe(60);
    await quota.take(tenantId, 'isolate', 2, ask(NOTHING, NOTHING, [rest]));
    expect(await spent()).toBe(40);
    await quota.take(tenantId, 'isolate', 2, ask(NOTHING, NOTHING, [rest]));
    await quota.take(tenantId, 'isolate', 1, ask(NOTHING, NOTHING, [rest]));
    expect(await spent()).toBe(40);
    const yesterday = { ...rest, startsMs: { ...rest.startsMs, day: rest.startsMs.day - 86_400_000 } };
    await quota.take(tenantId, 'isolate', 3, ask(NOTHING, NOTHING, [yesterday]));
    expect(await spent()).toBe(40);
  });

  it('keeps tenants apart, and gives each the default quota first', async () => {
    const quota = syncStub<QuotaObject>(QUOTA, 'tenants');
    await quota.setLimits(idsOf(1).tenantId, perDay(0, 0));
    expect((await quota.take(idsOf(1).tenantId, 'isolate', 0, ask({ requests: 1, tokens: 0 }))).kind).toBe('refused');
    expect(await quota.take(idsOf(2).tenantId, 'isolate', 1, ask({ requests: 1, tokens: 0 }))).toMatchObject({
      kind: 'granted',
      minute: { limits: { requests: DEFAULT_QUOTA.requests.minute, tokens: DEFAULT_QUOTA.tokens.minute } },
    });
  });
});

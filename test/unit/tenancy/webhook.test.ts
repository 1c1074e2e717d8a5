import { describe, expect, it } from 'vitest';

import { alertData } from '../../../src/tenancy/billing/alert-data.ts';
import { quotaAlert, thresholdsReached } from '../../../src/tenancy/billing/budget.ts';
import { nextAttemptMs, signWebhook, verifyWebhook, WEBHOOK_TOLERANCE_MS } from '../../../src/tenancy/billing/webhook.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const NOW_MS = Date.UTC(2026, 10, 25);

describe('webhooks', () => {
  it('[T49] are signed: another secret, body, id or time, or an age beyond the replay window, is refused', async () => {
    const signed = await signWebhook('whsec_a', 'alert/wh_1', '{"a":1}', NOW_MS);
    const check = (fields: Partial<typeof signed> = {}, body = '{"a":1}', secret = 'whsec_a', nowMs = NOW_MS) =>
      verifyWebhook(secret, { ...signed, ...fields }, body, nowMs);
    expect(await check()).toBe(true);
    expect(await check({ signature: `v1,${'0'.repeat(64)} ${signed.signature}` })).toBe(true);
    expect(await check({}, '{"a":2}')).toBe(false);
    expect(await check({}, '{"a":1}', 'whsec_b')).toBe(false);
    expect(await check({ id: 'alert/wh_2' })).toBe(false);
    expect(await check({ timestamp: String(NOW_MS / 1000 + 1) })).toBe(false);
    expect(await check({ timestamp: 'NaN' })).toBe(false);
    expect(await check({}, '{"a":1}', 'whsec_a', NOW_MS + WEBHOOK_TOLERANCE_MS)).toBe(true);
    expect(await check({}, '{"a":1}', 'whsec_a', NOW_MS + WEBHOOK_TOLERANCE_MS + 1)).toBe(false);
  });

  it('[T49] are retried at growing intervals, for about two days', () => {
    const waits: number[] = [];
    for (let attempts = 1; nextAttemptMs(attempts, 0) !== undefined; attempts++) waits.push(nextAttemptMs(attempts, 0)!);
    expect(waits.every((wait, position) => position === 0 || wait > waits[position - 1]!)).toBe(true);
    expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(36 * 3_600_000);
  });

  it('[T96] say what they are about in the names and units of the API', () => {
    const level = idsOf(1).tenantId;
    const budget = { id: 'bud_1', levelId: level, amountNano: 2_000_000_000, thresholds: [50], isHard: true };
    const [passed] = thresholdsReached(budget, 1_500_000_001n, Date.UTC(2026, 10), NOW_MS);
    expect(alertData(passed!)).toEqual({
      level,
      budget: 'bud_1',
      percent: 50,
      amount_usd: '2.000000000',
      spent_usd: '1.500000001',
      month_start: Date.UTC(2026, 10) / 1000,
    });
    const rule = { resource: 'tokens', window: 'day', limit: 9, kind: 'soft', burst: null, accelerator: null } as const;
    const news = quotaAlert({ id: 'q', levelId: level, rule, granted: 10, windowStartMs: 86_400_000 }, NOW_MS);
    expect(alertData(news)).toEqual({ level, rule, granted: 10, window_start: 86_400 });
    const details = { objective: 'speed', burn_rate: 15 };
    expect(alertData({ kind: 'slo.burning', id: 's', atMs: NOW_MS, levelId: level, details })).toEqual({ level, details });
  });

  it('[T46] fire when spending reaches exactly their threshold, and never without spending', () => {
    const budget = { id: 'b', levelId: idsOf(1).tenantId, amountNano: 200, thresholds: [1, 50, 100, 150], isHard: false };
    const percents = (spent: bigint) => thresholdsReached(budget, spent, 0, 0).map(({ percent }) => percent);
    expect([percents(0n), percents(1n), percents(2n), percents(99n), percents(100n), percents(300n)]).toEqual([
      [],
      [],
      [1],
      [1],
      [1, 50],
      [1, 50, 100, 150],
    ]);
    expect(thresholdsReached({ ...budget, amountNano: 0 }, 0n, 0, 0)).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';

import type { Refused } from '../../../src/tenancy/quota/decision.ts';
import { quotaRefusal } from '../../../src/tenancy/quota/decision.ts';

const rule = { resource: 'spend_nano', window: 'month', limit: 10_000_000, kind: 'hard', burst: null, accelerator: null } as const;
const refused = (more: Partial<Refused>) =>
  quotaRefusal({ kind: 'refused', level: 'tenant', rule, needed: 1, retryAfterMs: null, tightest: [], ...more });

describe('[T25] a call that a quota refuses', () => {
  it('learns what it may take at most where a smaller one may still pass', () => {
    expect(refused({ needed: 1_606_150 })).toMatchObject({
      code: 'insufficient_quota',
      message:
        'the quota of 0.010000000 US dollars a month of the tenant has less left than the 0.001606150 US dollars that the call may take',
    });
    const tokens = { ...rule, resource: 'tokens', window: 'day', limit: 100 } as const;
    expect(refused({ rule: tokens, needed: 60 }).message).toContain('has less left than the 60 tokens');
  });

  it('learns that the quota is spent where one unit is too much', () => {
    const requests = { ...rule, resource: 'requests', window: 'day', limit: 3 } as const;
    expect(refused({ rule: requests })).toMatchObject({
      code: 'insufficient_quota',
      message: 'the quota of 3 requests a day of the tenant is spent',
    });
  });

  it('learns that it never fits, or when a rate lets it pass', () => {
    expect(refused({ needed: 10_000_001 })).toMatchObject({ code: 'limit_exceeded', limit: { bound: 10_000_000 }, value: 10_000_001 });
    const rate = { ...rule, resource: 'requests', window: 'minute', limit: 3 } as const;
    expect(refused({ rule: rate, retryAfterMs: 500 })).toMatchObject({ code: 'rate_limit_exceeded', retryAfterMs: 500 });
  });
});

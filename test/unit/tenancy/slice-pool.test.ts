import { describe, expect, it } from 'vitest';

import type { Granted } from '../../../src/tenancy/quota/account.ts';
import { SlicePool } from '../../../src/tenancy/quota/slice-pool.ts';

const requests = (count: number) => ({ requests: count, tokens: 0 });
const startsAt = (minute: number) => ({ minute: minute * 60_000, day: 0, month: 0 });

const granted = (count: number, minute: number, lifeMs = 60_000): Granted => ({
  kind: 'granted',
  slice: { units: requests(count), startsMs: startsAt(minute) },
  minute: { limits: requests(100), remaining: requests(50), lifeMs },
});

describe('a pool of slices', () => {
  it('[T22] keeps the remainders of different minutes apart, also when the ledger’s minute turns first', () => {
    const pool = new SlicePool();
    pool.credit(granted(10, 1), 100_000);
    pool.draw(requests(4), 100_001);
    // By the clock here, the first slice is still good.
    pool.credit(granted(5, 2), 100_002);
    expect(pool.draw(requests(5), 100_003)).toEqual({ units: requests(5), startsMs: startsAt(2) });
    expect(pool.draw(requests(1), 100_004)).toBeUndefined();
    expect(pool.drain()).toEqual([{ units: requests(6), startsMs: startsAt(1) }]);
    expect(pool.drain()).toEqual([]);
  });

  it('[T22] [T27] takes back what was not used, each part to the minute it came from', () => {
    const pool = new SlicePool();
    pool.credit(granted(10, 1), 0);
    const first = pool.draw(requests(3), 1)!;
    pool.credit(granted(10, 2), 60_000);
    const second = pool.draw(requests(10), 60_001)!;
    pool.refund({ ...first, units: requests(2) });
    pool.refund({ ...second, units: requests(1) });
    expect(pool.draw(requests(1), 60_002)).toEqual({ units: requests(1), startsMs: startsAt(2) });
    expect(pool.draw(requests(1), 60_003)).toBeUndefined();
    expect(pool.drain()).toEqual([{ units: requests(9), startsMs: startsAt(1) }]);
  });
});

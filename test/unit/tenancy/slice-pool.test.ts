import { describe, expect, it } from 'vitest';

import type { Granted } from '../../../src/tenancy/quota/decision.ts';
import { SlicePool } from '../../../src/tenancy/quota/slice-pool.ts';

const requests = (count: number) => ({ requests: count });
const startsAt = (minute: number, second = 0) => ({
  second: minute * 60_000 + second * 1000,
  minute: minute * 60_000,
  hour: 0,
  day: 0,
  month: 0,
});

interface Terms {
  readonly lifeMs?: number;
  readonly second?: number;
  readonly window?: Granted['window'];
}

const granted = (count: number, minute: number, { lifeMs = 60_000, second = 0, window = 'minute' }: Terms = {}): Granted => ({
  kind: 'granted',
  slice: { units: requests(count), startsMs: startsAt(minute, second) },
  lifeMs,
  window,
  tightest: [],
  tight: [],
  holds: [],
});

describe('a pool of slices', () => {
  it('[T22] keeps remainders of different minutes apart, also if the minute of the ledger turns first', () => {
    const pool = new SlicePool();
    pool.credit(granted(10, 1), 100_000);
    pool.draw(requests(4), 100_001);
    // By this clock, the first slice is still valid.
    pool.credit(granted(5, 2), 100_002);
    expect(pool.draw(requests(5), 100_003)).toEqual({ units: requests(5), startsMs: startsAt(2) });
    expect(pool.draw(requests(1), 100_004)).toBeUndefined();
    expect(pool.drain()).toEqual([{ units: requests(6), startsMs: startsAt(1) }]);
    expect(pool.drain()).toEqual([]);
  });

  it('[T22] [T27] takes back unused units, each into the minute it came from', () => {
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

  it('[T22] treats units of one minute as equal, as if granted when the oldest was', () => {
    const pool = new SlicePool();
    pool.credit(granted(2, 1, { second: 3 }), 0);
    pool.credit(granted(2, 1, { second: 9 }), 6_000);
    const drawn = pool.draw(requests(4), 6_001)!;
    expect(drawn.startsMs).toEqual(startsAt(1, 3));
    pool.credit(granted(1, 1, { second: 20 }), 17_000);
    pool.refund(drawn);
    expect(pool.drain()).toEqual([{ units: requests(5), startsMs: startsAt(1, 3) }]);
  });

  it('[T24] uses no unit of another second if a rule counts seconds', () => {
    const pool = new SlicePool();
    pool.credit(granted(2, 1, { second: 3, window: 'second', lifeMs: 400 }), 0);
    const drawn = pool.draw(requests(2), 300)!;
    pool.credit(granted(1, 1, { second: 4, window: 'second', lifeMs: 900 }), 500);
    pool.refund(drawn);
    expect(pool.draw(requests(2), 600)).toBeUndefined();
    expect(pool.draw(requests(1), 600)).toEqual({ units: requests(1), startsMs: startsAt(1, 4) });
    expect(pool.drain()).toEqual([{ units: requests(2), startsMs: startsAt(1, 3) }]);
  });
});

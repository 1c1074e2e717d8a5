import { describe, expect, it } from 'vitest';

import { RowSet } from '../../../src/ann/filter/row-set.ts';
import { Selection, SelectionCache } from '../../../src/ann/filter/selection.ts';
import type { Filter } from '../../../src/contract/vectors/filter.ts';
import { ok } from '../../../src/kernel/result.ts';

const filter: Filter = { kind: 'exists', path: 'a' };
const asked = { shard: 's', namespace: 1, filter, lsn: 7 };

function counting(rows: readonly number[]) {
  const counted = {
    calls: 0,
    select: () => {
      counted.calls += 1;
      return ok(new Selection(RowSet.of(rows)));
    },
  };
  return counted;
}

describe('SelectionCache', () => {
  it('[V148] selects once for the same shard, namespace, filter and LSN', () => {
    const cache = new SelectionCache(1_000_000);
    const counted = counting([1]);
    cache.recall(asked, counted.select);
    expect(cache.recall({ ...asked, filter: { ...filter } }, counted.select)).toMatchObject({ ok: true });
    expect(counted.calls).toBe(1);
    const others = [{ shard: 't' }, { namespace: 2 }, { filter: { kind: 'exists', path: 'b' } as const }, { lsn: 8 }];
    for (const other of others) cache.recall({ ...asked, ...other }, counted.select);
    expect(counted.calls).toBe(5);
    // After a write, the selection is cached under the new LSN.
    cache.recall({ ...asked, lsn: 8 }, counted.select);
    expect(counted.calls).toBe(5);
    cache.recall(asked, counted.select);
    expect(counted.calls).toBe(6);
  });

  it('[V148] stays within its bytes, evicting the least recently used shard', () => {
    const cache = new SelectionCache(10_000);
    const counted = counting([1]);
    for (const lsn of [1, 2, 3]) cache.recall({ ...asked, lsn }, counted.select);
    expect(cache.bytes).toBeLessThan(5_000);
    for (const shard of ['a', 'b', 'a', 'c', 'a']) cache.recall({ ...asked, shard }, counted.select);
    expect(cache.bytes).toBeLessThanOrEqual(10_000);
    expect(counted.calls).toBe(6);
    cache.recall({ ...asked, shard: 'b' }, counted.select);
    expect(counted.calls).toBe(7);
    // A selection larger than the whole cache is not kept.
    const large = counting([1, 100_000, 200_000]);
    cache.recall({ ...asked, shard: 'd' }, large.select);
    expect(cache.bytes).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';

import { CACHE_LIMITS } from '../../../../src/contract/caches/cache-limits.ts';
import { LevelOne } from '../../../../src/gateway/caches/level-one.ts';
import type { CachedVector } from '../../../../src/gateway/caches/level-one.ts';

const A = { owner: 'tn_a', model: 'm' };
const B = { owner: 'tn_b', model: 'm' };
const QUARTER = CACHE_LIMITS.cacheL1BytesMax / 4 / 4;
const vector = (length: number, more: Partial<CachedVector> = {}): CachedVector => ({
  vector: new Float32Array(length),
  position: 0,
  knownMs: 0,
  storedAtMs: 0,
  tags: [],
  ...more,
});

describe('the memory of an isolate', () => {
  it('[C2] [C96] counts its entries by owner, and reports each eviction once', () => {
    const level = new LevelOne();
    level.store(A, 'a1', vector(QUARTER), undefined, 0);
    level.store(A, 'a2', vector(QUARTER), undefined, 0);
    level.store(B, 'b1', vector(QUARTER), undefined, 0);
    expect([level.read(A), level.read(B)]).toMatchObject([{ entries: 2, evicted: 0 }, { entries: 1 }]);
    for (const key of ['b2', 'b3']) level.store(B, key, vector(QUARTER), undefined, 0);
    expect(level.read(A)).toMatchObject({ entries: 0, bytes: 0, evicted: 2 });
    expect(level.read(A).evicted).toBe(0);
    expect(level.read(B)).toMatchObject({ entries: level.entries, bytes: level.bytes, evicted: 0 });
    expect(level.read({ owner: 'tn_c', model: 'm' })).toEqual({ entries: 0, bytes: 0, evicted: 0 });
  });

  it('[C96] does not count a replaced or expired entry as an eviction', () => {
    const level = new LevelOne();
    level.store(A, 'a', vector(10), 1000, 0);
    level.store(A, 'a', vector(20), 1000, 0);
    expect(level.find('a', 1000 + CACHE_LIMITS.cacheStaleMaxMs)).toBeUndefined();
    expect(level.read(A)).toEqual({ entries: 0, bytes: 0, evicted: 0 });
  });

  it('[C3] [C80] keeps an entry for a while after its end, and marks it as stale', () => {
    const level = new LevelOne();
    level.store(A, 'a', vector(10), 1000, 0);
    expect([0, 999, 1000, 999 + CACHE_LIMITS.cacheStaleMaxMs].map((nowMs) => level.find('a', nowMs)?.freshMs)).toEqual([
      1000,
      1,
      0,
      1 - CACHE_LIMITS.cacheStaleMaxMs,
    ]);
    level.store(A, 'b', vector(10), undefined, 0);
    expect(level.find('b', 1e12)?.freshMs).toBe(Infinity);
  });

  it('[C16] keeps the newer of two fills', () => {
    const level = new LevelOne();
    level.store(A, 'a', vector(10, { position: 2 }), undefined, 0);
    level.store(A, 'a', vector(10, { position: 1 }), undefined, 0);
    expect(level.find('a', 0)?.position).toBe(2);
  });
});

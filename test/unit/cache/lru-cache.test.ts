import { describe, expect, it } from 'vitest';

import { LruCache } from '../../../src/cache/lru-cache.ts';

const filled = (entriesMax: number, bytesMax: number, ...keys: string[]) => {
  const cache = new LruCache<string>({ entriesMax, bytesMax });
  for (const key of keys) cache.set(key, key.toUpperCase(), 10, undefined);
  return cache;
};
const kept = (cache: LruCache<string>, ...keys: string[]) => keys.filter((key) => cache.get(key, 0) !== undefined);

describe('LruCache', () => {
  it('[C2] evicts the least recently used entries above its count', () => {
    const cache = filled(3, 1000, 'a', 'b', 'c');
    cache.get('a', 0);
    cache.set('d', 'D', 10, undefined);
    expect(kept(cache, 'a', 'b', 'c', 'd')).toEqual(['a', 'c', 'd']);
    expect(cache.size).toBe(3);
  });

  it('[C2] evicts as many entries as a large value needs', () => {
    const cache = filled(10, 40, 'a', 'b', 'c', 'd');
    cache.set('e', 'E', 25, undefined);
    expect(kept(cache, 'a', 'b', 'c', 'd', 'e')).toEqual(['d', 'e']);
    expect(cache.bytes).toBe(35);
  });

  it('[C2] keeps no value larger than itself, and drops the entry that it replaced', () => {
    const cache = filled(10, 40, 'a', 'b');
    cache.set('a', 'huge', 41, undefined);
    expect(kept(cache, 'a', 'b')).toEqual(['b']);
    expect(cache.bytes).toBe(10);
  });

  it('[C2] counts a replaced value once', () => {
    const cache = filled(10, 40, 'a', 'a', 'a');
    expect([cache.size, cache.bytes]).toEqual([1, 10]);
    cache.delete('a');
    cache.delete('a');
    expect([cache.size, cache.bytes, cache.get('a', 0)]).toEqual([0, 0, undefined]);
  });

  it('[C3] serves an entry until just before its end, and then frees its space', () => {
    const cache = filled(10, 40);
    cache.set('a', 'A', 10, 5000);
    cache.set('b', 'B', 10, undefined);
    expect(cache.get('a', 4999)).toBe('A');
    expect(cache.get('a', 5000)).toBeUndefined();
    expect(cache.get('b', Number.MAX_SAFE_INTEGER)).toBe('B');
    expect([cache.size, cache.bytes]).toEqual([1, 10]);
  });

  it('[C40] reports why it drops a value', () => {
    const removed: string[] = [];
    const cache = new LruCache<string>(
      { entriesMax: 2, bytesMax: 40 },
      { staleMs: 10, onRemoved: (value, why) => removed.push(`${value} ${why}`) },
    );
    cache.set('a', 'A', 10, 100);
    cache.set('a', 'A2', 10, 100);
    cache.set('a', 'A3', 20, 100);
    cache.set('b', 'B', 10, undefined);
    cache.set('c', 'C', 10, 100);
    cache.delete('b');
    expect([cache.get('c', 100), cache.getStale('c', 109)?.value, cache.get('c', 110)]).toEqual([undefined, 'C', undefined]);
    cache.set('d', 'D', 41, undefined);
    expect(removed).toEqual(['A replaced', 'A2 replaced', 'A3 evicted', 'B deleted', 'C expired', 'D refused']);
  });
});

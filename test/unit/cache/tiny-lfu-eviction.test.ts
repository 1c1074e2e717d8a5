import { describe, expect, it } from 'vitest';

import { FrequencySketch } from '../../../src/cache/frequency-sketch.ts';
import { keyHash } from '../../../src/kernel/fast-hash.ts';
import { LruCache } from '../../../src/cache/lru-cache.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const cacheOf = (admission: 'all' | 'frequent', entriesMax = 100) =>
  new LruCache<string>({ entriesMax, bytesMax: entriesMax * 10 }, { admission });

const ask = (cache: LruCache<string>, key: string): boolean => {
  const hit = cache.get(key, 0) !== undefined;
  if (!hit) cache.set(key, key, 10, undefined);
  return hit;
};
const popular = Array.from({ length: 80 }, (_, i) => `popular ${i}`);
const hits = (cache: LruCache<string>, keys: readonly string[]): number => keys.filter((key) => ask(cache, key)).length;

describe('admission by frequency', () => {
  it('[C47] keeps frequently used keys through a scan; plain LRU does not', () => {
    const [all, frequent] = [cacheOf('all'), cacheOf('frequent')];
    for (const cache of [all, frequent]) {
      for (let round = 0; round < 5; round++) hits(cache, popular);
      for (let i = 0; i < 1_000; i++) ask(cache, `scan ${i}`);
    }
    expect(hits(all, popular)).toBe(0);
    expect(hits(frequent, popular)).toBeGreaterThan(70);
  });

  it('[C47] adapts when other keys become popular', () => {
    const cache = cacheOf('frequent');
    for (let round = 0; round < 50; round++) hits(cache, popular);
    const later = popular.map((key) => `later ${key}`);
    for (let round = 0; round < 50; round++) hits(cache, later);
    expect(hits(cache, later)).toBeGreaterThan(70);
  });

  it('[C47] never counts too low, rarely too high, and halves its counts regularly', () => {
    const sketch = new FrequencySketch(1_000);
    const random = new Seeded(1);
    const counts = new Map<string, number>();
    for (let i = 0; i < 5_000; i++) {
      const key = `key ${Math.floor(random.next() ** 3 * 2_000)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      sketch.add(keyHash(key));
    }
    const errors = [...counts].map(([key, count]) => sketch.estimate(keyHash(key)) - Math.min(15, count));
    expect(errors.filter((error) => error < 0)).toEqual([]);
    expect(errors.filter((error) => error > 1).length).toBeLessThan(counts.size / 20);
    for (let i = 0; i < 6_000; i++) sketch.add(keyHash(`other ${i}`));
    expect(sketch.estimate(keyHash('key 0'))).toBeLessThan(10);
  });
});

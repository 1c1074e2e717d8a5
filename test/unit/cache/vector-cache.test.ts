import { describe, expect, it } from 'vitest';

import { VectorCache, VectorSlab } from '../../../src/cache/vector-cache.ts';

describe('VectorSlab', () => {
  it('[C42] releases empty pages, and reuses freed rows', () => {
    const slab = new VectorSlab(100);
    const rows = Array.from({ length: 1_000 }, (_, i) => slab.add(new Float32Array(100).fill(i)));
    const full = slab.bytes;
    expect(full).toBeLessThan(1_000 * 400 * 1.2);
    rows.slice(0, 500).forEach((row) => slab.remove(row));
    expect(slab.bytes).toBeLessThan(full * 0.6);
    const again = Array.from({ length: 500 }, (_, i) => slab.add(new Float32Array(100).fill(2_000 + i)));
    expect(slab.bytes).toBe(full);
    expect(rows.slice(500).map((row) => slab.read(row)[99])).toEqual(Array.from({ length: 500 }, (_, i) => 500 + i));
    expect(again.map((row) => slab.read(row)[0])).toEqual(Array.from({ length: 500 }, (_, i) => 2_000 + i));
  });
});

describe('VectorCache', () => {
  it('[C42] stores a copy of the vector of its caller, and returns its attributes', () => {
    const cache = new VectorCache<{ tag: string }>({ entriesMax: 2, bytesMax: 10_000 }, { staleMs: 10 });
    const vector = Float32Array.of(1, 2);
    cache.set('a', vector, { tag: 'x' }, 100);
    vector[0] = 9;
    cache.get('a', 0)!.vector[1] = 9;
    expect(cache.get('a', 99)).toEqual({ vector: Float32Array.of(1, 2), meta: { tag: 'x' }, expiresAtMs: 100 });
    expect([cache.get('a', 100), cache.getStale('a', 109)?.vector, cache.getStale('a', 110)]).toEqual([
      undefined,
      Float32Array.of(1, 2),
      undefined,
    ]);
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });
});

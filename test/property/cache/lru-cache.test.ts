import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { VectorCache } from '../../../src/cache/vector-cache.ts';
import { LruCache } from '../../../src/cache/lru-cache.ts';
import { effort } from '../../support/fixtures/effort.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const STALE_MS = 50;

type Step =
  | { kind: 'get' | 'getStale' | 'delete'; key: string }
  | { kind: 'set'; key: string; bytes: number; ttlMs: number | undefined }
  | { kind: 'pass'; ms: number };

const key = fc.constantFrom(...KEYS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('get' as const, 'getStale' as const), key }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      key,
      bytes: fc.integer({ min: 1, max: 45 }),
      ttlMs: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 60 }) }) },
);

/** The same behaviour in the simplest form: a map in order of use, and a loop that evicts. */
class PlainLru {
  readonly entries = new Map<string, { value: number; bytes: number; expiresAtMs: number }>();
  readonly bounds: { entriesMax: number; bytesMax: number };
  evicted = 0;

  constructor(bounds: { entriesMax: number; bytesMax: number }) {
    this.bounds = bounds;
  }

  get bytes(): number {
    return [...this.entries.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get(at: string, nowMs: number, staleMs: number) {
    const entry = this.entries.get(at);
    if (entry === undefined || nowMs >= entry.expiresAtMs + staleMs) {
      if (entry !== undefined && nowMs >= entry.expiresAtMs + STALE_MS) this.entries.delete(at);
      return undefined;
    }
    this.entries.delete(at);
    this.entries.set(at, entry);
    return entry;
  }

  set(at: string, value: number, bytes: number, expiresAtMs: number): boolean {
    this.entries.delete(at);
    if (bytes > this.bounds.bytesMax) return false;
    this.entries.set(at, { value, bytes, expiresAtMs });
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.bounds.entriesMax && this.bytes <= this.bounds.bytesMax) break;
      this.entries.delete(oldest);
      this.evicted += 1;
    }
    return this.entries.has(at);
  }
}

describe('LruCache', () => {
  it('[C40] behaves like a plain list in any sequence of operations', () => {
    const seen = { hits: 0, stale: 0, evicted: 0, refused: 0, removed: 0 };
    const run = (steps: readonly Step[], entriesMax: number, bytesMax: number): void => {
      const held = new Set<number>();
      const cache = new LruCache<number>({ entriesMax, bytesMax }, { staleMs: STALE_MS, onRemoved: (value) => held.delete(value) });
      const plain = new PlainLru({ entriesMax, bytesMax });
      let nowMs = 0;
      steps.forEach((next, value) => {
        if (next.kind === 'pass') nowMs += next.ms;
        if (next.kind === 'delete') expect(cache.delete(next.key)).toBe(plain.entries.delete(next.key));
        if (next.kind === 'get') {
          const found = plain.get(next.key, nowMs, 0)?.value;
          expect(cache.get(next.key, nowMs)).toBe(found);
          seen.hits += Number(found !== undefined);
        }
        if (next.kind === 'getStale') {
          const found = plain.get(next.key, nowMs, STALE_MS);
          const expected = found === undefined ? undefined : { value: found.value, expiresAtMs: found.expiresAtMs };
          expect(cache.getStale(next.key, nowMs)).toEqual(expected);
          seen.stale += Number(found !== undefined && nowMs >= found.expiresAtMs);
        }
        if (next.kind === 'set') {
          const expiresAtMs = next.ttlMs === undefined ? undefined : nowMs + next.ttlMs;
          held.add(value);
          const kept = cache.set(next.key, value, next.bytes, expiresAtMs);
          expect(kept).toBe(plain.set(next.key, value, next.bytes, expiresAtMs ?? Infinity));
          seen.refused += Number(!kept);
        }
        expect([cache.size, cache.bytes, cache.counts.evicted]).toEqual([plain.entries.size, plain.bytes, plain.evicted]);
        expect(held).toEqual(new Set([...plain.entries.values()].map((entry) => entry.value)));
      });
      seen.evicted += plain.evicted;
      seen.removed += steps.length - held.size;
    };
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 20, max: 120 }),
        run,
      ),
      { seed: 5, numRuns: effort(1000) },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(100);
  });

  it('[C41] never exceeds its bounds or returns what was not stored, with either admission policy', () => {
    let evicted = 0;
    const run = (steps: readonly Step[], entriesMax: number, bytesMax: number): void => {
      const cache = new LruCache<number>({ entriesMax, bytesMax }, { admission: 'frequent' });
      const stored = new Map<string, { value: number; bytes: number; expiresAtMs: number }>();
      let nowMs = 0;
      steps.forEach((next, value) => {
        if (next.kind === 'pass') nowMs += next.ms;
        if (next.kind === 'delete') {
          cache.delete(next.key);
          stored.delete(next.key);
        }
        if (next.kind === 'get') {
          const found = cache.get(next.key, nowMs);
          if (found !== undefined) {
            expect(found).toBe(stored.get(next.key)?.value);
            expect(stored.get(next.key)!.expiresAtMs).toBeGreaterThan(nowMs);
          }
        }
        if (next.kind === 'set') {
          const expiresAtMs = next.ttlMs === undefined ? Infinity : nowMs + next.ttlMs;
          const kept = cache.set(next.key, value, next.bytes, expiresAtMs);
          if (kept) stored.set(next.key, { value, bytes: next.bytes, expiresAtMs });
          else stored.delete(next.key);
        }
        expect(cache.size).toBeLessThanOrEqual(entriesMax);
        expect(cache.bytes).toBeLessThanOrEqual(bytesMax);
      });
      evicted += cache.counts.evicted;
      const kept = KEYS.filter((at) => cache.delete(at));
      expect(cache.size, kept.join()).toBe(0);
      expect(cache.bytes).toBe(0);
    };
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 20, max: 120 }),
        run,
      ),
      { seed: 6, numRuns: effort(500) },
    );
    expect(evicted).toBeGreaterThan(1_000);
  });
});

describe('VectorCache', () => {
  it('[C42] returns copies of the stored vectors, of any length, however its rows are reused', () => {
    const seen = { hits: 0, misses: 0 };
    const run = (sets: readonly { key: string; dimensions: number }[]): void => {
      const cache = new VectorCache<number>({ entriesMax: 5, bytesMax: 4_000 });
      const stored = new Map<string, number[]>();
      sets.forEach(({ key: at, dimensions }, i) => {
        const vector = Float32Array.from({ length: dimensions }, (_, n) => i * 1000 + n);
        if (cache.set(at, vector, i, undefined)) stored.set(at, [...vector]);
        else stored.delete(at);
        vector.fill(-1);
        for (const [name, numbers] of stored) {
          const found = cache.get(name, 0);
          if (found !== undefined) expect([...found.vector]).toEqual(numbers);
          found?.vector.fill(-2);
          seen[found === undefined ? 'misses' : 'hits'] += 1;
        }
      });
    };
    const set = fc.record({ key, dimensions: fc.constantFrom(0, 1, 3, 100, 384, 2_000) });
    fc.assert(fc.property(fc.array(set, { minLength: 5, maxLength: 40, size: 'max' }), run), { seed: 7, numRuns: effort(300) });
    expect(seen.hits).toBeGreaterThan(1_000);
    expect(seen.misses).toBeGreaterThan(1_000);
  });
});

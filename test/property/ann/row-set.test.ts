import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CHUNK_ROWS, RowSet, sampleRows } from '../../../src/ann/filter/row-set.ts';
import { effort } from '../../support/fixtures/effort.ts';

// Single rows far apart, runs that fill much of a chunk, and rows at the edges of chunks.
const run = fc
  .record({ start: fc.nat(3 * CHUNK_ROWS), length: fc.nat(5_000), step: fc.integer({ min: 1, max: 9 }) })
  .map(({ start, length, step }) => Array.from({ length }, (_, i) => start + i * step));
const row = fc.oneof(fc.nat(200), fc.nat(4 * CHUNK_ROWS), fc.constantFrom(CHUNK_ROWS - 1, CHUNK_ROWS, 2 ** 35 + 1));
const rows = fc.oneof(fc.array(row, { maxLength: 50 }), run);

const ascending = (set: Iterable<number>): number[] => [...new Set(set)].sort((a, b) => a - b);

describe('RowSet', () => {
  it('[V119] behaves like a set of numbers', () => {
    const seen = { empty: 0, large: 0 };
    fc.assert(
      fc.property(rows, rows, rows, (added, removed, others) => {
        const set = RowSet.of(added);
        for (const one of removed) set.delete(one);
        const other = RowSet.of(others);
        const model = new Set(added).difference(new Set(removed));
        const otherModel = new Set(others);
        expect([...set]).toEqual(ascending(model));
        expect([set.size, set.isEmpty]).toEqual([model.size, model.size === 0]);
        expect([...set.and(other)]).toEqual(ascending(model.intersection(otherModel)));
        expect([...set.or(other)]).toEqual(ascending(model.union(otherModel)));
        expect([...set.minus(other)]).toEqual(ascending(model.difference(otherModel)));
        const after = others[0] ?? 0;
        expect(set.firstBehind(after, 7)).toEqual(
          ascending(model)
            .filter((one) => one > after)
            .slice(0, 7),
        );
        expect([...added, ...removed, ...others].filter((one) => set.has(one) !== model.has(one))).toEqual([]);
        const words = new Uint32Array(3).fill(0xffff_ffff);
        for (const from of [0, after, after + 1, Math.max(0, after - 40), CHUNK_ROWS - 50]) {
          set.bits(from, words);
          const bits = Array.from({ length: 96 }, (_, i) => ((words[i >>> 5]! >>> (i & 31)) & 1) === 1);
          expect(bits).toEqual(Array.from({ length: 96 }, (_, i) => model.has(from + i)));
        }
        // Combining sets does not change them.
        expect([...set]).toEqual(ascending(model));
        expect([...other]).toEqual(ascending(otherModel));
        if (model.size === 0) seen.empty += 1;
        if (model.size > 2_048) seen.large += 1;
      }),
      { seed: 119, numRuns: effort(150) },
    );
    expect(seen.empty).toBeGreaterThan(3);
    expect(seen.large).toBeGreaterThan(10);
  });

  it('[V119] round-trips through its encoded chunks, each of 4 KiB at most, for any set', () => {
    const seen = { short: 0, full: 0 };
    fc.assert(
      fc.property(rows, rows, (stored, before) => {
        const set = RowSet.of(stored);
        const copy = new RowSet();
        const union = RowSet.of(before);
        for (const [index, words] of set.chunks()) {
          const encoded = set.encodeChunk(index)!;
          const size = stored.filter((one) => Math.floor(one / CHUNK_ROWS) === index).length;
          expect(words.length * 32).toBe(CHUNK_ROWS);
          expect(encoded.length).toBeLessThanOrEqual(Math.min(2 * size, CHUNK_ROWS / 8));
          copy.decodeChunk(index, encoded.buffer);
          union.decodeChunk(index, encoded.buffer);
          seen[encoded.length === CHUNK_ROWS / 8 ? 'full' : 'short'] += 1;
        }
        expect([...copy]).toEqual(ascending(stored));
        expect([...union]).toEqual(ascending([...stored, ...before]));
      }),
      { seed: 120, numRuns: effort(150) },
    );
    expect(seen.short).toBeGreaterThan(50);
    expect(seen.full).toBeGreaterThan(10);
  });

  it('[V119] encodes no chunk without rows, and refuses bytes that encode none', () => {
    const set = RowSet.of([5]);
    set.delete(5);
    expect([set.encodeChunk(0), set.encodeChunk(1)]).toEqual([undefined, undefined]);
    const bytes = (...offsets: number[]) => Uint8Array.from(offsets.flatMap((offset) => [offset & 255, offset >> 8])).buffer;
    for (const corrupt of [new ArrayBuffer(3), new ArrayBuffer(CHUNK_ROWS / 8 + 2), bytes(7, 7), bytes(8, 7), bytes(CHUNK_ROWS)]) {
      expect(() => new RowSet().decodeChunk(0, corrupt)).toThrow('chunk');
    }
  });
});

describe('sampleRows', () => {
  it('[V118] takes every row with equal probability, in order, and the same rows for the same seed', () => {
    const set = RowSet.of(Array.from({ length: 100 }, (_, i) => i * 700));
    const taken = new Map<number, number>();
    const samples = 2_000;
    for (let seed = 0; seed < samples; seed += 1) {
      const sample = sampleRows(set, 30, seed);
      expect(sample).toEqual(ascending(sample));
      expect(sample).toHaveLength(30);
      for (const one of sample) taken.set(one, (taken.get(one) ?? 0) + 1);
    }
    // Binomial with a standard deviation of 20: allows five of them.
    for (const one of set) expect(Math.abs(taken.get(one)! - samples * 0.3)).toBeLessThan(100);
    expect(sampleRows(set, 30, 1)).toEqual(sampleRows(set, 30, 1));
    expect(sampleRows(set, 30, 1)).not.toEqual(sampleRows(set, 30, 2));
    expect(sampleRows(set, 1000, 1)).toEqual([...set]);
    expect(sampleRows(new RowSet(), 10, 1)).toEqual([]);
  });
});

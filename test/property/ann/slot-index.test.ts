import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SlotIndex, slotIndexBytes } from '../../../src/ann/flat/slot-index.ts';
import { effort } from '../../support/fixtures/effort.ts';

// Consecutive rows, as storage assigns them, and rows far apart, beyond 32 bits.
const row = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 8 }).map((n) => n * 2 ** 40) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 8 }).map((n) => n * 2 ** 28) },
);

const operation = fc.record({ kind: fc.constantFrom('set' as const, 'set' as const, 'delete' as const), row });

describe('SlotIndex', () => {
  it('[V34] finds the same as a map, in the bytes stated for its count', () => {
    const seen = { added: 0, moved: 0, deleted: 0, absent: 0, sizes: new Set<number>() };
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 200, size: 'max' }), (operations) => {
        const rows: number[] = [];
        const model = new Map<number, number>();
        const index = new SlotIndex((slot) => rows[slot]!);
        for (const step of operations) {
          const known = model.get(step.row);
          if (step.kind === 'set') {
            // Every set gives a new slot, as if the vector had moved.
            rows.push(step.row);
            model.set(step.row, rows.length - 1);
            index.set(step.row, rows.length - 1);
            seen[known === undefined ? 'added' : 'moved'] += 1;
          } else if (known === undefined) {
            expect(() => index.delete(step.row)).toThrow('has a slot');
            seen.absent += 1;
          } else {
            model.delete(step.row);
            index.delete(step.row);
            seen.deleted += 1;
          }
          expect(index.count).toBe(model.size);
          expect(index.bytes).toBe(slotIndexBytes(model.size));
          seen.sizes.add(index.bytes);
        }
        for (const [known, slot] of model) expect(index.get(known)).toBe(slot);
        for (const absent of [...rows, 99_999]) expect(index.get(absent)).toBe(model.get(absent));
        for (const left of model.keys()) index.delete(left);
        expect(index.bytes).toBe(0);
      }),
      { seed: 34, numRuns: effort(300) },
    );
    expect(seen.sizes.size).toBeGreaterThan(3);
    for (const count of [seen.added, seen.moved, seen.deleted, seen.absent]) expect(count).toBeGreaterThan(20);
  });

  it('[V34] at most three quarters of its slots are taken, and at least three eighths once there are many', () => {
    for (let count = 1; count < 5000; count += 1) {
      expect(count).toBeLessThanOrEqual((slotIndexBytes(count) / 4) * 0.75);
      if (count > 12) expect(count).toBeGreaterThan((slotIndexBytes(count) / 4) * 0.375);
    }
  });
});

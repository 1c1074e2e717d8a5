import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { Bidder } from '../../../src/scheduler/engine/rounds/least-attained.ts';
import { assignTypes } from '../../../src/scheduler/engine/rounds/least-attained.ts';
import { effort } from '../../support/fixtures/effort.ts';

const total = (bidders: readonly Bidder[], types: readonly number[]): number =>
  bidders.reduce((sum, { gains }, job) => sum + (types[job] === -1 ? 0 : gains[types[job]!]!), 0);

/** The most there can be, by trying everything. */
function most(bidders: readonly Bidder[], places: readonly number[], job = 0): number {
  if (job === bidders.length) return 0;
  let best = -Infinity;
  for (const [type, left] of places.entries()) {
    if (left === 0) continue;
    const rest = most(bidders, places.with(type, left - 1), job + 1);
    best = Math.max(best, bidders[job]!.gains[type]! + rest);
  }
  return best;
}

it('[PL8] types are assigned for the greatest total gain, and well-placed jobs stay', () => {
  let moved = 0;
  let around = 0;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 }),
      fc.array(
        fc.record({
          gains: fc.array(fc.constantFrom(0, 0.1, 0.25, 0.5, 0.75, 0.9, 1, 1), { minLength: 3, maxLength: 3 }),
          current: fc.integer({ min: -1, max: 2 }),
        }),
        { maxLength: 7 },
      ),
      (places, everyone) => {
        const bidders = everyone.slice(
          0,
          places.reduce((sum, count) => sum + count, 0),
        );
        const types = assignTypes(bidders, places);
        for (const [type, count] of places.entries()) expect(types.filter((other) => other === type).length).toBeLessThanOrEqual(count);
        expect(types).not.toContain(-1);
        expect(total(bidders, types)).toBeCloseTo(bidders.length === 0 ? 0 : most(bidders, places), 6);
        const again = assignTypes(
          bidders.map(({ gains }, job) => ({ gains, current: types[job]! })),
          places,
        );
        expect(again, 'nobody moves for nothing').toEqual(types);
        const changed = bidders.filter(({ current }, job) => current !== -1 && current !== types[job]).length;
        moved += changed;
        around += Number(changed > 2);
      },
    ),
    { numRuns: effort(300), seed: 9 },
  );
  expect(moved).toBeGreaterThan(100);
  expect(around).toBeGreaterThan(20);
});

import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { ResidentWeights } from '../../../src/scheduler/preemption/evict-weights.ts';
import { weightsToUnload } from '../../../src/scheduler/preemption/evict-weights.ts';
import { effort } from '../../support/effort.ts';

const weights = fc.record({
  memoryMib: fc.integer({ min: 1, max: 40 }),
  loadMs: fc.integer({ min: 1, max: 60 }),
  usesPerHourMilli: fc.integer({ min: 0, max: 50 }),
  isPinned: fc.boolean(),
});

const cost = (chosen: readonly ResidentWeights[]) =>
  chosen.reduce((sum, { loadMs, usesPerHourMilli }) => sum + loadMs * usesPerHourMilli, 0);
const size = (chosen: readonly ResidentWeights[]) => chosen.reduce((sum, { memoryMib }) => sum + memoryMib, 0);

it('[J65] unloads weights that are not in use, enough and none too many, at a cost near the least', () => {
  let [best, all, regret] = [0, 0, 0];
  fc.assert(
    fc.property(fc.array(weights, { maxLength: 8 }), fc.nat(60), fc.nat(150), (drawn, freeMib, neededMib) => {
      const resident = drawn.map((one, n): ResidentWeights => ({ model: `m${n}`, ...one }));
      const open = resident.filter(({ isPinned }) => !isPinned);
      const sets = Array.from({ length: 1 << open.length }, (_, mask) => open.filter((__, n) => (mask >> n) & 1));
      const enough = sets.filter((set) => size(set) >= neededMib - freeMib);
      const least = Math.min(...enough.map(cost));
      const chosen = weightsToUnload(resident, freeMib, neededMib);
      expect(chosen === undefined).toBe(enough.length === 0);
      if (chosen === undefined) return;
      expect(chosen.every(({ isPinned }) => !isPinned)).toBe(true);
      expect(size(chosen)).toBeGreaterThanOrEqual(neededMib - freeMib);
      for (const one of chosen) expect(size(chosen.filter((other) => other !== one)), 'none too many').toBeLessThan(neededMib - freeMib);
      if (chosen.length === 0) return;
      all += 1;
      if (cost(chosen) === least) best += 1;
      regret += (cost(chosen) - least) / Math.max(1, least);
    }),
    { seed: 65, numRuns: effort(1_000) },
  );
  expect(all).toBeGreaterThan(150);
  expect(best / all, 'mostly the least').toBeGreaterThan(0.75);
  expect(regret / all).toBeLessThan(0.5);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Faults, Happening } from '../../support/worlds/purge-simulation.ts';
import { KEYS, PurgeSimulation } from '../../support/worlds/purge-simulation.ts';
import { effort } from '../../support/fixtures/effort.ts';

const isolate = fc.nat({ max: 2 });
const key = fc.constantFrom(...KEYS);
const pick = fc.nat({ max: 7 });
const again = fc.integer({ min: 0, max: 9 }).map((n) => n === 0);
const waiting = (kind: 'answer' | 'deliver' | 'read' | 'finishFill') => fc.record({ kind: fc.constant(kind), pick, again });

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), isolate }) },
  { weight: 4, arbitrary: waiting('answer') },
  { weight: 4, arbitrary: waiting('deliver') },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('accept' as const), isolate, key }) },
  { weight: 6, arbitrary: waiting('read') },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('beginFill' as const), isolate, key }) },
  { weight: 4, arbitrary: waiting('finishFill') },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restartIsolate' as const), isolate }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restartOwner' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('purge' as const), key: fc.option(key, { nil: undefined, freq: 4 }) }) },
);

// Slow clocks stretch a lease: 900 ms by a clock at 0.95 are 947 ms, within the guard.
const rates = fc.constantFrom([1, 1, 1], [0.95, 1, 1.05], [0.92, 0.92, 1.1]);

const seen = { receipts: 0, served: 0, servedAfterReceipt: 0, taken: 0, unleased: 0 };

const check = (numRuns: number, faults: Faults) =>
  fc.check(
    fc.property(rates, fc.array(happening, { minLength: 30, maxLength: 250, size: 'max' }), (speeds, events) => {
      const simulation = new PurgeSimulation(speeds, faults);
      for (const event of events) simulation.happen(event);
      for (const what of ['receipts', 'served', 'servedAfterReceipt', 'taken', 'unleased'] as const) seen[what] += simulation.seen[what];
      return simulation.violations.length === 0;
    }),
    { seed: 20_261_125, numRuns, endOnFailure: true },
  );

describe('a purge, once reported', () => {
  it('[C6] [C7] [C8] [C16] holds for every later read, through restarts and repeated or late messages', () => {
    const details = check(effort(3_000, 200_000), {});
    expect(details.failed, fc.defaultReportMessage(details) ?? '').toBe(false);
    expect(seen.receipts).toBeGreaterThan(3_000);
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(300);
  });

  it.each<[string, Faults]>([
    ['counted a lease from its answer', { countsLeaseFromAnswer: true }],
    ['forgot its leases in a restart', { ownerForgetsLeases: true }],
    ['stamped a fill at its end', { stampsFillAtItsEnd: true }],
    ['served without a lease', { ignoresLease: true }],
    ['took the time from before a request', { missesAcceptance: true }],
  ])('[C7] fails this test if something %s', (_, faults) => {
    expect(check(4000, faults).failed).toBe(true);
  });
});

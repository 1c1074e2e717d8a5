import { describe, expect, it } from 'vitest';

import { PurgeModel } from '../../support/oracles/purge-model.ts';
import type { ModelFaults } from '../../support/oracles/purge-model.ts';

const TERMS = { leaseMs: 1, guardMs: 0 };
const IS_FULL = process.env['SLUICE_TEST_FULL'] === '1';

describe('the purge protocol, in all its histories', () => {
  it.each(IS_FULL ? ([1, 2] as const) : ([1] as const))(
    '[C7] [C8] no request accepted after a receipt gets a purged entry: two isolates, purges: %i',
    (purges) => {
      const { states, violation, served, servedAfterReceipt } = new PurgeModel(purges, TERMS).explore();
      expect(violation).toBeUndefined();
      expect(states).toBeGreaterThan(purges === 1 ? 50_000 : 500_000);
      expect(served).toBeGreaterThan(1000);
      expect(servedAfterReceipt).toBeGreaterThan(1000);
    },
  );

  it.each<[string, ModelFaults]>([
    ['counted a lease from its answer', { countsLeaseFromAnswer: true }],
    ['forgot its leases in a restart', { ownerForgetsLeases: true }],
    ['reported a purge at once', { reportsAtOnce: true }],
    ['stamped a fill at its end', { stampsFillAtItsEnd: true }],
    ['served without a lease', { ignoresLease: true }],
    ['took the time from before a request', { missesAcceptance: true }],
    ['judged an entry by the newest purge alone', { judgesByNewestOnly: true }],
  ])('[C7] fails this test if something %s', (_, faults) => {
    const { violation } = new PurgeModel(2, TERMS, faults).explore();
    expect(violation?.at(-1)).toContain('serve an entry');
  });
});

import { expect, it } from 'vitest';

import type { TenantId } from '../../../../src/kernel/ids.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const [ONE, OTHER] = ['tn_0000000001_00000001', 'tn_0000000002_00000001'] as TenantId[] as [TenantId, TenantId];
const COMPLETED = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 1 } as const;

it('[J86] says why a job waits, its position, and what would help; of other tenants a number alone', () => {
  const world = new ServedCell([POOL]);
  const explain = (n: number, tenantId = ONE) => world.cell.explain(tenantId, jobRequest(n).id);
  world.submit(1, { tenantId: ONE });
  expect(explain(1)).toMatchObject({ value: { explanation: { reason: 'no_free_agent', position: 1, ahead: [], agentsLacking: 1 } } });
  world.submit(2, { tenantId: OTHER, priority: 'high' });
  const urgent = world.submit(3, { tenantId: ONE, priority: 'high' });
  const last = world.submit(4, { tenantId: ONE });
  const waits = { reason: 'no_free_agent', position: 3, ahead: [urgent, jobRequest(1).id], waitingElsewhereCount: 1, agentsLacking: 1 };
  expect(explain(4)).toEqual({ ok: true, value: { job: world.job(last), explanation: { jobId: last, ...waits } } });
  expect(explain(4, OTHER)).toMatchObject({ ok: false, error: { code: 'job_not_found' } });

  // What is lacking is what starts it: one agent more for each that comes before it.
  for (let agents = 1; world.job(last).state === 'pending'; agents++) {
    expect(agents).toBeLessThanOrEqual(4);
    expect(explain(4)).toMatchObject({ value: { explanation: { reason: 'no_free_agent', agentsLacking: 1 } } });
    world.nowMs += 1;
    world.join(1);
  }
  const nothing = { reason: 'not_waiting', position: null, ahead: [], waitingElsewhereCount: 0, agentsLacking: null };
  expect(explain(4)).toMatchObject({ value: { job: { state: 'starting' }, explanation: nothing } });
  world.end(last, 1, COMPLETED);
  expect(explain(4)).toMatchObject({ value: { job: { state: 'succeeded' }, explanation: nothing } });
});

it('[J86] says that there is no pool', () => {
  const world = new ServedCell([]);
  world.submit(1);
  expect(world.cell.explain(jobRequest(1).tenantId, jobRequest(1).id)).toMatchObject({
    value: { explanation: { reason: 'no_pool', agentsLacking: null } },
  });
});

import { expect, it } from 'vitest';

import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const { tenantId } = jobRequest(1);
const PROGRESS = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } } as const;
const RELEASED = { kind: 'failed', reason: 'released', message: 'as instructed' } as const;

it('[J87] [T15] starts no job of a suspended tenant, and gets those that run given back', () => {
  const world = new ServedCell();
  const other = 'tn_0000000002_00000001' as typeof tenantId;
  const [running, waiting] = [world.submit(1, { attemptsMax: 1 }), world.submit(2)];
  world.join();
  world.report(running, 1, PROGRESS);
  world.cell.suspendTenant(tenantId, true);
  const { verdicts, effects } = world.exchange(POOL, { reports: [{ jobId: running, fence: 1, ...PROGRESS }] });
  expect([verdicts, effects.map(({ effect }) => effect)]).toMatchObject([['stop'], [{ kind: 'stop', command: 'stop' }]]);
  expect(world.job(running).state).toBe('stopping');
  world.end(running, 1, RELEASED);
  world.nowMs += 1;
  world.loseMemory();
  const foreign = world.submit(3, { tenantId: other });
  expect(world.join(3)).toMatchObject([{ jobId: foreign }]);
  expect([running, waiting].map((id) => world.job(id).state)).toEqual(['pending', 'pending']);
  expect(world.cell.explain(tenantId, waiting)).toMatchObject({ value: { explanation: { reason: 'tenant_suspended' } } });

  world.cell.suspendTenant(tenantId, false);
  world.exchange(POOL);
  expect([running, waiting].map((id) => world.job(id))).toMatchObject([
    { state: 'starting', failures: 0, fence: 2 },
    { state: 'starting' },
  ]);
});

it('[J87] takes the attempt from an agent that goes on', () => {
  const world = new ServedCell();
  const id = world.submit(1);
  world.join();
  world.report(id, 1, PROGRESS);
  world.cell.suspendTenant(tenantId, true);
  world.exchange(POOL);
  world.nowMs += JOB_LIMITS.jobGraceMs;
  world.wake();
  expect(world.exchange(POOL).effects.map(({ effect }) => effect.kind)).toEqual(['kill']);
});

it('[J87] holds for a tenant that has no job yet, and ends once it is resumed', () => {
  const world = new ServedCell();
  world.cell.suspendTenant(tenantId, true);
  const id = world.submit(1);
  expect(world.join()).toEqual([]);
  world.cell.suspendTenant(tenantId, false);
  world.fund();
  expect(world.job(id).state).toBe('starting');
});

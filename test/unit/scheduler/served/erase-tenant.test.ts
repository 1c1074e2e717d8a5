import { expect, it } from 'vitest';

import type { AttemptEnding, AttemptNews } from '../../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const COMPLETED: AttemptEnding = { kind: 'completed', progress: { completed: 5, failed: 1, total: 6 }, tokens: 70 };
const PROGRESS: AttemptNews = { kind: 'progress', progress: { completed: 2, failed: 0, total: 5 } };
const CANCELLED: AttemptEnding = { kind: 'failed', reason: 'cancelled', message: 'why' };
const tenant = (n: number): TenantId => `tn_000000000${n}_00000001` as TenantId;

const RECORDS = ['jobs', 'open_jobs', 'cell_records', 'cell_events', 'effects', 'grants'];
/** The rows that name the tenant, by table. */
const named = ({ storage }: ServedCell, name: TenantId) =>
  RECORDS.filter((table) => JSON.stringify(storage.sql.exec(`SELECT * FROM ${table}`).toArray()).includes(name));

it('[J84] takes away its jobs and all that names it, and leaves those of others', () => {
  const world = new ServedCell();
  const [doomed, other] = [tenant(1), tenant(2)];
  for (let n = 1; n <= JOB_LIMITS.schedulerBatchMaxCount + 20; n++) world.submit(n, { tenantId: doomed });
  const kept = world.submit(1_000, { tenantId: other });
  const grants = world.join(2);
  world.nowMs += 5_000;
  const done = grants.find(({ tenantId }) => tenantId === doomed)!;
  world.end(done.jobId, 1, COMPLETED);
  world.nowMs += 1;
  const running = world.join(1)[0]!;
  world.report(running.jobId, 1, PROGRESS);
  const bill = world.charges.map(({ id }) => id);
  expect(named(world, doomed)).toEqual(['jobs', 'open_jobs', 'cell_records', 'cell_events', 'grants']);

  const left = Array.from({ length: 3 }, () => world.cell.eraseTenant(doomed));
  // The one that runs, and its two grants, stay until its agent has stopped.
  expect([left[0]! < JOB_LIMITS.schedulerBatchMaxCount, ...left.slice(1)]).toEqual([true, 3, 3]);
  expect(world.job(running.jobId).state).toBe('cancelling');
  expect(world.exchange(POOL).effects.map(({ effect }) => effect.kind)).toEqual(['stop']);
  world.end(running.jobId, 1, CANCELLED);
  // The rest of its grants is returned first.
  expect(world.cell.eraseTenant(doomed)).toBe(0);
  expect(named(world, doomed)).toEqual([]);
  expect(world.cell.eraseTenant(doomed)).toBe(0);
  expect(world.cell.submit(jobRequest(2_000, { tenantId: doomed }))).toMatchObject({ error: { code: 'tenant_suspended' } });
  expect(world.charges.map(({ id }) => id)).toEqual(expect.arrayContaining(bill));
  expect(world.report(done.jobId, 1, COMPLETED)).toBe('stale');

  world.loseMemory();
  expect(world.job(kept).state).toBe('starting');
  world.nowMs += 1;
  const next = world.submit(1_001, { tenantId: other });
  expect(world.join(1)).toMatchObject([{ jobId: next }]);
});

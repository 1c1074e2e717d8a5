import { describe, expect, it } from 'vitest';

import type { AttemptEnding, AttemptNews } from '../../../../src/contract/jobs/attempt.ts';
import type { JobId, TenantId } from '../../../../src/kernel/ids.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const DONE = { completed: 5, failed: 1, total: 6 };
const COMPLETED: AttemptEnding = { kind: 'completed', progress: DONE, tokens: 70 };
const PROGRESS: AttemptNews = { kind: 'progress', progress: { completed: 2, failed: 0, total: 5 } };
const tenant = (n: number): TenantId => `tn_000000000${n}_00000001` as TenantId;

describe('tenants', () => {
  it.each([
    ['on one agent', 1],
    ['on four agents', 4],
  ])('[J80] starts a job within twice its fair-share wait behind 25 urgent ones of another tenant, %s', (_, agents) => {
    const world = new ServedCell();
    const durationMs = 20_000;
    for (let n = 1; n <= 25; n++) world.submit(n, { tenantId: tenant(1), priority: 'high' });
    world.join(agents);
    world.nowMs += durationMs / 2;
    for (const { grant } of world.grants) world.report(grant.jobId, 1, PROGRESS);
    const other = world.submit(100, { tenantId: tenant(2), priority: 'low' });
    const submittedAtMs = world.nowMs;
    // An agent that has finished asks again.
    for (let round = 0; world.job(other).state === 'pending'; round++) {
      expect(round).toBeLessThan(30);
      world.nowMs = submittedAtMs + durationMs / 2 + round * durationMs;
      const live = world.grants.filter(({ grant }) => world.job(grant.jobId).attempt?.fence === grant.fence);
      for (const { grant } of live) world.end(grant.jobId, 1, COMPLETED);
      world.join(agents);
    }
    // With half of the agents for each tenant, it would start as soon as one is free.
    const fairWaitMs = durationMs / 2;
    expect(world.job(other).startedAtMs! - submittedAtMs).toBeLessThanOrEqual(2 * fairWaitMs);
  });

  it('[J121] starts a job next but one behind 25 urgent ones of another tenant that take milliseconds', () => {
    const world = new ServedCell([POOL]);
    const other = tenant(2);
    for (let n = 1; n <= 25; n++) world.submit(n, { tenantId: other, priority: 'high' });
    const id = world.submit(26, { priority: 'low' });
    const started: JobId[] = [];
    while (!started.includes(id) && started.length < 26) {
      world.nowMs += 20;
      const [grant] = world.join();
      started.push(grant!.jobId);
      world.end(grant!.jobId, grant!.fence, COMPLETED);
    }
    expect(started.length).toBeLessThanOrEqual(2);
  });

  it('[J80] shares agents between tenants that keep them busy, whatever their priorities', () => {
    const world = new ServedCell();
    for (let n = 1; n <= 60; n++) world.submit(n, { tenantId: tenant(n % 2), priority: n % 2 === 0 ? 'high' : 'low' });
    const had = new Map<TenantId, number>();
    for (let round = 0; round < 10; round++) {
      const grants = world.join(4);
      for (const { tenantId } of grants) had.set(tenantId, (had.get(tenantId) ?? 0) + 1);
      world.nowMs += 7_000;
      for (const { jobId } of grants) world.end(jobId, 1, COMPLETED);
    }
    expect([...had.values()]).toEqual([20, 20]);
  });
});

import { describe, expect, it } from 'vitest';

import { must } from '../../../../src/kernel/assert.ts';
import { jobCostNano } from '../../../../src/gateway/jobs/job-cost.ts';
import { planCostOf } from '../../../../src/gateway/jobs/plan-cost.ts';
import { ANY_NODE } from '../../../../src/scheduler/served/jobs/job.ts';
import type { JobRequest } from '../../../../src/scheduler/served/jobs/job.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const H100 = { accelerator: 'h100' as const, count: 2 };
const NODE = { capacity: { accelerator: H100.accelerator, acceleratorCount: H100.count, cpuMilli: 8_000, memoryMib: 65_536 } };
const HALF = { acceleratorCount: 1, milliEach: 500 };
const RUNTIME_MS = 60_007;

/** What a job is planned to cost, and what it has cost once it has run for all of its time. */
function plannedAndBilled(terms: Partial<JobRequest>) {
  const world = new ServedCell([POOL]);
  world.join(2, POOL, NODE);
  const request = jobRequest(1, { runtimeMaxMs: RUNTIME_MS, tokensMax: 12_345, ...terms });
  const planned = world.cell.plan(request);
  if (!planned.ok) throw new Error(planned.error.message);
  const id = world.submit(1, request);
  world.exchange(POOL);
  world.report(id, 1, { kind: 'progress', progress: { completed: 0, failed: 0, total: 1 } });
  for (let left = RUNTIME_MS; left > 0; left -= 5_000) {
    world.nowMs += Math.min(left, 5_000);
    if (left > 5_000) world.exchange(POOL);
  }
  world.report(id, 1, { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 12_345 });
  expect(world.job(id).state).toBe('succeeded');
  return { cost: must(planCostOf(request, planned.value), 'it has a placement'), billed: jobCostNano(world.job(id)) };
}

describe('[J104] what a plan says that a job costs', () => {
  it('is what is billed for all of its time and tokens, by the accelerators of its option', () => {
    const plain = plannedAndBilled({});
    expect(plain.cost).toEqual({ nanoPerHour: 2_500_000_000n, attemptMaxNano: plain.billed });
    const options = [{ ...ANY_NODE, accelerator: H100.accelerator, perNode: { ...ANY_NODE.perNode, ...HALF } }];
    const shared = plannedAndBilled({ options });
    expect(shared.cost).toEqual({ nanoPerHour: 1_450_000_000n, attemptMaxNano: shared.billed });
    const gang = plannedAndBilled({ options: [{ ...ANY_NODE, nodes: { min: 2, max: 2, step: 1 } }] });
    expect(gang.cost).toMatchObject({ nanoPerHour: 5_000_000_000n });
  });

  it('is at most what the job may cost, and unknown while it may run for ever or has no room anywhere', () => {
    const world = new ServedCell([POOL]);
    const costOf = (terms: Partial<JobRequest>) => {
      const request = jobRequest(1, terms);
      const planned = world.cell.plan(request);
      return planned.ok ? planCostOf(request, planned.value) : undefined;
    };
    expect(costOf({ runtimeMaxMs: 3_600_000 })).toBeNull();
    world.join(1);
    expect(costOf({})).toMatchObject({ attemptMaxNano: null });
    expect(costOf({ runtimeMaxMs: 3_600_000 })).toMatchObject({ attemptMaxNano: 2_500_000_000n });
    expect(costOf({ runtimeMaxMs: 3_600_000, costMaxNanoDollars: 7 })).toMatchObject({ attemptMaxNano: 7n });
  });
});

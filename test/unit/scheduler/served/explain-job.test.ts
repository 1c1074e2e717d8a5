import { describe, expect, it } from 'vitest';

import { must } from '../../../../src/kernel/assert.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import type { WhyWaiting } from '../../../../src/scheduler/served/explain-job.ts';
import { NOT_WAITING } from '../../../../src/scheduler/served/explain-job.ts';
import { ANY_NODE } from '../../../../src/scheduler/served/jobs/job.ts';
import { statedPrice } from '../../../support/worlds/priced-pools.ts';
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
  const waits = { reason: 'no_free_agent', position: 3, ahead: [urgent, jobRequest(1).id], waitingElsewhereCount: 1, agentsLacking: 4 };
  expect(explain(4)).toMatchObject({ ok: true, value: { job: world.job(last), explanation: { jobId: last, ...waits } } });
  expect(explain(4, OTHER)).toMatchObject({ ok: false, error: { code: 'job_not_found' } });

  // What is lacking is what starts it: one agent more for each that comes before it.
  for (let agents = 1; world.job(last).state === 'pending'; agents++) {
    expect(explain(4)).toMatchObject({ value: { explanation: { reason: 'no_free_agent', agentsLacking: 5 - agents } } });
    world.nowMs += 1;
    world.join(1);
  }
  const nothing = NOT_WAITING;
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

describe('[J102] a waiting job', () => {
  const DAY_MS = 86_400_000;
  const wide = (nodes: number) => ({ ...ANY_NODE, nodes: { min: nodes, max: nodes, step: 1 } });
  const why = (world: ServedCell, n: number, tenantId = ONE): WhyWaiting => {
    const found = world.cell.explain(tenantId, jobRequest(n).id);
    if (!found.ok) throw new Error(found.error.message);
    return found.value.explanation;
  };

  it('has a typed reason for each of its options, when there will be room, and remedies with numbers', () => {
    const world = new ServedCell([POOL]);
    world.join(2);
    world.submit(1, { tenantId: OTHER, options: [wide(2)], runtimeMaxMs: 60_000, graceMs: 0 });
    world.submit(2, { options: [{ ...ANY_NODE, regions: ['moon'] }, wide(2)] });
    expect(why(world, 2)).toMatchObject({
      reason: 'no_free_agent',
      blockers: [
        { kind: 'no_pool', option: 0 },
        { kind: 'no_room', option: 1, lack: { poolId: POOL, nodesFree: 0, nodesNeeded: 2 } },
      ],
      position: 1,
      roomAtMs: world.nowMs + 60_000,
      agentsLacking: 2,
      remedies: [
        { steps: [{ kind: 'more_nodes', option: 1, poolId: POOL, by: 2 }], evicts: { jobIds: [], otherCount: 0 } },
        {
          steps: [
            { kind: 'accept_more_pools', option: 0, region: 'local' },
            { kind: 'more_nodes', option: 0, by: 1 },
          ],
        },
        {
          steps: [
            { kind: 'smaller_demand', option: 1, nodes: 1 },
            { kind: 'more_nodes', by: 1 },
          ],
        },
      ].slice(0, 2),
    });
    world.join(2);
    expect(world.job(jobRequest(2).id).state).toBe('starting');
  });

  it('names its price limit, and starts under the limit that the remedy names', () => {
    const world = new ServedCell([POOL]);
    world.join(2);
    expect(world.cell.operations.setPrice(POOL, statedPrice(5_000))).toMatchObject({ ok: true });
    world.submit(1, { options: [wide(2)], priceMaxNanoDollarsPerHour: 9_999 });
    const { reason, remedies } = why(world, 1);
    expect(reason).toBe('too_expensive');
    expect(remedies[0]).toEqual({
      steps: [{ kind: 'higher_price_limit', option: 0, nanoDollarsPerHour: 10_000 }],
      evicts: { jobIds: [], otherCount: 0 },
    });
    const id = world.submit(2, { options: [wide(2)], priceMaxNanoDollarsPerHour: 10_000 });
    expect(world.job(id).state).toBe('starting');
  });

  it('knows that its owner suspended it, what it depends on, when its payer is asked again, and that it is being placed', () => {
    const world = new ServedCell([POOL]);
    world.submit(1);
    world.submit(2, { dependsOn: [jobRequest(1).id] });
    expect(why(world, 2)).toMatchObject({
      reason: 'dependencies',
      waitsFor: [jobRequest(1).id],
      remedies: [{ steps: [{ kind: 'finish_dependencies' }, { kind: 'more_nodes', by: 1 }] }],
    });
    world.cell.act(ONE, jobRequest(1).id, { kind: 'suspend' });
    expect(why(world, 1)).toMatchObject({
      reason: 'suspended',
      remedies: [{ steps: [{ kind: 'resume' }, { kind: 'more_nodes', by: 1 }] }],
    });
    world.cell.act(ONE, jobRequest(1).id, { kind: 'resume' });
    expect(why(world, 1).reason).toBe('no_free_agent');

    world.quotas = undefined;
    world.join(1);
    expect(why(world, 1)).toMatchObject({ reason: 'being_placed', position: null });
    world.quotas = ({ asked }) => asked.map(({ id }) => ({ kind: 'refused', id, refusedTo: 'payer' }));
    world.fund();
    const { reason, retryAtMs, remedies } = why(world, 1);
    expect([reason, remedies.map(({ steps }) => steps)]).toEqual(['budget_exhausted', [[{ kind: 'more_budget' }]]]);
    expect(retryAtMs).toBeGreaterThan(world.nowMs);
  });

  it('names no job of another tenant, only that one comes first', () => {
    const world = new ServedCell([POOL]);
    world.join(2);
    world.submit(1, { options: [wide(1)], runtimeMaxMs: DAY_MS });
    world.submit(2, { tenantId: OTHER, options: [wide(2)] });
    // The first job has lost its patience: nodes are reserved for it.
    for (let n = 0; n < 13; n++) {
      world.nowMs += 5_000;
      world.exchange(POOL);
      world.wake();
    }
    world.submit(3, { runtimeMaxMs: 2 * DAY_MS });
    const blocked = why(world, 3);
    expect(blocked).toMatchObject({
      reason: 'others_first',
      blockers: [{ kind: 'held', option: 0, forJob: null }],
      waitingElsewhereCount: 1,
    });
    expect(JSON.stringify(blocked)).not.toContain(jobRequest(2).id);
    // Done in time, it starts.
    const remedy = blocked.remedies.flatMap(({ steps }) => steps).find((step) => step.kind === 'shorter_duration');
    expect(remedy).toMatchObject({ option: 0 });
    const runtimeMaxMs = must(remedy, 'it is named').durationMaxMs;
    const id = world.submit(4, { runtimeMaxMs, graceMs: 0 });
    expect(world.job(id).state).toBe('starting');
  });
});

it('[J103] a plan is refused as the submission would be', () => {
  const world = new ServedCell([POOL]);
  const codeOf = (terms: Parameters<typeof jobRequest>[1]) => {
    const [planned, submitted] = [world.cell.plan(jobRequest(1, terms)), world.cell.submit(jobRequest(1, terms))];
    expect(planned).toEqual(submitted);
    return planned.ok ? undefined : planned.error.code;
  };
  expect(codeOf({ queue: 'other' })).toBeDefined();
  expect(codeOf({ deadlineAtMs: 1 })).toBeDefined();
  expect(codeOf({ dependsOn: [jobRequest(9).id] })).toBeDefined();
  expect(codeOf({ options: [{ ...ANY_NODE, nodes: { min: 2, max: 1, step: 1 } }] })).toBeDefined();
});

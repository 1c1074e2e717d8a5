import { describe, expect, it } from 'vitest';
import { explain } from '../../../../../src/scheduler/engine/explain/explain.ts';
import type { JobId } from '../../../../../src/kernel/ids.ts';
import { plan } from '../../../../../src/scheduler/engine/explain/plan.ts';
import { cellWays } from '../../../../support/oracles/apply-remedy.ts';
import { CellWorld, cohort, queue } from '../../../../support/worlds/cell-world.ts';
import { demand, jobSpec, nodeSpec, option } from '../../../../support/fixtures/scheduler-specs.ts';

const why = (world: CellWorld, id: JobId) => explain(world.cell, world.job(id), cellWays(world.cell, world.job(id).spec.queue));
const stepsOf = (world: CellWorld, id: JobId) => why(world, id).remedies.map(({ steps }) => steps);
const of = (wholes: number) => ({ options: [option(wholes, { perNode: demand(wholes) })] });
const limits = (overrides: Partial<ReturnType<typeof jobSpec>['limits']>) => ({ limits: { ...jobSpec(0).limits, ...overrides } });

describe('[J64] why a job waits', () => {
  it('is its quota: which resource, how much is missing, and what would help', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 4)] });
    world.submit(1, { ...of(3), ...limits({ durationMaxMs: 60_000 }) });
    const id = world.submit(2, of(2));
    expect(why(world, id)).toMatchObject({
      why: { kind: 'blocked' },
      blockers: [{ kind: 'quota', option: 0, resource: 'H100', needed: 2_000, available: 1_000 }],
      position: 1,
      ahead: [],
      earliestStartMs: world.nowMs + 60_000,
    });
    expect(stepsOf(world, id)).toContainEqual([{ kind: 'more_quota', option: 0, owner: 'a', resource: 'H100', by: 1_000 }]);
    expect(stepsOf(world, id)).toContainEqual([expect.objectContaining({ kind: 'smaller_demand' })]);
    const never = world.submit(3, of(8));
    expect(why(world, never)).toMatchObject({ blockers: [{ kind: 'exceeds_quota', available: 4_000 }], earliestStartMs: null });
  });

  it('is room: in which pool, of what, and how many nodes more would do', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 90)] }, [nodeSpec(0), nodeSpec(1)]);
    world.submit(1, { options: [option(8)] });
    world.submit(9, { options: [option(1, { perNode: demand(1, { cpuMilli: 32_000 }) })] });
    const cpu = world.submit(2, { options: [option(2, { perNode: demand(2, { cpuMilli: 64_000 }) })] });
    expect(world.states(cpu)).toEqual(['pending']);
    expect(why(world, cpu).blockers).toMatchObject([
      { kind: 'no_room', lack: { poolId: 'pool_aaaaaaaaaa', dimension: 'cpu', nodesFree: 0, nodesNeeded: 1 } },
    ]);
    expect(stepsOf(world, cpu)[0]).toEqual([expect.objectContaining({ kind: 'more_nodes', option: 0, poolId: 'pool_aaaaaaaaaa', by: 1 })]);
    const huge = world.submit(3, { options: [option(16)] });
    expect(why(world, huge)).toMatchObject({ blockers: [{ kind: 'exceeds_capacity' }] });
    // No node is that large: only larger ones would do.
    expect(stepsOf(world, huge)[0]).toMatchObject([{ kind: 'more_nodes', by: 1, node: { acceleratorCount: 16 } }]);
  });

  it('is topology, price, market, reserved nodes, other jobs, its queue, or the jobs ahead', () => {
    const racks = [0, 1].map((n) => nodeSpec(n, { domains: { rack: `r${n}` } }));
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 90)] }, racks);
    const topology = { level: 'rack', mode: 'required', block: false } as const;
    const split = world.submit(1, { options: [option(8, { nodes: { min: 2, max: 2, step: 1 }, topology })] });
    expect(why(world, split).blockers).toMatchObject([{ kind: 'no_room', lack: { dimension: 'topology', nodesFree: 2, nodesNeeded: 2 } }]);
    const market = world.submit(2, { options: [option(1, { markets: ['spot'] })] });
    expect(why(world, market)).toMatchObject({ blockers: [{ kind: 'no_pool' }] });
    expect(stepsOf(world, market)[0]).toMatchObject([{ kind: 'accept_more_pools', market: 'reserved', region: 'eu' }]);
    const row = { accelerator: 'H100', region: 'eu', market: 'reserved', fromMs: 0, nanoDollarsPerHour: 5_000 } as const;
    world.do({ kind: 'price', row });
    const dear = world.submit(3, { ...of(2), ...limits({ priceMaxNanoDollarsPerHour: 9_999 }) });
    expect(why(world, dear)).toMatchObject({
      blockers: [{ kind: 'price', nanoDollarsPerHour: 10_000, limit: 9_999 }],
    });
    expect(stepsOf(world, dear)[0]?.[0]).toMatchObject({ kind: 'higher_price_limit', nanoDollarsPerHour: 10_000 });
    const runs = world.submit(4, { ...of(8), ...limits({ durationMaxMs: 50_000 }) });
    const gang = world.submit(5, { options: [option(8, { nodes: { min: 2, max: 2, step: 1 } })] });
    const held = world.submit(6, { ...of(8), ...limits({ durationMaxMs: 70_000 }) });
    expect(why(world, held)).toMatchObject({
      blockers: [{ kind: 'held', forJob: gang }],
    });
    expect(stepsOf(world, held)).toContainEqual([{ kind: 'shorter_duration', option: 0, durationMaxMs: 50_000 }]);
    const waits = world.submit(7, { dependsOn: [runs] });
    expect(why(world, waits)).toMatchObject({ why: { kind: 'dependencies', jobs: [runs] }, position: null });
    world.do({ kind: 'suspend', queue: 'a', isSuspended: true });
    expect(why(world, gang).why).toEqual({ kind: 'queue_suspended' });
    expect(why(world, runs).why).toEqual({ kind: 'not_waiting' });
  });

  it('names its position and the jobs ahead, by priority and then by submission', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 1)] });
    world.submit(1);
    const ids = [2, 3, 4].map((n) => world.submit(n, { priority: 50 }));
    const first = world.submit(5, { priority: 50, ...of(2) });
    const urgent = world.submit(6, { priority: 60, preemptible: false, ...of(2) });
    expect(why(world, first)).toMatchObject({ position: 5, ahead: [urgent, ...ids] });
    expect(why(world, urgent)).toMatchObject({ position: 1, ahead: [] });
  });
});

describe('[J60] a plan', () => {
  it('names placement, price, victims and start', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 8)] }, [nodeSpec(0)]);
    world.do({
      kind: 'price',
      row: { accelerator: 'H100', region: 'eu', market: 'reserved', fromMs: 0, nanoDollarsPerHour: 5_000 },
    });
    const low = world.submit(1, { priority: 1, ...of(8), checkpoint: { intervalMs: null, graceMs: 7_000, restartMs: 0 } });
    const planned = plan(world.cell, jobSpec(2, { priority: 9, ...of(4) }), world.nowMs);
    expect(planned).toEqual({
      ok: true,
      value: {
        kind: 'has_place',
        option: 0,
        poolId: 'pool_aaaaaaaaaa',
        nodeIds: ['node-0'],
        milli: 4_000,
        nanoDollarsPerHour: 20_000,
        startMs: world.nowMs + 7_000,
        victims: [{ jobId: low, reason: 'priority' }],
      },
    });
    expect(world.states(low)).toEqual(['starting']);
    expect(plan(world.cell, jobSpec(3, { priority: 1, ...of(4) }), world.nowMs)).toMatchObject({
      ok: true,
      value: { kind: 'waits', explanation: { why: { kind: 'blocked' }, position: 1 } },
    });
    expect(plan(world.cell, jobSpec(3, { options: [] }), world.nowMs)).toMatchObject({ ok: false, error: { code: 'invalid_value' } });
  });
});

import { describe, expect, it } from 'vitest';

import type { PoolId } from '../../../../../src/kernel/ids.ts';
import { explain } from '../../../../../src/scheduler/engine/explain/explain.ts';
import { outlookOf } from '../../../../../src/scheduler/engine/explain/option-starts.ts';
import type { JobSpec } from '../../../../../src/scheduler/engine/model/job-spec.ts';
import { runEstimate } from '../../../../../src/scheduler/engine/model/run-estimate.ts';
import { CellWorld, cohort, queue } from '../../../../support/worlds/cell-world.ts';
import { demand, jobSpec, nodeSpec, option, poolSpec } from '../../../../support/fixtures/scheduler-specs.ts';

const pool = (name: string): PoolId => `pool_${name.padEnd(10, '0')}` as PoolId;
const quota = { nominal: 100_000, borrowingMax: null, lendingMax: null };

/** A slow pool of A100 at $1 an hour, and a fast one of H100 at $8; each with a node of two. */
function twoPools(): CellWorld {
  const pools = [poolSpec({ id: pool('fast') }), poolSpec({ id: pool('slow') })];
  const nodes = [
    nodeSpec(0, { poolId: pool('fast'), acceleratorCount: 1 }),
    nodeSpec(1, { poolId: pool('slow'), accelerator: 'A100', acceleratorCount: 2 }),
  ];
  const world = new CellWorld({ pools, cohorts: [cohort('all'), queue('a', 9, { quotas: { H100: quota, A100: quota } })] }, nodes);
  for (const [accelerator, dollars] of [
    ['H100', 8],
    ['A100', 1],
  ] as const)
    world.do({ kind: 'price', row: { accelerator, region: 'eu', market: 'reserved', fromMs: 0, nanoDollarsPerHour: dollars * 1e9 } });
  return world;
}

const SLOW = option(1, { accelerator: 'A100', throughputHintMilli: 250 });
const FAST = option(1);
const job = (world: CellWorld, inS: number | null, rest: Partial<JobSpec> = {}, maxS: number | null = null): Partial<JobSpec> => ({
  options: [SLOW, FAST],
  limits: {
    ...jobSpec(0).limits,
    deadlineAtMs: inS === null ? null : world.nowMs + inS * 1_000,
    durationMaxMs: maxS === null ? null : maxS * 1_000,
  },
  ...rest,
});
const poolOf = (world: CellWorld, n: number, spec: Partial<JobSpec>) => world.job(world.submit(n, spec)).attempt?.poolId;

describe('[J321] of the options that are in time the cheapest is taken', () => {
  it('by the work that the owner states, or else by the longest run time', () => {
    const stated = { workMs: 60_000 };
    expect(poolOf(twoPools(), 1, job(twoPools(), null, stated)), 'without a deadline').toBe(pool('slow'));
    expect(poolOf(twoPools(), 1, job(twoPools(), 1_000, stated)), 'both are in time').toBe(pool('slow'));
    expect(poolOf(twoPools(), 1, job(twoPools(), 100, stated)), 'it would take 240 s').toBe(pool('fast'));
    expect(poolOf(twoPools(), 1, job(twoPools(), 100, {}, 60)), 'as would one of 60 s at most').toBe(pool('fast'));
    expect(poolOf(twoPools(), 1, job(twoPools(), 100, stated, 1_000)), 'what is stated counts').toBe(pool('fast'));
    expect(poolOf(twoPools(), 1, job(twoPools(), null, stated, 100)), 'nor may it run for so long').toBe(pool('fast'));
  });

  it('by the longest that jobs like it have taken, where that is less than the limit', () => {
    const world = twoPools();
    const spec = { options: [SLOW], limits: { ...jobSpec(0).limits, durationMaxMs: 600_000 } };
    const id = world.submit(1, { ...spec, options: [SLOW, { ...FAST, regions: ['moon'] }] });
    world.report(id, { kind: 'running' });
    world.nowMs += 50_000;
    world.report(id, { kind: 'completed' });
    const again = (inS: number) => ({
      options: [SLOW, { ...FAST, regions: ['moon'] }],
      limits: { ...spec.limits, deadlineAtMs: world.nowMs + inS * 1_000 },
    });
    expect(outlookOf(world.cell, world.job(world.submit(2, again(60))))).toMatchObject({
      verdict: 'met',
      options: [{ option: 0, run: { source: 'history' } }],
    });
    expect(outlookOf(world.cell, world.job(world.submit(3, again(30))))).toMatchObject({ verdict: 'at_risk' });
  });

  it('by how many nodes there are for an elastic job', () => {
    const world = twoPools();
    const wide = { ...SLOW, perNode: demand(1), nodes: { min: 1, max: 8, step: 1 } };
    // On eight nodes it would be in time; there are two. By then it is only the fast one that is.
    expect(poolOf(world, 1, job(world, 70, { workMs: 60_000, options: [{ ...wide, throughputHintMilli: 250 }, FAST] }))).toBe(pool('fast'));
  });

  it('where none is in time, the one that ends first', () => {
    const world = twoPools();
    expect(poolOf(world, 1, job(world, 30, {}, 600))).toBe(pool('fast'));
    expect(poolOf(world, 2, job(world, 30, {}, 600)), 'the fast one is taken, and it may be shorter').toBe(pool('slow'));
  });
});

describe('[J322] a job whose stated work is late on free nodes', () => {
  it('waits for those by which it still is in time, keeps none of the others, and then takes any', () => {
    const world = twoPools();
    world.submit(1, { options: [FAST] });
    const id = world.submit(2, job(world, 100, { workMs: 60_000 }));
    expect(world.job(id).state).toBe('pending');
    expect(explain(world.cell, world.job(id)).blockers).toMatchObject([
      { kind: 'too_late', option: 0, runMs: 240_000 },
      { kind: 'no_room' },
    ]);
    expect(
      [...world.cell.reservations.all].map(({ option: by }) => by),
      'slow nodes stay free for others',
    ).toEqual([1]);
    expect(poolOf(world, 3, { options: [SLOW] })).toBe(pool('slow'));
    world.wait(40_000);
    expect(world.job(id).state, 'it still can').toBe('pending');
    world.wait(1_000);
    expect(world.job(id).attempt?.poolId, 'it cannot any more').toBe(pool('slow'));
  });

  it('starts at once when the faster nodes come free', () => {
    const world = twoPools();
    const first = world.submit(1, { options: [FAST] });
    const id = world.submit(2, job(world, 100, { workMs: 60_000 }));
    world.report(first, { kind: 'completed' });
    expect(world.job(id).attempt?.poolId).toBe(pool('fast'));
  });
});

it('[J323] a job that waits too long says so once, by what its owner says, and nothing is said of others', () => {
  const world = twoPools();
  world.submit(1, { options: [FAST] });
  const [stated, bounded, free] = [
    world.submit(2, { ...job(world, 100, { workMs: 60_000 }), options: [FAST] }),
    world.submit(3, { ...job(world, 100, {}, 80), options: [FAST] }),
    world.submit(4, { ...job(world, 100), options: [FAST] }),
  ];
  const late = () => [stated, bounded, free].map((id) => world.job(id).lateAtMs);
  expect(late()).toEqual([undefined, undefined, undefined]);
  world.wait(20_001);
  expect(late()).toEqual([undefined, world.nowMs, undefined]);
  world.wait(20_000);
  expect(late()).toEqual([world.nowMs, world.nowMs - 20_000, undefined]);
  expect(outlookOf(world.cell, world.job(stated))).toMatchObject({ verdict: 'missed' });
  expect(outlookOf(world.cell, world.job(free))).toMatchObject({ verdict: 'unknown', options: [{ run: null, endMs: null }] });
  world.wait(1_000);
  expect(world.decided('save')).toEqual([]);
});

it('[J321] an estimate is in proportion to throughput and nodes', () => {
  const terms = {
    options: [
      { nodes: { min: 1, max: 4, step: 1 }, throughputHintMilli: 1_000 },
      { nodes: { min: 2, max: 2, step: 1 }, throughputHintMilli: 250 },
    ],
    workMs: 60_000,
    durationMaxMs: 90_000,
    deadlineAtMs: null,
  };
  expect(runEstimate(terms, 0, 1)).toEqual({ runMs: 60_000, source: 'stated' });
  expect(runEstimate(terms, 0, 4)).toEqual({ runMs: 15_000, source: 'stated' });
  expect(runEstimate(terms, 1, 2)).toEqual({ runMs: 120_000, source: 'stated' });
  const bound = { ...terms, workMs: null };
  expect(runEstimate(bound, 0, 1)).toEqual({ runMs: 90_000, source: 'max_runtime' });
  expect(runEstimate(bound, 1, 2)).toEqual({ runMs: 180_000, source: 'max_runtime' });
  expect(runEstimate(bound, 1, 2, { longestMs: () => 50_000 })).toEqual({ runMs: 50_000, source: 'history' });
  expect(runEstimate(terms, 1, 2, { speeds: [1, 0.5] }), 'as measured').toEqual({ runMs: 60_000, source: 'stated' });
  expect(runEstimate({ ...bound, durationMaxMs: null }, 0, 1)).toBeNull();
});

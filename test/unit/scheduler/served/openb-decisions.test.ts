import { describe, expect, it } from 'vitest';

import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { PoolId } from '../../../../src/kernel/ids.ts';
import { ANY_NODE } from '../../../../src/scheduler/served/jobs/job.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';
import { acceleratorMilli } from '../../../../src/scheduler/engine/placement/workload-mix.ts';
import { capacityMilli, readOpenb } from '../../../../src/scheduler/simulator/openb/read-openb.ts';
import { arrivals, OPENB_POLICIES, replayOpenb } from '../../../../src/scheduler/simulator/openb/replay.ts';
import type { OpenbTrace } from '../../../../src/scheduler/simulator/openb/read-openb.ts';
import { numberOf, openbWorld } from '../../../bench/served/openb-world.ts';
import { ServedCell } from '../../../support/worlds/served-cell.ts';
import { syntheticOpenb } from '../../../support/fixtures/synthetic-openb.ts';
import { startsOfEngine, startsOfServedCell } from '../../../support/worlds/served-suite.ts';

function worldOf(seed: number, boundShare: number) {
  const { nodes, pods } = syntheticOpenb(seed, 320, boundShare);
  const read = readOpenb(nodes, pods);
  if (!read.ok) throw new Error(read.error.message);
  const random = new Seeded(seed);
  const order = arrivals(read.value, capacityMilli(read.value.nodes), () => random.next());
  return { trace: read.value, order, world: openbWorld(read.value, order) };
}

it('[J166] places an openb trace where the engine alone does, also when memory is lost again and again', () => {
  const { world } = worldOf(3, 0.25);
  const engine = startsOfEngine(world);
  expect(startsOfServedCell(world)).toEqual(engine);
  expect(startsOfServedCell(world, 40)).toEqual(engine);
  expect(engine.length, 'not everything fits').toBeLessThan(world.jobs.length - 10);
});

it('[PL17] allocates about as much of the trace as placement that knows it in advance', () => {
  const shares = [11, 12, 13, 14].map((seed) => {
    const { trace, order, world } = worldOf(seed, 0.4);
    const placed = new Set(startsOfEngine(world).map(({ jobId }) => numberOf(jobId)));
    const milli = order.filter((_, n) => placed.has(n)).reduce((sum, shape) => sum + acceleratorMilli(trace.shapes[shape]!.shape), 0);
    const alone = replayOpenb(trace, order, OPENB_POLICIES.sluice).curve.at(-1)!.allocatedPct;
    return (100 * milli) / capacityMilli(trace.nodes) - alone;
  });
  // Points; the engine learns from the jobs that have come what others will ask for.
  expect(shares.reduce((sum, share) => sum + share) / shares.length).toBeGreaterThan(-0.75);
});

describe('[PL17] of options that are as fast and cost as much', () => {
  const node = (id: string, accelerator: string, acceleratorCount: number) => ({
    id,
    poolId: 'pool_openb00000' as PoolId,
    accelerator,
    acceleratorCount,
    cpuMilli: 64_000,
    memoryMib: 1_024,
    domains: {},
    ordinal: 0,
  });
  const shape = (acceleratorCount: number) => ({
    weight: 1,
    shape: { cpuMilli: 1_000, memoryMib: 1, acceleratorCount, milliEach: 1_000, accelerators: null },
  });
  /** The first type that a job lists has eight accelerators on one node, the other has one. */
  const trace: OpenbTrace = { nodes: [node('eight', 'A', 8), node('one', 'B', 1)], shapes: [shape(1), shape(8)], pods: [0, 1] };
  const nodesOf = (world: ReturnType<typeof openbWorld>) => startsOfEngine(world).map(({ nodeIds }) => nodeIds[0]);

  it('a job takes the one that leaves a block whole, not the first that it lists', () => {
    const world = openbWorld(trace, [0, 1]);
    expect(world.jobs[0]!.request.options.map(({ accelerator }) => accelerator)).toEqual(['a', 'b']);
    expect(nodesOf(world)).toEqual(['one', 'eight']);
  });

  it('a job takes the faster one, whatever that wastes', () => {
    const world = openbWorld(trace, [0, 1]);
    const jobs = world.jobs.map((job) => ({
      ...job,
      request: { ...job.request, options: job.request.options.map((option, n) => ({ ...option, throughputHintMilli: 2_000 - n })) },
    }));
    expect(nodesOf({ ...world, jobs })).toEqual(['eight']);
  });
});

it('[J223] starts jobs on more cores than a cell has agents', () => {
  const count = JOB_LIMITS.cellAgentsMaxCount / 1_000 + 1;
  const capacity = { accelerator: null, acceleratorCount: 0, cpuMilli: JOB_LIMITS.nodeCpuMilliMax, memoryMib: 1_024 };
  const cell = new ServedCell();
  cell.join(count, undefined, { capacity });
  const perNode = { cpuMilli: JOB_LIMITS.nodeCpuMilliMax, memoryMib: 1, acceleratorCount: 0, milliEach: 0 };
  const ids = Array.from({ length: count }, (_, n) => cell.submit(n, { options: [{ ...ANY_NODE, perNode }] }));
  expect(ids.filter((id) => cell.job(id).state !== 'starting')).toEqual([]);
});

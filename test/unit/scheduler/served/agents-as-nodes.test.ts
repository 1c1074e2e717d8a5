import { describe, expect, it } from 'vitest';

import type { Capacity } from '../../../../src/contract/node-capacity.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { SqliteCellStore } from '../../../../src/scheduler/served/sqlite-cell-store.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const capacity = (overrides: Partial<Capacity> = {}): Capacity => ({
  accelerator: null,
  acceleratorCount: 0,
  cpuMilli: 64_000,
  memoryMib: 65_536,
  ...overrides,
});

const stored = (world: ServedCell) => new SqliteCellStore(world.storage).load().records;

describe('[P20] an agent is a node', () => {
  it('with the capacity, the domains and the weights that it has said it has', () => {
    const world = new ServedCell();
    world.join(1, POOL, {
      capacity: capacity({ accelerator: 'h100', acceleratorCount: 8 }),
      attemptsMax: 4,
      domains: { rack: 'r7' },
      ordinal: 3,
      weights: [{ model: 'm', memoryMib: 1_024, loadMs: 100 }],
    });
    const { nodes } = stored(world);
    expect(nodes).toHaveLength(1);
    expect(nodes[0]!.spec).toMatchObject({
      poolId: POOL,
      accelerator: 'h100',
      acceleratorCount: 8,
      cpuMilli: 64_000,
      memoryMib: 65_536,
      domains: { rack: 'r7' },
      ordinal: 3,
      jobsMax: 4,
    });
    expect(nodes[0]!.weights).toMatchObject([{ model: 'm', users: 0 }]);
  });

  it('that runs as many jobs at once as fit, and no more than it takes', () => {
    const few = new ServedCell();
    for (let n = 1; n <= 6; n++) few.submit(n);
    expect(few.join(1, POOL, { capacity: capacity(), attemptsMax: 4 })).toHaveLength(4);
    const small = new ServedCell();
    for (let n = 1; n <= 6; n++) small.submit(n);
    expect(small.join(1, POOL, { capacity: capacity({ cpuMilli: 2_500 }), attemptsMax: 4 })).toHaveLength(2);
  });

  it('that runs one small job where it says nothing of its capacity', () => {
    const world = new ServedCell();
    for (let n = 1; n <= 3; n++) world.submit(n);
    expect(world.join()).toHaveLength(1);
  });
});

it('[J113] the types of accelerators that agents bring are known from then on, and stored', () => {
  const world = new ServedCell();
  world.join(1, POOL, { capacity: capacity({ accelerator: 'b300', acceleratorCount: 1 }) });
  world.join(1, POOL, { capacity: capacity({ accelerator: 'b300', acceleratorCount: 8 }) });
  const types = stored(world).accelerators.map(({ name }) => name);
  expect(types.filter((name) => name === 'b300')).toHaveLength(1);
  world.loseMemory();
  world.exchange(POOL);
  expect(stored(world).accelerators.map(({ name }) => name)).toEqual(types);
});

it('[P22] what agents measure moves what the engine expects of jobs of that kind', () => {
  const world = new ServedCell();
  const id = world.submit(1);
  world.join();
  const progress = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } } as const;
  world.report(id, 1, progress);
  expect(stored(world).throughputs).toEqual([]);
  world.report(id, 1, { ...progress, throughput: { workMilli: 500, overMs: 1_000 } });
  expect(must(stored(world).throughputs[0], 'a rate').milliPerHour).toBe(1_800_000);
});

import { describe, expect, it } from 'vitest';

import type { PoolId } from '../../../../../src/kernel/ids.ts';
import { Cell } from '../../../../../src/scheduler/engine/cell/cell.ts';
import type { CellEvent } from '../../../../../src/scheduler/engine/cell/event.ts';
import { step } from '../../../../../src/scheduler/engine/machine/step.ts';
import { PlacerByPool } from '../../../../../src/scheduler/engine/placement/placer-by-pool.ts';
import { demand, nodeSpec, option, poolSpec } from '../../../../support/fixtures/scheduler-specs.ts';
import { foldRecords } from '../../../../support/oracles/fold-records.ts';
import { CellWorld } from '../../../../support/worlds/cell-world.ts';

const LATE = 'pool_late000000' as PoolId;
const nodes = (...specs: ReturnType<typeof nodeSpec>[]): CellEvent => ({ kind: 'add_nodes', nodes: specs });
const small = (overrides = {}) => ({ options: [option(0, { accelerator: null, perNode: demand(0), ...overrides })] });
const placedOn = (world: CellWorld, id: Parameters<CellWorld['job']>[0]) =>
  world.job(id).attempt?.placement.slots.map(({ node }) => world.cell.fleet.node(node).spec.id);

describe('[J110] a node that runs at most so many jobs', () => {
  it('gets no more, whatever room it has, and the next when one has left', () => {
    const world = new CellWorld({}, [nodeSpec(0, { jobsMax: 2 })]);
    const ids = [1, 2, 3].map((n) => world.submit(n, small()));
    expect(world.states(...ids)).toEqual(['starting', 'starting', 'pending']);
    world.report(ids[0]!, { kind: 'completed' });
    expect(world.states(...ids)).toEqual(['succeeded', 'starting', 'starting']);
  });

  it('is opened by an eviction, and the next starts only when the victim has left', () => {
    const world = new CellWorld({}, [nodeSpec(0, { jobsMax: 1 })]);
    const low = world.submit(1, { ...small(), priority: 1, checkpoint: { intervalMs: null, graceMs: 5_000, restartMs: 0 } });
    const high = world.submit(2, { ...small(), priority: 90 });
    expect(world.states(low, high)).toEqual(['checkpointing', 'admitted']);
    world.report(low, { kind: 'released' });
    expect(world.states(low, high)).toEqual(['evicted', 'starting']);
  });

  it('stays closed when it is cordoned with room left', () => {
    const world = new CellWorld({}, [nodeSpec(0, { jobsMax: 2 })]);
    const first = world.submit(1, small());
    world.do({ kind: 'cordon', nodeId: 'node-0' });
    const second = world.submit(2, small());
    world.report(first, { kind: 'completed' });
    expect(world.states(first, second)).toEqual(['succeeded', 'pending']);
  });
});

describe('[J111] a cordoned node', () => {
  it('keeps what runs there and gets nothing new until it is uncordoned', () => {
    const world = new CellWorld({}, [nodeSpec(0)]);
    const before = world.submit(1, small());
    world.do({ kind: 'cordon', nodeId: 'node-0' });
    const after = world.submit(2, small());
    expect(world.states(before, after)).toEqual(['starting', 'pending']);
    expect(world.decided('notice')).toEqual([]);
    world.do({ kind: 'uncordon', nodeId: 'node-0' });
    expect(world.states(before, after)).toEqual(['starting', 'starting']);
  });

  it('that was drained takes work again, too; an unknown one changes nothing', () => {
    const world = new CellWorld({}, [nodeSpec(0)]);
    world.do({ kind: 'drain', nodeId: 'node-0' });
    world.do({ kind: 'uncordon', nodeId: 'none' });
    const id = world.submit(1, small());
    expect(world.states(id)).toEqual(['pending']);
    world.do({ kind: 'uncordon', nodeId: 'node-0' });
    expect(world.states(id)).toEqual(['starting']);
  });
});

describe('[J112] pools', () => {
  it('may change: jobs that accept them only now start there, and those that run go on', () => {
    const world = new CellWorld({}, [nodeSpec(0)]);
    const running = world.submit(1, small({ markets: ['reserved'] }));
    const waiting = world.submit(2, small({ markets: ['spot'] }));
    expect(world.states(running, waiting)).toEqual(['starting', 'pending']);
    world.do({ kind: 'change_pool', spec: poolSpec({ market: 'spot' }) });
    expect(world.states(running, waiting)).toEqual(['starting', 'starting']);
    expect(world.states(world.submit(3, small({ markets: ['reserved'] })))).toEqual(['pending']);
  });

  it('that become elastic ask for nodes, and give idle ones back', () => {
    const world = new CellWorld({}, []);
    const id = world.submit(1, small());
    const template = { accelerator: null, acceleratorCount: 0, cpuMilli: 1_000, memoryMib: 1_024 };
    const elasticity = { nodesMin: 0, nodesMax: 2, template, provisioningMs: 1_000, idleMs: 5_000 };
    world.do({ kind: 'change_pool', spec: poolSpec({ elasticity }) });
    expect(world.decided('provision')).toEqual([{ kind: 'provision', poolId: poolSpec().id, count: 1 }]);
    world.do(nodes(nodeSpec(7, template)));
    world.report(id, { kind: 'completed' });
    world.wait(5_000);
    expect(world.decided('retire')).toEqual([{ kind: 'retire', nodeId: 'node-7' }]);
    world.do({ kind: 'change_pool', spec: poolSpec() });
    expect(world.states(world.submit(2, small()))).toEqual(['pending']);
    expect(world.decided('provision')).toEqual([]);
  });

  it('go when they have no nodes, with the prices that were theirs alone', () => {
    const world = new CellWorld();
    world.do({ kind: 'add_pool', spec: poolSpec({ id: LATE }) });
    const row = { accelerator: null, region: 'eu', market: 'reserved', fromMs: 0, nanoDollarsPerHour: 5 } as const;
    world.do({ kind: 'price', row });
    world.do({ kind: 'price', row: { ...row, poolId: LATE, nanoDollarsPerHour: 9 } });
    world.do(nodes(nodeSpec(9, { poolId: LATE })));
    world.do({ kind: 'remove_pool', poolId: LATE });
    expect(world.cell.fleet.hasPool(LATE)).toBe(true);
    world.do({ kind: 'node_lost', nodeId: 'node-9' });
    world.do({ kind: 'remove_pool', poolId: LATE });
    expect(world.cell.fleet.hasPool(LATE)).toBe(false);
    expect(world.decisions.map(({ kind }) => kind)).toEqual(['forget_pool', 'forget_price']);
    expect(world.states(world.submit(1, small()))).toEqual(['starting']);
  });

  it('are placed in as their operators prefer', () => {
    const byPool = (placer: 'least_waste' | 'tightest_fit') => {
      const world = new CellWorld(
        { pools: [poolSpec({ placer })], placer: (cluster, mix, policyOf) => new PlacerByPool(cluster, mix, policyOf) },
        [nodeSpec(0, { cpuMilli: 64_000 }), nodeSpec(1, { cpuMilli: 2_000, acceleratorCount: 4 })],
      );
      // Of two nodes, the one left with least, or the one that keeps most jobs placeable.
      return placedOn(world, world.submit(1, { options: [option(1, { perNode: demand(1, { cpuMilli: 2_000 }) })] }));
    };
    expect(byPool('tightest_fit')).toEqual(['node-1']);
    expect(byPool('least_waste')).toEqual(['node-0']);
  });
});

describe('[J23] prices of a pool alone', () => {
  it('hold there before those of its market, and past ones are forgotten', () => {
    const world = new CellWorld();
    const row = { accelerator: 'H100', region: 'eu', market: 'reserved', fromMs: 0, nanoDollarsPerHour: 5 } as const;
    world.do({ kind: 'price', row });
    world.do({ kind: 'price', row: { ...row, poolId: poolSpec().id, nanoDollarsPerHour: 7 } });
    const id = world.submit(1);
    expect(world.job(id).attempt!.segment!.nanoDollarsPerHour).toBe(7);
    world.do({ kind: 'price', row: { ...row, poolId: poolSpec().id, fromMs: world.nowMs, nanoDollarsPerHour: 8 } });
    expect(world.decided('forget_price').map(({ row: past }) => past.nanoDollarsPerHour)).toEqual([7]);
    expect(world.cell.prices.of(poolSpec().id).map(({ nanoDollarsPerHour }) => nanoDollarsPerHour)).toEqual([8]);
  });
});

it('[J113] accelerators may be asked for once a node has brought them', () => {
  const world = new CellWorld();
  const spec = { options: [option(1, { accelerator: 'B300' })] };
  world.submit(1, spec);
  expect([...world.cell.jobs.all]).toEqual([]);
  world.do({ kind: 'add_accelerators', types: [{ name: 'B300', kind: 'gpu', memoryMib: 1, sharing: 'whole' }] });
  expect(world.states(world.submit(1, spec))).toEqual(['pending']);
});

it('[J65] weights that a node has when it comes draw the jobs that need them, as far as memory goes', () => {
  const world = new CellWorld({}, [nodeSpec(0)]);
  const weights = (model: string, memoryMib: number) => ({ model, memoryMib, loadMs: 60_000 });
  world.do({
    kind: 'add_nodes',
    nodes: [nodeSpec(1, { memoryMib: 8_192 })],
    weights: { 'node-1': [weights('a', 4_096), weights('too-large', 8_192)] },
  });
  const { fleet } = world.cell;
  expect(fleet.find('node-1')!.weights).toMatchObject([{ model: 'a', users: 0 }]);
  const perNode = demand(1, { memoryMib: 4_096 });
  expect(placedOn(world, world.submit(1, { options: [option(1, { perNode })], weights: weights('a', 4_096) }))).toEqual(['node-1']);
});

it('[J50] a cell rebuilt after pools, prices, nodes and accelerators have changed decides the same', () => {
  const world = new CellWorld({}, [nodeSpec(0, { jobsMax: 2 }), nodeSpec(1)]);
  const price = { accelerator: null, region: 'eu', market: 'reserved', poolId: LATE, fromMs: 0, nanoDollarsPerHour: 5 } as const;
  const events: CellEvent[] = [
    { kind: 'add_pool', spec: poolSpec({ id: LATE, placer: 'tightest_fit' }) },
    { kind: 'price', row: price },
    nodes(nodeSpec(2, { poolId: LATE, jobsMax: 1 })),
    { kind: 'change_pool', spec: poolSpec({ id: LATE, market: 'spot' }) },
    { kind: 'add_accelerators', types: [{ name: 'B300', kind: 'gpu', memoryMib: 1, sharing: 'whole' }] },
    { kind: 'cordon', nodeId: 'node-1' },
    { kind: 'node_lost', nodeId: 'node-2' },
    { kind: 'uncordon', nodeId: 'node-1' },
    { kind: 'remove_pool', poolId: LATE },
  ];
  for (const [n, event] of events.entries()) {
    world.submit(10 + n, small());
    const twin = new Cell(world.cell.settings, foldRecords(world.history));
    twin.advance(world.cell.nowMs);
    const { decisions } = world.do(event);
    expect(JSON.stringify(step(twin, event, world.nowMs).decisions), event.kind).toBe(JSON.stringify(decisions));
  }
});

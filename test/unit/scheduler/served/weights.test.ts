import { expect, it } from 'vitest';
import type { NodeWeights } from '../../../../src/contract/pools/pool-exchange.ts';
import type { JobId, PoolId } from '../../../../src/kernel/ids.ts';
import { Cell } from '../../../../src/scheduler/engine/cell/cell.ts';
import { stepAll } from '../../../../src/scheduler/engine/machine/step.ts';
import { SERVED_SETTINGS } from '../../../../src/scheduler/served/served-settings.ts';
import { SqliteCellStore } from '../../../../src/scheduler/served/sqlite-cell-store.ts';
import { poolNode } from '../../../support/fixtures/pool-node.ts';
import { OTHER_POOL, POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const CAPACITY = { accelerator: null, acceleratorCount: 0, cpuMilli: 8_000, memoryMib: 65_536 };
const DONE = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 1 } as const;

const held = (model: string, memoryMib: number, loadMs: number): NodeWeights => ({ model, memoryMib, loadMs });

/** Agents that keep so much of weights. */
const agents = (world: ServedCell, weightsMaxMib: number, ...ids: readonly string[]): void => {
  world.exchange(POOL, { joined: ids.map((id) => poolNode(id, { capacity: CAPACITY, attemptsMax: 4, weightsMaxMib })) });
};

const using = (world: ServedCell, n: number, model: string, memoryMib = 100, loadMs = 1_000): JobId => {
  const id = world.submit(n, { weights: { model, memoryMib, loadMs } });
  world.exchange(POOL);
  return id;
};

/** A job that has been on an agent with a model: which. */
const ran = (world: ServedCell, ...job: readonly [n: number, model: string, memoryMib?: number, loadMs?: number]): string => {
  const id = using(world, ...job);
  world.report(id, 1, DONE);
  return world.grants.find(({ grant }) => grant.jobId === id)!.nodeId;
};

const nodeOf = (world: ServedCell, id: JobId): string => world.grants.find(({ grant }) => grant.jobId === id)!.nodeId;

const residentOn = (world: ServedCell, nodeId: string, poolId: PoolId = POOL) => {
  const nodes = world.cell.operations.nodes(poolId, 10);
  return nodes.ok ? nodes.value.find(({ node }) => node.id === nodeId)!.weights : [];
};

it('[J241] a job goes to the agent that holds the weights of its model, and operators see what is there', () => {
  const world = new ServedCell();
  agents(world, 300, 'agt_1', 'agt_2', 'agt_3');
  for (const [n, model] of ['a', 'b', 'c'].entries()) {
    const home = ran(world, n + 1, model);
    // Something else runs there meanwhile, so that by itself the engine would put the next job there, too.
    const filler = world.submit(10 + n);
    world.exchange(POOL);
    const later = using(world, 20 + n, model);
    expect(nodeOf(world, later)).toBe(home);
    expect(residentOn(world, home).find((weights) => weights.model === model)).toMatchObject({ users: 1, uses: 2, usedAtMs: world.nowMs });
    for (const id of [filler, later]) world.report(id, 1, DONE);
  }
  const filler = world.submit(30);
  world.exchange(POOL);
  const elsewhere = ['agt_1', 'agt_2', 'agt_3'].find((id) => id !== nodeOf(world, filler));
  world.exchange(POOL, { weights: [{ nodeId: elsewhere!, weights: [held('d', 50, 9)] }] });
  expect(nodeOf(world, using(world, 31, 'd')), 'what an agent has said that it holds counts').toBe(elsewhere);
});

it('[J241] weights leave by cost, as an order that comes before the start that needs the room', () => {
  const world = new ServedCell();
  agents(world, 300, 'agt_1');
  ran(world, 1, 'dear', 100, 9_000);
  ran(world, 2, 'cheap', 100, 10);
  ran(world, 3, 'middling', 100, 1_000);
  expect(residentOn(world, 'agt_1').map(({ model }) => model)).toEqual(['dear', 'cheap', 'middling']);
  world.submit(4, { weights: { model: 'new', memoryMib: 100, loadMs: 1_000 } });
  const { effects } = world.exchange(POOL);
  expect(effects.map(({ effect }) => effect)).toMatchObject([
    { kind: 'unload', nodeId: 'agt_1', model: 'cheap' },
    { kind: 'start', nodeId: 'agt_1' },
  ]);
  expect(residentOn(world, 'agt_1').map(({ model }) => model)).toEqual(['dear', 'middling', 'new']);
});

it('[J241] an order is given until it is carried out, and not to an agent that has left', () => {
  const world = new ServedCell();
  agents(world, 100, 'agt_1', 'agt_2');
  const homes = [ran(world, 1, 'old'), ran(world, 2, 'old')];
  const job = world.submit(3, { weights: { model: 'new', memoryMib: 100, loadMs: 1 } });
  const unloads = () => world.cell.effects(POOL as never).filter(({ effect }) => effect.kind === 'unload');
  expect(unloads()).toHaveLength(1);
  world.loseMemory();
  expect(unloads(), 'it is stored').toHaveLength(1);
  world.exchange(POOL, { left: [{ nodeId: homes[0]!, isLost: false }] });
  expect(unloads()).toHaveLength(0);
  expect(world.job(job).state).not.toBe('succeeded');
});

it('[J241] agents that say nothing of weights keep none, and get no orders', () => {
  const world = new ServedCell();
  world.join(1, POOL, { capacity: CAPACITY, attemptsMax: 4 });
  const home = ran(world, 1, 'm');
  expect(residentOn(world, home)).toEqual([]);
  world.exchange(POOL, { weights: [{ nodeId: home, weights: [held('m', 100, 1)] }] });
  expect(residentOn(world, home)).toEqual([]);
});

it('[J241] a pool speaks for its own agents alone', () => {
  const world = new ServedCell();
  agents(world, 300, 'agt_1');
  world.exchange(OTHER_POOL, { weights: [{ nodeId: 'agt_1', weights: [held('m', 100, 1)] }] });
  expect(residentOn(world, 'agt_1')).toEqual([]);
});

it('[J241] [J83] what was recorded of weights leads to what is stored', () => {
  const world = new ServedCell([], undefined);
  world.cell.addPool({ id: POOL, name: 'p', owner: 'team', createdAtMs: world.nowMs });
  agents(world, 200, 'agt_1', 'agt_2');
  for (let n = 1; n <= 12; n++) {
    world.nowMs += 1_000;
    const home = ran(world, n, `m${n % 5}`, 60 + n, n * 100);
    world.exchange(POOL, {
      weights: [{ nodeId: home, weights: residentOn(world, home).map((one) => ({ ...one, loadMs: one.loadMs + 7 })) }],
    });
  }
  const cell = new Cell(SERVED_SETTINGS);
  const decisions = new SqliteCellStore(world.storage).events().flatMap(({ events, atMs }) => stepAll(cell, events, atMs).decisions);
  const stored = new SqliteCellStore(world.storage).load().records.nodes;
  expect(stored.map(({ weights }) => weights)).toEqual([0, 1].map((index) => cell.fleet.node(index).weights));
  expect(decisions.filter(({ kind }) => kind === 'unload').length).toBeGreaterThan(3);
});

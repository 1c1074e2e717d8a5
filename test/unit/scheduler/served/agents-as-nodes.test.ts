import { describe, expect, it } from 'vitest';

import type { Capacity } from '../../../../src/contract/jobs/node-capacity.ts';
import { DEFAULT_SETTINGS } from '../../../../src/contract/pools/pool-record.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { migrate } from '../../../../src/kernel/sql/migrate.ts';
import { ANY_NODE } from '../../../../src/scheduler/served/jobs/job.ts';
import { JOB_MIGRATIONS } from '../../../../src/scheduler/served/migrations.ts';
import { SqliteCellStore } from '../../../../src/scheduler/served/sqlite-cell-store.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
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

it('[J281] attempts on a node have different devices, and are told which; parts of one are told how much', () => {
  const world = new ServedCell();
  const demand = (acceleratorCount: number, milliEach = 1_000) => ({
    options: [{ ...ANY_NODE, accelerator: 'h100', perNode: { ...ANY_NODE.perNode, acceleratorCount, milliEach } }],
  });
  world.join(1, POOL, { capacity: capacity({ accelerator: 'h100', acceleratorCount: 8 }), attemptsMax: 8 });
  const given = (n: number, terms: Parameters<ServedCell['submit']>[1]) => {
    const id = world.submit(n, terms);
    world.exchange(POOL);
    return must(world.grants.find(({ grant }) => grant.jobId === id)?.grant, 'it starts');
  };
  const wholes = [given(1, demand(2)), given(2, demand(4)), given(3, demand(1))];
  const parts = [given(4, demand(1, 500)), given(5, demand(1, 500))];
  const none = given(6, {});
  expect(wholes.map(({ devices, deviceMilli }) => [devices?.length, deviceMilli])).toEqual([
    [2, undefined],
    [4, undefined],
    [1, undefined],
  ]);
  expect(parts.map(({ deviceMilli }) => deviceMilli)).toEqual([500, 500]);
  expect(parts[0]!.devices).toEqual(parts[1]!.devices);
  expect([...wholes, parts[0]!].flatMap(({ devices }) => devices ?? []).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(none.devices).toBeUndefined();
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

describe('[J113] the type of an elastic pool', () => {
  const template = capacity({ accelerator: 'b300', acceleratorCount: 8 });
  const elasticity = { nodesMin: 0, nodesMax: 2, template, provisioningMs: 1_000, idleMs: 1_000 };
  const settings = { ...DEFAULT_SETTINGS, elasticity };
  const wanted = {
    options: [{ ...ANY_NODE, accelerator: 'b300', perNode: { ...ANY_NODE.perNode, acceleratorCount: 1, milliEach: 1_000 } }],
  };

  it('may be asked for before any agent has brought it, and brings one', () => {
    for (const kind of ['made', 'changed']) {
      const world = new ServedCell([]);
      world.cell.addPool({ id: POOL, name: 'p', owner: 'team', createdAtMs: 0, ...(kind === 'made' ? { settings } : {}) });
      if (kind === 'changed') world.cell.operations.change(POOL, { elasticity });
      const id = world.submit(1, wanted);
      expect(world.cell.find(jobRequest(1).tenantId, id), kind).toMatchObject({ value: { state: 'pending' } });
      expect(world.exchange(POOL).coming, kind).toBe(1);
    }
  });

  it('is known of pools that were stored before it was', () => {
    const storage = new NodeSql();
    const isOurs = (step: unknown): boolean => typeof step === 'function' && step.name === 'typesOfTemplates';
    migrate(storage, JOB_MIGRATIONS.slice(0, JOB_MIGRATIONS.findIndex(isOurs)));
    const body = JSON.stringify({ id: POOL, name: 'p', owner: 'team', createdAtMs: 0, settings });
    storage.sql.exec('INSERT INTO pools (id, name, body, asked) VALUES (?, ?, ?, ?)', POOL, 'p', body, body);
    const world = new ServedCell([], storage);
    expect(stored(world).accelerators.map(({ name }) => name)).toContain('b300');
    const id = world.submit(1, wanted);
    expect(world.cell.find(jobRequest(1).tenantId, id).ok).toBe(true);
  });
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

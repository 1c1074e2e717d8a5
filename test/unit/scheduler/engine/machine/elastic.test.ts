import { describe, expect, it } from 'vitest';
import { scaleTo } from '../../../../../src/scheduler/engine/elastic/follow-load.ts';
import type { JobId, PoolId } from '../../../../../src/kernel/ids.ts';
import { CellWorld, cohort, queue } from '../../../../support/worlds/cell-world.ts';
import { demand, jobSpec, nodeSpec, option, poolSpec } from '../../../../support/fixtures/scheduler-specs.ts';

const nodes = (count: number) => Array.from({ length: count }, (_, n) => nodeSpec(n, { acceleratorCount: 1 }));
const elastic = (min: number, max: number, step = 1) => ({ options: [option(1, { nodes: { min, max, step } })] });
const settings = { cohorts: [cohort('all'), queue('a', 8), queue('b', 8)] };

const sizeOf = (world: CellWorld, id: JobId) => world.job(id).attempt?.placement.slots.length;

describe('[J61] jobs whose number of nodes may change', () => {
  it('start with as many nodes as there are, in whole steps, and grow into unclaimed ones', () => {
    const world = new CellWorld(settings, nodes(6));
    const other = world.submit(1, elastic(3, 3));
    const id = world.submit(2, elastic(1, 5, 2));
    expect(sizeOf(world, id)).toBe(3);
    world.report(other, { kind: 'completed' });
    expect(sizeOf(world, id)).toBe(5);
    expect(world.decided('resize')).toMatchObject([{ jobId: id, fence: 1 }]);
    expect(world.decided('resize')[0]!.places).toHaveLength(5);
  });

  it('give up their surplus to waiting jobs before any eviction, and the nodes are used once free', () => {
    const world = new CellWorld(settings, nodes(4));
    const large = world.submit(1, elastic(1, 4));
    const small = world.submit(2, { queue: 'b', ...elastic(2, 2) });
    expect(world.decided('notice')).toEqual([]);
    expect(world.decided('resize')).toMatchObject([{ jobId: large }]);
    expect([sizeOf(world, large), sizeOf(world, small)]).toEqual([2, 2]);
    expect(world.states(large, small)).toEqual(['starting', 'admitted']);
    world.report(large, { kind: 'shed' });
    expect(world.states(small)).toEqual(['starting']);
    const third = world.submit(3, { queue: 'b', ...elastic(2, 2) });
    expect(world.states(third), 'the least is not given up').toEqual(['pending']);
    world.report(small, { kind: 'completed' });
    expect(world.states(third)).toEqual(['starting']);
  });

  it('do not grow while a waiting job could use the nodes', () => {
    const world = new CellWorld(settings, nodes(4));
    const first = world.submit(1, elastic(1, 1));
    const id = world.submit(2, elastic(1, 4));
    world.submit(3, elastic(4, 4));
    expect(sizeOf(world, id)).toBe(3);
    world.report(first, { kind: 'completed' });
    expect(sizeOf(world, id)).toBe(3);
  });

  it('are charged for what they have, segment by segment, at the price of each beginning', () => {
    const world = new CellWorld({ ...settings, segmentMaxMs: 1_000_000 }, nodes(4));
    const price = (nanoDollarsPerHour: number) =>
      world.do({ kind: 'price', row: { accelerator: 'H100', region: 'eu', market: 'reserved', fromMs: world.nowMs, nanoDollarsPerHour } });
    price(3_600_000);
    const id = world.submit(1, elastic(1, 4));
    world.wait(1_000);
    price(7_200_000);
    world.wait(1_000);
    world.do({ kind: 'scale', jobId: id, nodes: 1 });
    world.wait(500);
    world.report(id, { kind: 'completed' });
    const events = world.history.flatMap((decision) => (decision.kind === 'charge' ? [decision.event] : []));
    const attempt = `att_${id.slice(4)}_1`;
    expect(
      events.map(({ id: name, quantity, nanoDollarsPerHour, amountNanoDollars }) => [
        name,
        quantity,
        nanoDollarsPerHour,
        amountNanoDollars,
      ]),
    ).toEqual([
      [`${attempt}:1:0`, 4_000 * 2_000, 3_600_000, 8_000],
      [`${attempt}:1:1`, 1_000 * 500, 7_200_000, 1_000],
    ]);
    expect(world.job(id).costNanoDollars).toBe(9_000);
  });
});

describe('[J210] a job that is giving up nodes', () => {
  const shrinking = () => {
    const world = new CellWorld(settings, nodes(6));
    const id = world.submit(1, elastic(1, 6));
    world.report(id, { kind: 'running' });
    const scale = (count: number) => world.do({ kind: 'scale', jobId: id, nodes: count });
    const given = () => world.job(id).attempt!.shedding.map(({ node }) => world.cell.fleet.node(node).spec.id);
    scale(4);
    return { world, id, scale, given };
  };

  it('gives up what it should not have meanwhile once it has left those', () => {
    const { world, id, scale } = shrinking();
    scale(2);
    expect(sizeOf(world, id), 'not before').toBe(4);
    world.report(id, { kind: 'shed' });
    expect(sizeOf(world, id)).toBe(2);
    expect(world.decided('resize').at(-1)?.places).toHaveLength(2);
    world.report(id, { kind: 'shed' });
    expect([sizeOf(world, id), world.job(id).attempt?.shedding]).toEqual([2, []]);
  });

  it('grows again once it has left them, if that is wanted then', () => {
    const { world, id, scale } = shrinking();
    scale(5);
    expect(sizeOf(world, id)).toBe(4);
    world.report(id, { kind: 'shed' });
    expect(sizeOf(world, id)).toBe(5);
  });

  it('keeps its other nodes when one of those is lost, and gives up the rest of what is wanted', () => {
    const { world, id, scale, given } = shrinking();
    scale(3);
    const [first, second] = given();
    world.do({ kind: 'node_lost', nodeId: first! });
    expect([world.states(id)[0], sizeOf(world, id), given()]).toEqual(['running', 4, [second]]);
    world.do({ kind: 'node_lost', nodeId: second! });
    expect([world.states(id)[0], sizeOf(world, id), given().length]).toEqual(['running', 3, 1]);
  });
});

describe('[J62] online inference', () => {
  const scaling = { outstandingPerNodeMilli: 10_000, nodesMin: 0, nodesMax: 4, cooldownMs: 60_000 };

  const serving = (policy: Partial<typeof scaling> = {}, count = 4) => {
    const world = new CellWorld(settings, nodes(count));
    const id = world.submit(1, { kind: 'online_inference', scaling: { ...scaling, ...policy }, ...elastic(1, 4) });
    const load = (outstandingMilli: number) => world.do({ kind: 'load', jobId: id, load: { outstandingMilli } });
    /** Its replicas leave as they are to. */
    const shed = () => world.report(id, { kind: 'shed' });
    return { world, id, load, shed };
  };

  /** A service that has one of two nodes, of which another job has the other; its load asks for both, and jobs wait. */
  const short = (waiting: Parameters<typeof jobSpec>[1]) => {
    const world = new CellWorld(settings, nodes(2));
    const service = world.submit(1, { kind: 'online_inference', scaling: { ...scaling, nodesMin: 1 }, ...elastic(1, 2) });
    const other = world.submit(2);
    world.do({ kind: 'load', jobId: service, load: { outstandingMilli: 15_000 } });
    const waits = world.submit(3, { queue: 'b', ...waiting });
    expect([sizeOf(world, service), ...world.states(other, waits)]).toEqual([1, 'starting', 'pending']);
    return { world, service, other, waits };
  };

  it('[J265] grows into what is free before a job of less priority, and keeps it', () => {
    const { world, service, other, waits } = short({ priority: 40 });
    world.report(other, { kind: 'completed' });
    expect([sizeOf(world, service), ...world.states(waits)]).toEqual([2, 'pending']);
    for (let n = 0; n < 5; n++) {
      world.wait(1_000);
      expect(sizeOf(world, service), 'nothing goes to and fro').toBe(2);
    }
    // It has waited long enough to come first.
    world.wait(10 * 60_000);
    world.submit(4, { queue: 'b', priority: 40 });
    expect([sizeOf(world, service), ...world.states(waits)]).toEqual([1, 'admitted']);
  });

  it.each([50, 60])('[J265] waits for a job of priority %i: as much as its own, or more', (priority) => {
    const { world, service, other, waits } = short({ priority });
    world.report(other, { kind: 'completed' });
    expect([sizeOf(world, service), ...world.states(waits)]).toEqual([1, 'starting']);
    world.report(waits, { kind: 'completed' });
    expect(sizeOf(world, service)).toBe(2);
  });

  it('[J265] grows though a gang of less priority waits that finds too few nodes', () => {
    const world = new CellWorld({ ...settings, headPatienceMs: 1_000_000 }, nodes(3));
    const service = world.submit(1, { kind: 'online_inference', scaling: { ...scaling, nodesMin: 1 }, ...elastic(1, 3) });
    world.submit(2, { queue: 'b', priority: 10, ...elastic(3, 3) });
    world.do({ kind: 'load', jobId: service, load: { outstandingMilli: 25_000 } });
    expect(sizeOf(world, service)).toBe(3);
  });

  it('follows its load: up at once, down after its cooldown, from none to none', () => {
    const { world, id, load, shed } = serving();
    expect(world.states(id)).toEqual(['pending']);
    load(15_000);
    expect([world.states(id)[0], sizeOf(world, id)]).toEqual(['starting', 2]);
    load(200_000);
    expect([sizeOf(world, id), world.job(id).nodesWanted], 'its most').toEqual([4, 4]);
    load(5_000);
    world.wait(59_999);
    expect(sizeOf(world, id), 'not yet').toBe(4);
    expect(world.cell.nextDueMs(), 'without another report').toBe(world.nowMs + 1);
    world.wait(1);
    expect(sizeOf(world, id)).toBe(1);
    shed();
    load(0);
    world.wait(60_000);
    expect(world.decided('notice')).toMatchObject([{ jobId: id, reason: 'scaled_to_zero' }]);
    world.report(id, { kind: 'released' });
    expect(world.states(id)).toEqual(['evicted']);
    world.wait(1);
    expect(world.states(id), 'it asks for nothing').toEqual(['evicted']);
    load(1);
    expect([world.states(id)[0], sizeOf(world, id)]).toEqual(['starting', 1]);
  });

  it('has its least nodes without any load, and keeps them', () => {
    const { world, id, load } = serving({ nodesMin: 1 });
    expect([world.states(id)[0], sizeOf(world, id)]).toEqual(['starting', 1]);
    load(0);
    world.wait(600_000);
    expect([sizeOf(world, id), world.job(id).fewerSinceMs]).toEqual([1, null]);
  });

  it('goes down to the most that the load asked for meanwhile, and then to what it asks for last', () => {
    const { world, id, load, shed } = serving();
    load(40_000);
    for (const outstandingMilli of [15_000, 25_000, 5_000]) {
      load(outstandingMilli);
      world.wait(10_000);
    }
    world.wait(30_000);
    expect(sizeOf(world, id)).toBe(3);
    shed();
    world.wait(59_999);
    expect(sizeOf(world, id)).toBe(3);
    world.wait(1);
    expect(sizeOf(world, id)).toBe(1);
  });

  it('goes down by what was asked for before its memory was lost', () => {
    const { world, id, load } = serving();
    load(40_000);
    load(15_000);
    const record = JSON.parse(JSON.stringify(world.job(id))) as ReturnType<typeof world.job>;
    expect(record).toMatchObject({ fewerSinceMs: world.nowMs, fewerNodes: { most: 2, latest: 2 } });
    // As it was stored before the number was: it stays where it is until the load says more.
    const { fewerNodes: _, ...earlier } = record;
    const scale = { nodes: earlier.nodesWanted!, fewerSinceMs: earlier.fewerSinceMs, fewerNodes: null };
    expect(scaleTo(scale, { outstandingMilli: 15_000 }, scaling, world.nowMs + 60_000).nodes).toBe(2);
  });

  it('does not go down and up again with a load that goes to and fro', () => {
    let scale: Parameters<typeof scaleTo>[0] = { nodes: 4, fewerSinceMs: null, fewerNodes: null };
    for (let nowMs = 0; nowMs < 600_000; nowMs += 10_000) {
      scale = scaleTo(scale, { outstandingMilli: nowMs % 20_000 === 0 ? 20_000 : 40_000 }, scaling, nowMs);
      expect(scale.nodes).toBe(4);
    }
  });
});

describe('[J213] replicas of online inference', () => {
  const group = (count: number, min: number, max: number) => {
    const world = new CellWorld(settings, nodes(count));
    const id = world.submit(1, { kind: 'online_inference', ...elastic(min, max) });
    world.report(id, { kind: 'running' });
    const nodesOf = () => world.job(id).attempt!.placement.slots.map(({ node }) => world.cell.fleet.node(node).spec.id);
    return { world, id, nodesOf };
  };

  it('go on without one whose node is lost, and get another as soon as there is one', () => {
    const { world, id, nodesOf } = group(3, 3, 3);
    const [first] = nodesOf();
    world.do({ kind: 'node_lost', nodeId: first! });
    expect([world.states(id)[0], sizeOf(world, id), world.job(id).fence]).toEqual(['running', 2, 1]);
    // Below its least, it comes before a job that has waited for longer.
    const other = world.submit(2, elastic(1, 1));
    world.do({ kind: 'add_nodes', nodes: [nodeSpec(9, { acceleratorCount: 1 })] });
    expect([sizeOf(world, id), world.states(other)[0]]).toEqual([3, 'pending']);
    expect(world.decided('notice')).toEqual([]);
  });

  it('go on while a node is drained, with another one from the start', () => {
    const { world, id, nodesOf } = group(4, 2, 3);
    const [first] = nodesOf();
    world.do({ kind: 'drain', nodeId: first! });
    expect([world.states(id)[0], sizeOf(world, id), nodesOf().includes(first!)]).toEqual(['running', 3, false]);
    expect(world.job(id).attempt?.shedding).toHaveLength(1);
  });

  it('are replaced when they end, and the last that fails takes the job with it', () => {
    const { world, id, nodesOf } = group(2, 1, 2);
    const [first] = nodesOf();
    world.report(id, { kind: 'replica_lost', nodeId: first!, isCounted: false });
    expect([world.states(id)[0], sizeOf(world, id), world.job(id).failures]).toEqual(['running', 2, 0]);
    world.report(id, { kind: 'replica_lost', nodeId: first!, isCounted: true });
    expect(world.job(id).failures).toBe(1);
    for (const nodeId of nodesOf()) world.do({ kind: 'node_lost', nodeId });
    expect(world.states(id)[0]).toBe('evicted');
  });

  it('fail as a whole once as many have failed as attempts may', () => {
    const { world, id, nodesOf } = group(2, 1, 2);
    for (let failures = 0; world.states(id)[0] === 'running' && failures < 100; failures += 1)
      world.report(id, { kind: 'replica_lost', nodeId: nodesOf()[0]!, isCounted: true });
    expect([world.states(id)[0], world.job(id).failures]).toEqual(['failed', world.job(id).spec.retry.attemptsMax]);
  });
});

describe('[J63] a pool that can grow', () => {
  const ELASTIC = 'pool_eeeeeeeeee' as PoolId;
  const template = { accelerator: 'H100', acceleratorCount: 2, cpuMilli: 8_000, memoryMib: 32_768 };
  const pool = poolSpec({ id: ELASTIC, elasticity: { nodesMin: 1, nodesMax: 3, template, provisioningMs: 60_000, idleMs: 30_000 } });
  const node = (n: number) => nodeSpec(n, { ...template, poolId: ELASTIC });

  it('asks for what waiting jobs could use, once, within its limit, and gives back what was idle for long', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 20)], pools: [pool] }, []);
    const ids = [1, 2, 3].map((n) => world.submit(n, { options: [option(1, { perNode: demand(1) })] }));
    expect(world.history.filter(({ kind }) => kind === 'provision')).toEqual([
      { kind: 'provision', poolId: ELASTIC, count: 1 },
      { kind: 'provision', poolId: ELASTIC, count: 1 },
    ]);
    world.wait(1_000);
    expect(world.decided('provision'), 'they are coming').toEqual([]);
    world.do({ kind: 'add_nodes', nodes: [node(0), node(1)] });
    expect(world.states(...ids)).toEqual(['starting', 'starting', 'starting']);
    for (let n = 4; n < 20; n++) world.submit(n);
    expect(world.cell.fleet.pool(ELASTIC).comingCount, 'three at most').toBe(1);
    world.do({ kind: 'provision_failed', poolId: ELASTIC, count: 1 });
    expect(world.decided('provision'), 'it is asked for again').toMatchObject([{ count: 1 }]);
    for (const job of world.cell.jobs.all) if (job.attempt === null) world.do({ kind: 'cancel', jobId: job.spec.id });
    world.do({ kind: 'add_nodes', nodes: [node(2)] });
    for (const id of ids) world.report(id, { kind: 'completed' });
    world.wait(29_999);
    expect(world.decided('retire')).toEqual([]);
    world.wait(1);
    expect(world.decided('retire'), 'down to its least').toHaveLength(2);
    expect(world.cell.fleet.nodesOf(ELASTIC)).toHaveLength(1);
  });

  it('requests none for a job whose nodes will be free before a new one could be there', () => {
    for (const [leftMs, count] of [
      [59_000, 0],
      [61_000, 1],
    ] as const) {
      const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 20)], pools: [pool] }, [node(0)]);
      const whole = { options: [option(2, { perNode: demand(2) })] };
      world.submit(1, { ...whole, limits: { ...jobSpec(0).limits, durationMaxMs: leftMs } });
      world.submit(2, whole);
      expect(world.history.filter(({ kind }) => kind === 'provision')).toHaveLength(count);
      world.submit(3, whole);
      expect(
        world.history.filter(({ kind }) => kind === 'provision'),
        'the next has no place in sight',
      ).toHaveLength(count + 1);
    }
  });

  it('asks again for nodes that have not come in twice the time', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 20)], pools: [pool] }, []);
    world.submit(1);
    world.wait(119_999);
    expect(world.decided('provision')).toEqual([]);
    expect(world.cell.nextDueMs()).toBe(world.nowMs + 1);
    world.wait(1);
    expect(world.decided('provision')).toMatchObject([{ poolId: ELASTIC, count: 1 }]);
  });

  it('does not grow for what quota forbids', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 1)], pools: [pool] }, []);
    world.submit(1, { options: [option(2, { perNode: demand(2) })] });
    expect(world.history.filter(({ kind }) => kind === 'provision')).toEqual([]);
  });

  it('[J219] asks for the nodes that the load of a job wants, as far as its quota goes', () => {
    const policy = { outstandingPerNodeMilli: 1_000, nodesMin: 1, nodesMax: 3, cooldownMs: 0 };
    for (const [quota, count] of [
      [20, 2],
      [2, 1],
    ] as const) {
      const world = new CellWorld({ cohorts: [cohort('all'), queue('a', quota)], pools: [pool] }, [node(0)]);
      const id = world.submit(1, { kind: 'online_inference', scaling: policy, ...elastic(1, 3) });
      world.report(id, { kind: 'running' });
      expect(world.history.filter(({ kind }) => kind === 'provision')).toEqual([]);
      world.do({ kind: 'load', jobId: id, load: { outstandingMilli: 3_000 } });
      expect(world.decided('provision'), 'each replica is on a node of its own').toMatchObject([{ poolId: ELASTIC, count }]);
      world.do({ kind: 'add_nodes', nodes: [node(1)] });
      expect(sizeOf(world, id)).toBe(2);
    }
  });
});

import { describe, expect, it } from 'vitest';

import { CellWorld, cohort, queue } from '../../../../support/worlds/cell-world.ts';
import { demand, jobSpec, nodeSpec, option } from '../../../../support/fixtures/scheduler-specs.ts';

/** A job that takes `wholes` accelerators of one node. */
const of = (wholes: number) => ({ options: [option(wholes, { perNode: demand(wholes) })] });
const GRACE = { checkpoint: { intervalMs: 60_000, graceMs: 30_000, restartMs: 0 } };
const lasting = (durationMaxMs: number) => ({ limits: { ...jobSpec(0).limits, durationMaxMs } });
const evens = { eviction: { preemptForFairShare: true } };

/** Lets all evicted jobs leave until none is being evicted. Returns how many evictions were requested. */
function settle(world: CellWorld): number {
  let requested = 0;
  for (let round = 0; world.cell.jobs.leaving.size > 0; round++) {
    expect(round, 'evictions end').toBeLessThan(50);
    requested += world.cell.jobs.leaving.size;
    world.leaveAll();
  }
  return requested;
}

describe('what others got wrong', () => {
  it('[J44] kueue #3779: a guaranteed tenant takes its quota back from best-effort ones without a loop', () => {
    const world = new CellWorld(
      {
        cohorts: [
          cohort('all'),
          { ...cohort('guaranteed', 'all'), quotas: { H100: { nominal: 3_000, borrowingMax: null, lendingMax: null } } },
          queue('g', 0, { parent: 'guaranteed', ...evens }),
          queue('a', 0, evens),
          queue('b', 0, evens),
        ],
      },
      [nodeSpec(0)],
    );
    const a = [1, 2].map((n) => world.submit(n, { queue: 'a', priority: 10, ...of(1), ...GRACE }));
    const half = { options: [option(1, { perNode: demand(1, { milliEach: 500 }) })] };
    const b = [3, 4].map((n) => world.submit(n, { queue: 'b', priority: 10, ...half, ...GRACE }));
    expect(world.states(...a, ...b)).toEqual(['starting', 'starting', 'starting', 'starting']);
    const first = world.submit(5, { queue: 'g', priority: 100, ...half, ...GRACE });
    const requested = settle(world);
    const second = world.submit(6, { queue: 'g', priority: 100, ...of(1), ...GRACE });
    expect(requested + settle(world)).toBeLessThanOrEqual(4);
    expect(world.states(first, second)).toEqual(['starting', 'starting']);
    for (let n = 0; n < 20; n++) {
      world.wait(60_000);
      expect(settle(world), 'nobody is evicted any more').toBe(0);
    }
  });

  it('[J44] kueue #7101: a job that never fits lets no victim back in before its preemptor', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 3), queue('b', 0)] }, [nodeSpec(0, { acceleratorCount: 4 })]);
    const borrower = world.submit(1, { queue: 'b', ...of(1), ...GRACE });
    const never = world.submit(2, { queue: 'a', ...of(4) });
    const fits = world.submit(3, { queue: 'a', ...of(3) });
    expect(world.states(borrower, never, fits)).toEqual(['checkpointing', 'pending', 'admitted']);
    world.leaveAll();
    expect(world.states(borrower, never, fits)).toEqual(['evicted', 'pending', 'starting']);
    expect(world.job(borrower).evictions).toBe(1);
    world.wait(600_000);
    expect(world.states(borrower, never, fits)).toEqual(['evicted', 'pending', 'starting']);
  });

  it('[J34] kueue #13662: nodes freed early by a victim are reserved for its preemptor', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 4), queue('b', 2)] }, [nodeSpec(0, { acceleratorCount: 6 })]);
    const early = world.submit(1, { queue: 'b', priority: 90, ...of(3), ...GRACE });
    const late = world.submit(2, { queue: 'b', priority: 90, ...of(3), ...GRACE });
    const reclaimWithinCohort = world.submit(3, { queue: 'a', priority: 1, ...of(4), ...GRACE });
    expect(world.states(early, late, reclaimWithinCohort)).toEqual(['checkpointing', 'checkpointing', 'admitted']);
    const small = world.submit(4, { queue: 'b', priority: 99, ...of(2), ...GRACE });
    world.report(early, { kind: 'released' });
    expect(world.states(early, late, reclaimWithinCohort, small)).toEqual(['evicted', 'checkpointing', 'admitted', 'admitted']);
    world.report(late, { kind: 'released' });
    expect(world.states(early, late, reclaimWithinCohort, small)).toEqual(['evicted', 'evicted', 'starting', 'starting']);
    expect([early, late].map((id) => world.job(id).evictions)).toEqual([1, 1]);
  });

  it('[J44] kueue #14543: sparing a victim of the own queue must not make the eviction of others unfair', () => {
    const common = { ...cohort('all'), quotas: { H100: { nominal: 12_000, borrowingMax: null, lendingMax: null } } };
    const world = new CellWorld({ cohorts: [common, queue('a', 0, evens), queue('b', 0, evens)] }, [nodeSpec(0, { acceleratorCount: 12 })]);
    const dear = { checkpoint: { ...GRACE.checkpoint, restartMs: 3_600_000 } };
    const own = world.submit(1, { queue: 'a', priority: 1, ...of(1), ...dear });
    const others = [3, 3, 5].map((wholes, n) => world.submit(2 + n, { queue: 'b', priority: 5, ...of(wholes), ...GRACE }));
    world.wait(60_000);
    const asks = world.submit(9, { queue: 'a', priority: 5, ...of(5), ...GRACE });
    // Two of the others would be room enough; but only with the own one gone does its queue get no more than they keep: 5 of 12 each.
    expect(world.states(own, ...others)).toEqual(['checkpointing', 'checkpointing', 'checkpointing', 'starting']);
    expect(
      world
        .decided('notice')
        .map(({ reason }) => reason)
        .sort(),
    ).toEqual(['fair_share', 'fair_share', 'priority']);
    settle(world);
    expect(world.states(asks)).toEqual(['starting']);
    for (let n = 0; n < 20; n++) {
      world.wait(60_000);
      expect(settle(world), 'nobody is evicted any more').toBe(0);
    }
  });

  it('[J45] volcano #3373: of two gangs that fit one at a time, one starts whole and the other waits whole', () => {
    const nodes = Array.from({ length: 10 }, (_, n) => nodeSpec(n, { acceleratorCount: 1 }));
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 10), queue('b', 10)] }, nodes);
    const gang = { options: [option(1, { nodes: { min: 8, max: 8, step: 1 } })] };
    const [first, second] = [world.submit(1, { queue: 'a', ...gang }), world.submit(2, { queue: 'b', ...gang })];
    expect(world.states(first, second)).toEqual(['starting', 'pending']);
    expect(world.job(first).attempt!.placement.slots).toHaveLength(8);
    expect(world.job(second).attempt).toBeNull();
    world.report(first, { kind: 'completed' });
    expect(world.states(first, second)).toEqual(['succeeded', 'starting']);
  });

  it('[J46] kueue #8309: a gang at the head waits no longer than its earliest start under a flood of jobs', () => {
    const nodes = Array.from({ length: 8 }, (_, n) => nodeSpec(n, { acceleratorCount: 1 }));
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 16), queue('b', 16)] }, nodes);
    let n = 0;
    const small = (durationMaxMs: number) =>
      world.submit((n += 1), { queue: n % 2 === 0 ? 'a' : 'b', ...of(1), ...lasting(durationMaxMs) });
    for (let index = 0; index < 8; index++) small(10_000 + 1_000 * index);
    const startedAtMs = world.nowMs;
    const gang = world.submit(1_000, { queue: 'a', options: [option(1, { nodes: { min: 6, max: 6, step: 1 } })], ...lasting(60_000) });
    // Six of the eight are over after 15 s.
    const earliestMs = 15_000;
    const startedShort = () => [...world.cell.jobs.all].filter((job) => job.spec.limits.durationMaxMs === 900 && job.fence > 0).length;
    while (world.job(gang).state === 'pending') {
      expect(world.nowMs - startedAtMs, 'it waits').toBeLessThanOrEqual(earliestMs * 1.1);
      small(n % 2 === 0 ? 20_000 : 900);
      world.nowMs += 100;
      for (const { spec, attempt } of world.cell.jobs.all) {
        const endsAtMs = (attempt?.startedAtMs ?? Infinity) + spec.limits.durationMaxMs!;
        if (endsAtMs <= world.nowMs) world.report(spec.id, { kind: 'completed' });
      }
    }
    expect(world.job(gang).state).toBe('starting');
    expect(startedShort(), 'short jobs pass it meanwhile').toBeGreaterThan(5);
  });

  it('[J47] KAI #2075: a job that a node refuses tries others, yields, and fails after enough refusals', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 16)] }, [nodeSpec(0), nodeSpec(1)]);
    const [doomed, other, third] = [world.submit(1, of(8)), world.submit(2, of(8)), world.submit(3, of(8))];
    const nodeOf = () => world.cell.fleet.node(world.job(doomed).attempt!.placement.slots[0]!.node).spec.id;
    const first = nodeOf();
    world.report(doomed, { kind: 'rejected', nodeId: first });
    expect(world.states(doomed, other, third), 'the place goes to the next').toEqual(['pending', 'starting', 'starting']);
    world.report(other, { kind: 'completed' });
    world.report(third, { kind: 'completed' });
    expect(nodeOf(), 'never again where it was refused').not.toBe(first);
    world.report(doomed, { kind: 'rejected', nodeId: nodeOf() });
    expect(world.states(doomed)).toEqual(['pending']);
    world.wait(3_600_000);
    expect(world.states(doomed), 'nowhere is left').toEqual(['pending']);
    world.do({ kind: 'add_nodes', nodes: [nodeSpec(2)] });
    world.report(doomed, { kind: 'rejected', nodeId: 'node-2' });
    expect(world.job(doomed)).toMatchObject({ state: 'failed', endReason: 'attempts_spent', failures: 3 });
  });

  it('[J41] KAI #2209: a tenth and two tenths fit a quota of three tenths', () => {
    const world = new CellWorld({
      cohorts: [{ ...queue('a', 0), parent: null, quotas: { H100: { nominal: 300, borrowingMax: null, lendingMax: null } } }],
    });
    const part = (milliEach: number) => ({ options: [option(1, { perNode: demand(1, { milliEach }) })] });
    const ids = [world.submit(1, part(100)), world.submit(2, part(200)), world.submit(3, part(1))];
    expect(world.states(...ids)).toEqual(['starting', 'starting', 'pending']);
  });
});

it('[J34] a node that is lost hands over no job that waited for another to leave it', () => {
  const world = new CellWorld({}, [nodeSpec(0)]);
  const wholeNode = [option(1, { perNode: demand(nodeSpec(0).acceleratorCount) })];
  const first = world.submit(1, { priority: 1, options: wholeNode });
  const second = world.submit(2, { priority: 9, options: wholeNode });
  expect(world.states(first, second)).toEqual(['checkpointing', 'admitted']);
  world.do({ kind: 'node_lost', nodeId: nodeSpec(0).id });
  expect(world.decided('start')).toEqual([]);
  expect(world.job(second).attempt).toBeNull();
});

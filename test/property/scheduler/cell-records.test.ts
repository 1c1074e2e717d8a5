import assert from 'node:assert/strict';
import { expect, it } from 'vitest';
import { plan } from '../../../src/scheduler/engine/explain/plan.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { Booking, CellDecision } from '../../../src/scheduler/engine/cell/records.ts';
import type { CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import type { JobSpec, ResourceOption } from '../../../src/scheduler/engine/model/job-spec.ts';
import { CellWorld, cohort, queue } from '../../support/worlds/cell-world.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { foldRecords } from '../../support/oracles/fold-records.ts';
import { demand, jobSpec, nodeSpec, option, poolSpec } from '../../support/fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const seen = {
  rebuilt: 0,
  started: 0,
  noticed: 0,
  killed: 0,
  resized: 0,
  provisioned: 0,
  retired: 0,
  charged: 0,
  held: 0,
  unbooked: 0,
  plannedPlace: 0,
  plannedVictims: 0,
  plannedWait: 0,
  lostNodes: 0,
  spot: 0,
  expired: 0,
  suspended: 0,
};

const TEMPLATE = { accelerator: 'H100', acceleratorCount: 2, cpuMilli: 64_000, memoryMib: 262_144 };
const POOLS = [
  poolSpec(),
  poolSpec({
    id: 'pool_bbbbbbbbbb' as never,
    market: 'spot',
    elasticity: { nodesMin: 0, nodesMax: 3, template: TEMPLATE, provisioningMs: 60_000, idleMs: 20_000 },
  }),
];

class Script {
  readonly #rng: Seeded;
  readonly world: CellWorld;
  #nodes = 2;
  #jobs = 0;

  constructor(seed: number) {
    this.#rng = new Seeded(seed);
    const evens = { preemptForFairShare: this.#chance(2), runtimeMinMs: this.#chance(3) ? 5_000 : 0 };
    const cohorts = [cohort('all'), queue('a', 2, { eviction: evens }), queue('b', 2, { eviction: evens, limits: { lendingMax: 1_000 } })];
    this.world = new CellWorld({ cohorts, pools: POOLS, segmentMaxMs: 30_000, headPatienceMs: this.#chance(2) ? 0 : 7_000 }, [
      nodeSpec(0, { acceleratorCount: 3 }),
      nodeSpec(1, { acceleratorCount: 2 }),
    ]);
    this.#price(10);
  }

  #below = (count: number): number => Math.floor(this.#rng.next() * count);
  #chance = (one: number): boolean => this.#below(one) === 0;

  #price(nanoDollarsPerHour: number): CellEvent {
    const row = { accelerator: 'H100', region: 'eu', market: 'reserved', fromMs: this.world.nowMs, nanoDollarsPerHour } as const;
    return { kind: 'price', row };
  }

  /** What happens next, and when. */
  next(): CellEvent {
    this.world.nowMs += this.#below(6_000);
    const { cell } = this.world;
    const placed = [...cell.jobs.placed];
    const id = placed[this.#below(placed.length)];
    const nodeId = `node-${this.#below(this.#nodes)}`;
    const roll = this.#below(24);
    if (roll < 7) return { kind: 'submit', spec: this.spec() };
    if (roll < 14 && id !== undefined) return this.#report(id);
    if (roll === 14) return { kind: 'cancel', jobId: jobSpec(this.#below(this.#jobs + 1)).id };
    if (roll === 15) return this.#price(this.#below(3) * 3_600_000_000);
    if (roll === 16) {
      seen.spot += 1;
      return this.#chance(2) ? { kind: 'spot_notice', nodeId, goneAtMs: this.world.nowMs + 3_000 } : { kind: 'drain', nodeId };
    }
    if (roll === 17) {
      seen.lostNodes += 1;
      return { kind: 'node_lost', nodeId };
    }
    if (roll === 18) {
      this.#nodes += 1;
      return { kind: 'add_nodes', nodes: [nodeSpec(this.#nodes - 1, { ...TEMPLATE, poolId: POOLS[this.#below(2)]!.id })] };
    }
    if (roll === 20) {
      return { kind: 'add_nodes', nodes: [nodeSpec((this.#nodes += 1) - 1, { ...TEMPLATE, poolId: POOLS[this.#below(2)]!.id })] };
    }
    if (roll === 21 && id !== undefined) return { kind: 'scale', jobId: id, nodes: this.#below(4) };
    if (!this.#chance(3)) return { kind: 'tick' };
    seen.suspended += 1;
    return { kind: 'suspend', queue: 'b', isSuspended: this.#chance(2) };
  }

  /** A queue and a pool that come later, and what comes with them. */
  latecomer(n: number): CellEvent | undefined {
    const late = poolSpec({ id: 'pool_late000000' as never });
    if (n === 20) return { kind: 'add_queue', spec: queue('late', 0, { quotas: {}, eviction: { leavingMaxCount: 5 } }) };
    if (n === 21 || n === 24) return { kind: 'submit', spec: { ...this.spec(), queue: 'late' } };
    if (n === 22) return { kind: 'add_pool', spec: late };
    if (n === 23) return { kind: 'add_nodes', nodes: [nodeSpec((this.#nodes += 1) - 1, { ...TEMPLATE, poolId: late.id })] };
    if (n % 15 === 10) return { kind: 'book', booking: this.#booking(n) };
    if (n === 45) return { kind: 'cancel_booking', id: 'b40' };
    // Has an effect once its jobs are over.
    return n > 40 && n % 8 === 0 ? { kind: 'remove_queue', name: 'late' } : undefined;
  }

  /** Some nodes of a pool, or one by its name, for queue `a`: from now on, or soon. */
  #booking(n: number): Booking {
    const fromMs = this.world.nowMs + (n % 2) * 10_000;
    const which = n % 4 < 2 ? { poolId: POOLS[0]!.id, count: 2, nodeIds: [] } : { poolId: null, count: 1, nodeIds: ['node-1'] };
    return { id: `b${n}`, queue: 'a', fromMs, untilMs: fromMs + 30_000, ...which, hasBegun: false };
  }

  #report(jobId: JobSpec['id']): CellEvent {
    const job = this.world.job(jobId);
    const leaving = job.attempt?.leaving !== null;
    const kinds = leaving
      ? (['released', 'released', 'completed'] as const)
      : (['running', 'saved', 'completed', 'released', 'shed'] as const);
    return {
      kind: 'report',
      jobId,
      fence: job.fence,
      news: this.#chance(12) ? { kind: 'failed', isPermanent: false } : { kind: kinds[this.#below(kinds.length)]! },
    };
  }

  #options(size: number, nodes: ResourceOption['nodes'], isStated: boolean): readonly ResourceOption[] {
    const wanted = option(size, { perNode: demand(size), nodes, markets: this.#chance(2) ? ['reserved'] : ['reserved', 'spot'] });
    return isStated ? [{ ...wanted, throughputHintMilli: 300 }, wanted] : [wanted];
  }

  spec(): JobSpec {
    const size = 1 + this.#below(2);
    const elastic = this.#chance(3) ? 2 : 0;
    const gang = 1 + this.#below(2);
    const n = (this.#jobs += 1);
    // Some would be late by the slower of two options.
    const isStated = n % 11 === 0;
    return jobSpec(n, {
      ...(isStated ? { workMs: 10_000 * gang } : {}),
      queue: this.#chance(2) ? 'a' : 'b',
      priority: this.#below(3),
      preemptible: !this.#chance(6),
      options: this.#options(size, { min: gang, max: gang + elastic, step: 1 }, isStated),
      checkpoint: { intervalMs: 10_000, graceMs: this.#below(2) * 4_000, restartMs: 1_000 },
      limits: {
        deadlineAtMs: this.#chance(5) || isStated ? this.world.nowMs + 20_000 : null,
        durationMaxMs: this.#chance(2) ? 15_000 : null,
        costMaxNanoDollars: this.#chance(5) ? 20_000_000 : null,
        priceMaxNanoDollarsPerHour: null,
      },
      dependsOn: n > 1 && this.#chance(8) ? [jobSpec(n - 1).id] : [],
    });
  }
}

/** Decisions of two cells that should be alike, as text: that is what a store and a pool see. */
const text = (decisions: readonly CellDecision[]): string => decisions.map((decision) => JSON.stringify(decision)).join('\n');

function tally(decisions: readonly CellDecision[]): void {
  for (const { kind } of decisions) {
    if (kind === 'start') seen.started += 1;
    if (kind === 'notice') seen.noticed += 1;
    if (kind === 'kill') seen.killed += 1;
    if (kind === 'resize') seen.resized += 1;
    if (kind === 'provision') seen.provisioned += 1;
    if (kind === 'retire') seen.retired += 1;
    if (kind === 'charge') seen.charged += 1;
    if (kind === 'save_reservation') seen.held += 1;
    if (kind === 'forget_booking') seen.unbooked += 1;
  }
}

it('[J50] [J51] a cell rebuilt from its records decides as the original; equal events give equal bytes', () => {
  for (const seed of firstSeeds(effort(40, 3_000), 308, 908, 1_115, 1_873, 2_534)) {
    const script = new Script(seed);
    const { world } = script;
    let other = new Cell(world.cell.settings, foldRecords(world.history));
    other.advance(world.nowMs);
    for (let n = 0; n < 60; n++) {
      const event = script.latecomer(n) ?? script.next();
      const { decisions } = world.do(event);
      tally(decisions);
      const twin = new CellWorld(world.cell.settings, []);
      twin.cell = other;
      twin.nowMs = world.nowMs;
      twin.do(event);
      assert.equal(text(twin.decisions), text(decisions), `seed ${seed}, event ${n}: ${JSON.stringify(event)}`);
      if (n % 5 !== 0) continue;
      other = new Cell(world.cell.settings, foldRecords(world.history));
      other.advance(world.nowMs);
      seen.rebuilt += 1;
    }
    for (const job of world.cell.jobs.all) if (job.state === 'expired') seen.expired += 1;
  }
  expect(seen.rebuilt).toBeGreaterThan(100);
});

/** All that a trial could have changed. */
const traceOf = ({ cell }: CellWorld): string =>
  JSON.stringify([
    ...cell.jobs.all,
    ...cell.reservations.all,
    ...cell.bookings.all,
    ...cell.fleet.cluster.columns.acceleratorFreeMilli,
    ...Array.from(cell.pending.all, ({ key, isAwake, jobs }) => JSON.stringify([key, isAwake, jobs.size, jobs.firstSequence])).sort(),
    cell.nowMs,
    cell.jobs.nextSequence,
    cell.nextDueMs(),
  ]);

it('[J60] a plan is what happens, if nothing else does, and planning changes nothing', () => {
  for (const seed of firstSeeds(effort(40, 3_000), 1_002, 2_938)) {
    const script = new Script(seed + 10_000);
    const { world } = script;
    for (let n = 0; n < 40; n++) {
      if (n % 2 === 0) {
        world.do(script.next());
        continue;
      }
      const spec = script.spec();
      const before = traceOf(world);
      const planned = plan(world.cell, spec, world.nowMs);
      assert.equal(traceOf(world), before);
      const result = world.do({ kind: 'submit', spec });
      assert.ok(planned.ok === result.outcome.ok);
      if (!planned.ok) continue;
      const job = world.job(spec.id);
      if (planned.value.kind === 'waits') {
        assert.equal(job.attempt, null, `seed ${seed}, ${n}`);
        seen.plannedWait += 1;
        continue;
      }
      seen.plannedPlace += 1;
      assert.ok(job.attempt !== null, `seed ${seed}, ${n}`);
      const nodeIds = job.attempt.placement.slots.map(({ node }) => world.cell.fleet.node(node).spec.id);
      assert.deepEqual(planned.value.nodeIds, nodeIds);
      assert.equal(planned.value.option, job.attempt.option);
      const victims = [...world.cell.jobs.all].filter(({ attempt }) => attempt?.leaving?.forJob === spec.id);
      assert.deepEqual(new Set(planned.value.victims.map(({ jobId }) => jobId)), new Set(victims.map((one) => one.spec.id)));
      seen.plannedVictims += victims.length;
      if (job.attempt.startedAtMs !== null) assert.equal(planned.value.startMs, job.attempt.startedAtMs);
      else assert.ok(planned.value.startMs >= world.nowMs);
    }
  }
  for (const [what, times] of Object.entries(seen))
    expect(times, `the scripts contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(5);
});

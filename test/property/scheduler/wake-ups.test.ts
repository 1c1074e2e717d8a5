import assert from 'node:assert/strict';
import { expect, it } from 'vitest';
import { isWorthExamining, firstOf } from '../../../src/scheduler/engine/cell/feasibility.ts';
import { soonestPlacement } from '../../../src/scheduler/engine/admission/reserve.ts';
import { tryOption } from '../../../src/scheduler/engine/admission/try-option.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import { CellWorld, cohort, queue } from '../../support/worlds/cell-world.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { demand, jobSpec, nodeSpec, option } from '../../support/fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const NEVER_MS = 1_000_000_000;

/** Queues short of quota, whose jobs of different sizes have different priorities; time matters for the patience of heads only. */
class CrampedWorld {
  readonly world: CellWorld;
  readonly #rng: Seeded;
  #jobs = 0;

  constructor(seed: number, trees: 1 | 2, agingMs = NEVER_MS) {
    this.#rng = new Seeded(seed);
    const evicts = this.#below(3) === 0;
    const eviction = { preemptWithinQueue: evicts, reclaimWithinCohort: evicts };
    const limits = { borrowingMax: this.#below(2) === 0 ? 3_000 : null, lendingMax: this.#below(2) === 0 ? 1_000 : null };
    const parent = this.#below(2) === 0 ? 'all' : 'lab';
    const other = trees === 1 ? 'all' : 'other';
    const cohorts = [
      cohort('all'),
      ...(trees === 1 ? [] : [cohort(other)]),
      cohort('lab', 'all'),
      ...['a', 'b', 'c', 'd'].map((name, n) => queue(name, 1 + this.#below(4), { parent: n < 2 ? parent : other, eviction, limits })),
    ];
    // With several trees nodes are short, too.
    const nodes = Array.from({ length: trees === 1 ? 2 + this.#below(4) : 1 + this.#below(2) }, (_, n) =>
      nodeSpec(n, { acceleratorCount: 4 }),
    );
    this.world = new CellWorld({ cohorts, order: 'priority', agingMs, headPatienceMs: [0, 0, 20, NEVER_MS][this.#below(4)]! }, nodes);
  }

  #below = (count: number): number => Math.floor(this.#rng.next() * count);

  next(): CellEvent {
    const { cell } = this.world;
    const placed = [...cell.jobs.placed];
    const jobId = placed[this.#below(placed.length)];
    const news = { kind: jobId !== undefined && cell.jobs.leaving.has(jobId) ? 'released' : 'completed' } as const;
    if (jobId !== undefined && this.#below(2) === 0) return { kind: 'report', jobId, fence: this.world.job(jobId).fence, news };
    const waiting = [...cell.jobs.all].filter(({ state }) => state === 'pending');
    if (waiting.length > 0 && this.#below(8) === 0) return { kind: 'cancel', jobId: waiting[this.#below(waiting.length)]!.spec.id };
    const size = 1 + this.#below(4);
    const spec = { queue: 'abcd'[this.#below(4)]!, priority: size, options: [option(size, { perNode: demand(size) })] };
    return { kind: 'submit', spec: jobSpec((this.#jobs += 1), spec) };
  }
}

/** No waiting job fits now; nodes are reserved for the first job that may have them; a job within its patience is examined when that ends. */
function checkAtRest(cell: Cell): void {
  const held = cell.reservations.of('all', 'H100');
  for (const pending of cell.pending.all) {
    const job = firstOf(cell, pending);
    assert('blocker' in tryOption(cell, job, 0, 'brief'), 'nobody waits who could start');
    const patientUntilMs = job.submittedAtMs + cell.settings.headPatienceMs;
    if (cell.nowMs < patientUntilMs) assert(cell.nextDueMs() <= patientUntilMs, 'it is looked at when its patience is over');
    else if (soonestPlacement(cell, job, 0) !== undefined) {
      assert(held !== undefined, 'places are held for somebody');
      assert(cell.jobs.get(held.jobId).spec.priority >= job.spec.priority, 'that comes before all others');
    }
  }
}

it('[J72] a job that is not examined misses nothing: examining all before every event decides the same', () => {
  const seen = { hopeless: 0, started: 0, evicted: 0, held: 0 };
  for (const seed of firstSeeds(effort(30, 1_400))) {
    const cramped = new CrampedWorld(seed, 1);
    const { world } = cramped;
    const { cell } = world;
    const twin = new Cell(cell.settings);
    for (const { node } of world.decided('save_node')) step(twin, { kind: 'add_nodes', nodes: [node.spec] }, world.nowMs);
    for (let n = 0; n < 80; n++) {
      world.nowMs += 1;
      const event = cramped.next();
      twin.pending.wake(() => true);
      const decided = step(twin, event, world.nowMs).decisions;
      assert.deepEqual(decided, world.do(event).decisions, `seed ${seed}, event ${n}: ${JSON.stringify(event)}`);
      checkAtRest(cell);
      if (event.kind === 'report') seen.hopeless += [...cell.pending.all].filter((pending) => !isWorthExamining(cell, pending)).length;
      seen.started += world.decided('start').length;
      seen.evicted += world.decided('notice').length;
      seen.held += [...cell.reservations.all].length;
    }
  }
  for (const [what, count] of Object.entries(seen))
    expect(count, `the runs contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(50);
});

it('[J375] a tree in which nothing has changed is not looked at, and looking decides the same', () => {
  const seen = { settled: 0, other: 0 };
  for (const seed of firstSeeds(effort(40, 1_400))) {
    const cramped = new CrampedWorld(seed, 2, [NEVER_MS, 30, 7][seed % 3]);
    const { world } = cramped;
    const { cell } = world;
    const twin = new Cell(cell.settings);
    twin.settled.has = () => false;
    for (const { node } of world.decided('save_node')) step(twin, { kind: 'add_nodes', nodes: [node.spec] }, world.nowMs);
    for (let n = 0; n < 80; n++) {
      world.nowMs += 1;
      const event = cramped.next();
      const decided = step(twin, event, world.nowMs).decisions;
      assert.deepEqual(decided, world.do(event).decisions, `seed ${seed}, event ${n}: ${JSON.stringify(event)}`);
      const check = (what: string): void => {
        for (const root of cell.tree.roots) {
          if (!cell.settled.has(root)) continue;
          seen.settled += 1;
          for (const pending of cell.pending.below(root)) {
            seen.other += 1;
            assert(!isWorthExamining(cell, pending), `seed ${seed}, event ${n}, ${what}: a class of a settled tree is worth examining`);
          }
        }
      };
      check('at rest');
      for (const laterMs of [1, 2, 3, 5, 7, 11, 20, 35])
        cell.undo.trial(() => {
          cell.advance(world.nowMs + laterMs);
          check('later');
        });
      // Quota that is only supposed to be given back wakes none.
      for (const id of cell.jobs.placed)
        cell.undo.trial(() => {
          const { attempt } = cell.jobs.get(id);
          if (attempt !== null && attempt.leaving === null) cell.holdings.supposeGone(cell.jobs.get(id), attempt);
          check('supposed');
        });
    }
  }
  for (const [what, count] of Object.entries(seen))
    expect(count, `the runs contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(50);
});

it('[J374] the classes whose jobs came first are found, whatever comes and goes, also on trial', () => {
  for (const seed of firstSeeds(effort(40, 1_400))) {
    const cramped = new CrampedWorld(seed, 2);
    const { world } = cramped;
    const { pending, undo } = world.cell;
    const check = (what: string) => {
      const all = [...pending.all].toSorted((a, b) => a.jobs.firstSequence - b.jobs.firstSequence);
      for (const count of [1, 3, 100]) assert.deepEqual(pending.earliest(count), all.slice(0, count), `seed ${seed}, ${what}`);
    };
    for (let n = 0; n < 80; n++) {
      world.nowMs += 1;
      const event = cramped.next();
      undo.trial(() => {
        step(world.cell, event, world.nowMs);
        check(`supposed event ${n}`);
      });
      check(`event ${n} that was only supposed`);
      world.do(event);
      check(`event ${n}`);
    }
  }
});

it('[J72] a job is examined once another that shares only nodes with it, and no quota, has left them', () => {
  const cohorts = [cohort('left'), cohort('right'), queue('a', 4, { parent: 'left' }), queue('b', 4, { parent: 'right' })];
  const world = new CellWorld({ cohorts }, [nodeSpec(0, { acceleratorCount: 4 })]);
  const options = [option(4, { perNode: demand(4) })];
  const [first, second] = [world.submit(1, { queue: 'a', options }), world.submit(2, { queue: 'b', options })];
  expect(world.states(first, second)).toEqual(['starting', 'pending']);
  world.report(first, { kind: 'completed' });
  expect(world.states(first, second)).toEqual(['succeeded', 'starting']);
});

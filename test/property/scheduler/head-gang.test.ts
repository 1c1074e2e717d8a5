import { expect, it } from 'vitest';

import type { JobId } from '../../../src/kernel/ids.ts';
import { CellWorld, cohort, queue } from '../../support/worlds/cell-world.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { demand, jobSpec, nodeSpec, option } from '../../support/fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const STEP_MS = 100;

/** Nodes full of jobs whose longest durations are known, and a gang that comes to wait for some of them. */
class Flood {
  readonly world: CellWorld;
  readonly #rng: Seeded;
  readonly #size: number;
  readonly #count: number;
  #jobs = 0;

  constructor(seed: number) {
    this.#rng = new Seeded(seed);
    this.#size = 1 + this.below(3);
    this.#count = 4 + this.below(5);
    const nodes = Array.from({ length: this.#count }, (_, n) => nodeSpec(n, { acceleratorCount: this.#size }));
    const order = this.below(2) === 0 ? 'fair' : 'priority';
    this.world = new CellWorld({ cohorts: [cohort('all'), queue('a', 100), queue('b', 100)], order, agingMs: 1e12 }, nodes);
    while ([...this.world.cell.pending.all].length === 0) this.small(STEP_MS * (20 + this.below(300)));
    for (const { spec, attempt } of this.world.cell.jobs.all) if (attempt === null) this.world.do({ kind: 'cancel', jobId: spec.id });
  }

  below = (count: number): number => Math.floor(this.#rng.next() * count);

  small(durationMaxMs: number): void {
    const wholes = 1 + this.below(this.#size);
    this.world.submit((this.#jobs += 1), {
      queue: this.below(2) === 0 ? 'a' : 'b',
      options: [option(wholes, { perNode: demand(wholes) })],
      limits: { ...jobSpec(0).limits, durationMaxMs },
    });
  }

  /** A gang of whole nodes, and how long from now so many will be empty, if all jobs take as long as they may and no job comes. */
  gang(): { readonly id: JobId; readonly earliestMs: number } {
    const count = 2 + this.below(this.#count - 2);
    const emptyAtMs = Array.from({ length: this.#count }, (_, node) => Math.max(this.world.nowMs, ...this.#endsOn(node)));
    const earliestMs = emptyAtMs.sort((a, b) => a - b)[count - 1]! - this.world.nowMs;
    const nodes = { min: count, max: count, step: 1 };
    return {
      id: this.world.submit(100_000, { queue: 'a', options: [option(this.#size, { perNode: demand(this.#size), nodes })] }),
      earliestMs,
    };
  }

  #endsOn(node: number): number[] {
    return [...this.world.cell.jobs.all].flatMap(({ spec, attempt }) =>
      attempt?.placement.slots.some((slot) => slot.node === node) === true ? [attempt.startedAtMs! + spec.limits.durationMaxMs!] : [],
    );
  }

  /** Small jobs come, and those that are over leave. */
  pass(): void {
    for (let k = this.below(4); k > 0; k--) this.small(STEP_MS * (1 + this.below(100)));
    this.world.nowMs += STEP_MS;
    for (const { spec, attempt } of this.world.cell.jobs.all) {
      const endsAtMs = (attempt?.startedAtMs ?? Infinity) + (spec.limits.durationMaxMs ?? Infinity);
      if (endsAtMs <= this.world.nowMs) this.world.report(spec.id, { kind: 'completed' });
    }
  }
}

it('[J46] a gang at the head starts within 1.1 times its earliest feasible start', () => {
  const seen = { waited: 0, passed: 0 };
  for (const seed of firstSeeds(effort(15, 1_200))) {
    const flood = new Flood(seed);
    const { world } = flood;
    const { id, earliestMs } = flood.gang();
    const { sequence, submittedAtMs } = world.job(id);
    for (; world.job(id).state === 'pending'; flood.pass()) {
      expect(world.nowMs - submittedAtMs, `seed ${seed}: it waits`).toBeLessThanOrEqual(Math.max(STEP_MS, earliestMs * 1.1));
      seen.waited += 1;
    }
    expect(world.job(id).state).toBe('starting');
    for (const job of world.cell.jobs.all) if (job.sequence > sequence && job.fence > 0) seen.passed += 1;
  }
  expect(seen.waited).toBeGreaterThan(1_000);
  expect(seen.passed, 'others pass it meanwhile').toBeGreaterThan(200);
});

import { expect, it } from 'vitest';
import type { PoolId } from '../../../src/kernel/ids.ts';
import { expectedEndMs } from '../../../src/scheduler/engine/cell/expected-ends.ts';
import type { CohortNode } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import type { JobRecord } from '../../../src/scheduler/engine/cell/job-record.ts';
import { owner } from '../../../src/scheduler/engine/cell/job-record.ts';
import { CellWorld, cohort, queue } from '../../support/worlds/cell-world.ts';
import { seeds } from '../../support/fixtures/effort.ts';
import { demand, jobSpec, nodeSpec, option, poolSpec } from '../../support/fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const SECOND = 'pool_bbbbbbbbbb' as PoolId;

it('[J46] expected releases are kept in order, whatever is learned of how long jobs take', () => {
  const seen = { learned: 0, unknown: 0, left: 0, elsewhere: 0 };
  for (const seed of seeds(60)) {
    const rng = new Seeded(seed);
    const below = (count: number): number => Math.floor(rng.next() * count);
    const cohorts = [cohort('all'), queue('a', 90), cohort('others'), queue('b', 90, { parent: 'others' })];
    const world = new CellWorld({ cohorts, pools: [poolSpec(), poolSpec({ id: SECOND })] }, [nodeSpec(0), nodeSpec(1, { poolId: SECOND })]);
    const { cell } = world;
    for (let n = 1; n <= 60; n++) {
      world.nowMs += below(5_000);
      const placed = [...cell.jobs.placed];
      if (placed.length > 0 && below(3) === 0) {
        const id = placed[below(placed.length)]!;
        world.report(id, { kind: (['completed', 'completed', 'running', 'released'] as const)[below(4)]! });
        seen.left += 1;
      } else {
        const size = 1 + below(3);
        const durationMaxMs = below(4) === 0 ? 20_000 : null;
        world.submit(n, {
          queue: 'ab'[below(2)]!,
          options: [option(size, { perNode: demand(size) })],
          limits: { ...jobSpec(0).limits, durationMaxMs },
        });
      }
      const endsOf = (concerns: (site: { readonly poolId: PoolId; readonly root: CohortNode }) => boolean) =>
        Array.from(cell.ends.inOrder(concerns), ({ endMs, sequence, jobId }) => ({ endMs, sequence, jobId }));
      const ends = [...cell.jobs.all]
        .filter((job) => owner(job) !== null)
        .map((job) => ({ endMs: expectedEndMs(job, cell.nowMs, cell.durations), sequence: job.sequence, jobId: job.spec.id }))
        .sort((a, b) => (a.endMs === b.endMs ? a.sequence - b.sequence : a.endMs - b.endMs));
      expect(endsOf(() => true)).toEqual(ends);
      const isInTheWay = ({ spec, attempt }: JobRecord): boolean => spec.queue === 'a' || attempt!.poolId === SECOND;
      const inTheWay = ends.filter(({ jobId }) => isInTheWay(world.job(jobId)));
      expect(endsOf(({ poolId, root }) => root.spec.name === 'all' || poolId === SECOND)).toEqual(inTheWay);
      seen.elsewhere += ends.length - inTheWay.length;
      seen.unknown += ends.filter(({ endMs }) => endMs === Infinity).length;
      const learned = new Set(world.decided('save_duration').map(({ classKey }) => classKey));
      if (ends.some(({ jobId }) => learned.has(world.job(jobId).classKey))) seen.learned += 1;
    }
  }
  for (const [what, count] of Object.entries(seen))
    expect(count, `the runs contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(100);
});

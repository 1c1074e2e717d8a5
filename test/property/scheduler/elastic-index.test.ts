import { expect, it } from 'vitest';
import type { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { JobRecord } from '../../../src/scheduler/engine/cell/job-record.ts';
import { BusyCell } from '../../support/worlds/busy-cell.ts';
import { seeds } from '../../support/fixtures/effort.ts';

/** Nodes that a job has beyond its least, and those it lacks to what it should have, in whole steps. */
function steps({ spec, attempt, nodesWanted }: JobRecord): { readonly spare: number; readonly more: number } {
  if (attempt === null || attempt.leaving !== null) return { spare: 0, more: 0 };
  // Replicas do not need each other: others may come while some still leave.
  const isShedding = attempt.shedding.length > 0;
  const mayGrow = attempt.startedAtMs !== null && (!isShedding || spec.kind === 'online_inference');
  const { min, max, step } = spec.options[attempt.option]!.nodes;
  const sizes = Array.from({ length: (max - min) / step + 1 }, (_, n) => min + n * step);
  const should = sizes.find((size) => size >= (nodesWanted ?? max)) ?? max;
  const has = attempt.placement.slots.length;
  return {
    spare: isShedding ? 0 : sizes.filter((size) => size < has).length,
    more: !mayGrow ? 0 : sizes.filter((size) => size > has && size <= should).length,
  };
}

const idsWhere = (cell: Cell, holds: (job: JobRecord) => boolean): string[] =>
  [...cell.jobs.all]
    .filter(holds)
    .map(({ spec }) => spec.id)
    .sort();

const isOn = ({ attempt }: JobRecord, index: number): boolean =>
  [...(attempt?.placement.slots ?? []), ...(attempt?.shedding ?? [])].some(({ node }) => node === index);

it('[J74] incremental lists of elastic jobs, jobs by node and idle nodes equal full scans', () => {
  const seen = { shrinkable: 0, growable: 0, idle: 0, busy: 0 };
  for (const seed of seeds(12)) {
    const busy = new BusyCell(seed);
    const { cell } = busy.world;
    for (let n = 0; n < 120; n++) {
      busy.world.do(busy.next());
      expect([...cell.jobs.shrinkable].sort()).toEqual(idsWhere(cell, (job) => steps(job).spare > 0));
      expect([...cell.jobs.growable].sort()).toEqual(idsWhere(cell, (job) => steps(job).more > 0));
      for (const index of [...cell.fleet.pools].flatMap(({ spec }) => cell.fleet.nodesOf(spec.id))) {
        expect([...cell.jobs.onNodes.on([index])].sort()).toEqual(idsWhere(cell, (job) => isOn(job, index)));
      }
      seen.shrinkable += cell.jobs.shrinkable.size;
      seen.growable += cell.jobs.growable.size;
      // Those that were just given back are known to be gone with the next event.
      if (busy.world.decided('retire').length > 0) continue;
      for (const { spec } of cell.fleet.pools) {
        if (spec.elasticity === null) continue;
        const nodes = cell.fleet.nodesOf(spec.id).map((index) => cell.fleet.node(index));
        const idle = nodes.filter(({ state, index }) => state === 'open' && ![...cell.jobs.all].some((job) => isOn(job, index)));
        expect(cell.idleNodes.of(spec.id).map(({ index }) => index)).toEqual(idle.map(({ index }) => index));
        for (const { idleSinceMs } of idle) expect(idleSinceMs).not.toBe(null);
        seen.idle += idle.length;
        seen.busy += nodes.length - idle.length;
      }
    }
  }
  for (const [what, count] of Object.entries(seen))
    expect(count, `the runs contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(100);
});

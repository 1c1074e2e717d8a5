import { Seeded } from '../../../src/kernel/seeded.ts';
import type { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import { Cell as SchedulerCell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { JobRecord } from '../../../src/scheduler/engine/cell/job-record.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import type { JobSpec } from '../../../src/scheduler/engine/model/job-spec.ts';
import { demand, jobSpec, nodeSpec, option } from '../fixtures/scheduler-specs.ts';
import { cellSettings, cohort, queue } from './cell-world.ts';

export interface Crowd {
  readonly nodes: number;
  readonly pending: number;
  /** Kinds of demand, each with its own class of waiting jobs. */
  readonly shapes: number;
  readonly queues: number;
}

/** A cell whose nodes of 8 are all taken by running jobs, some of which have been seen to end, and before which so many wait. */
export function crowdedCell({ nodes, pending, shapes, queues }: Crowd): { readonly cell: Cell; readonly nowMs: number } {
  const cohorts = [cohort('all'), ...Array.from({ length: queues }, (_, q) => queue(`q${q}`, (nodes * 8) / queues))];
  const cell = new SchedulerCell(cellSettings({ cohorts, admissionsMaxCount: 100 }));
  let nowMs = 1_000;
  step(
    cell,
    { kind: 'add_nodes', nodes: Array.from({ length: nodes }, (_, n) => nodeSpec(n, { domains: { rack: `r${n >> 5}` } })) },
    nowMs,
  );
  const rng = new Seeded(pending + shapes);
  let submitted = 0;
  const submit = (): void => {
    submitted += 1;
    const shape = submitted <= shapes ? submitted - 1 : Math.floor(rng.next() * shapes);
    step(cell, { kind: 'submit', spec: shaped(submitted, shape, queues) }, (nowMs += 10));
  };
  const started = new Set<string>();
  const run = (): void => {
    for (const id of cell.jobs.placed) {
      if (started.has(id)) continue;
      started.add(id);
      step(cell, { kind: 'report', jobId: id, fence: cell.jobs.get(id).fence, news: { kind: 'running' } }, nowMs);
    }
  };
  while (waitingIn(cell) < pending / 2) submit();
  run();
  for (const id of [...cell.jobs.placed].slice(0, 4 * queues)) {
    step(cell, { kind: 'report', jobId: id, fence: cell.jobs.get(id).fence, news: { kind: 'completed' } }, (nowMs += 30_000));
    run();
  }
  while (waitingIn(cell) < pending) submit();
  return { cell, nowMs };
}

/** One waiting job of each of so many classes, evenly, from the first in its class to the last. */
export function waitingJobs(cell: Cell, count: number): readonly JobRecord[] {
  const classes = [...cell.pending.all];
  return Array.from({ length: count }, (_, at) => {
    const { jobs } = classes[Math.floor((at * classes.length) / count)]!;
    const ids = jobs.all;
    return cell.jobs.get(ids[Math.floor((at * 7_919) % ids.length)]!);
  });
}

const waitingIn = (cell: Cell): number => [...cell.pending.all].reduce((sum, { jobs }) => sum + jobs.size, 0);

function shaped(n: number, shape: number, queues: number): JobSpec {
  const size = [1, 2, 4, 8, 8][shape % 5]!;
  const gang = shape % 10 === 9 ? 4 : 1;
  return jobSpec(n, {
    queue: `q${shape % queues}`,
    priority: 50 + (shape % 3),
    options: [
      option(size, {
        perNode: demand(size, { cpuMilli: 1_000 + 5 * shape }),
        nodes: { min: gang, max: gang, step: 1 },
        topology: gang > 1 ? { level: 'rack', mode: 'required', block: false } : null,
      }),
    ],
    limits: { ...jobSpec(0).limits, durationMaxMs: 3_600_000 },
  });
}

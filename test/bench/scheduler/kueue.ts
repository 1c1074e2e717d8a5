import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import type { CohortSpec } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import type { JobSpec } from '../../../src/scheduler/engine/model/job-spec.ts';
import { cellSettings, cohort, evictionPolicy } from '../../support/worlds/cell-world.ts';
import { jobSpec, nodeSpec, poolSpec } from '../../support/fixtures/scheduler-specs.ts';
import { Agenda } from '../../../src/scheduler/simulator/load/replay-jobs.ts';
import { cpuMs } from './cpu-ms.ts';
import type { Suite, Workload, WorkloadSet } from './kueue-suite.ts';
import { BASELINE, BORROWING_UNITS, LARGE_SCALE, NOMINAL_UNITS, quotaOf, SIZES, workloadsOf } from './kueue-suite.ts';

const UNIT_MILLI = 1_000;

type Happening =
  | { readonly kind: 'create'; readonly spec: JobSpec }
  | { readonly kind: 'complete'; readonly jobId: JobId; readonly fence: number };

export function kueueBench(quick: boolean): void {
  for (const suite of quick ? [BASELINE] : [BASELINE, LARGE_SCALE]) {
    console.log(`\n${suite.name}\n  ${suite.published}`);
    engineAlone(suite);
  }
}

/** Runs a suite through the engine on a simulated clock that runs on by what each step really took. */
export function engineAlone(suite: Suite): void {
  const { cell, agenda, sizes } = prepare(suite);
  const waited = { small: [0, 0], medium: [0, 0], large: [0, 0] };
  let [nowMs, busyMs, inUse, usedMs, created, done] = [0, 0, 0, 0, 0, 0];
  for (let next = agenda.next(); next !== undefined; next = agenda.next()) {
    const atMs = Math.max(nowMs, next.atMs);
    usedMs += inUse * (atMs - nowMs);
    const startedMs = cpuMs();
    const { decisions } = step(cell, eventOf(next.item), Math.floor(atMs));
    const tookMs = cpuMs() - startedMs;
    busyMs += tookMs;
    nowMs = atMs + tookMs;
    usedMs += inUse * tookMs;
    if (next.item.kind === 'create') created += 1;
    else {
      done += 1;
      inUse -= sizes.get(next.item.jobId)!.units;
      cell.jobs.forget(next.item.jobId);
    }
    for (const decision of decisions) {
      if (decision.kind !== 'start') continue;
      const set = sizes.get(decision.jobId)!;
      const entry = waited[set.size];
      entry[0]! += nowMs - cell.jobs.get(decision.jobId).submittedAtMs;
      entry[1]! += 1;
      inUse += set.units;
      agenda.add(nowMs + set.runtimeMs, { kind: 'complete', jobId: decision.jobId, fence: decision.fence });
    }
  }
  const quota = quotaOf(suite);
  const means = SIZES.map((size) => (waited[size][0]! / waited[size][1]! / 1_000).toFixed(2));
  console.log(
    `  engine alone ${(nowMs / 1_000).toFixed(1)} s (of which ${(busyMs / 1_000).toFixed(1)} s CPU deciding, ${(busyMs / created).toFixed(3)} ms a workload), ` +
      `${((100 * usedMs) / (quota * nowMs)).toFixed(1)} % of quota in use, to admission ${means.join(' / ')} s; ${done} of ${created} done`,
  );
}

const eventOf = (item: Happening): CellEvent =>
  item.kind === 'create'
    ? { kind: 'submit', spec: item.spec }
    : { kind: 'report', jobId: item.jobId, fence: item.fence, news: { kind: 'completed' } };

function prepare(suite: Suite): { cell: Cell; agenda: Agenda<Happening>; sizes: Map<JobId, WorkloadSet> } {
  const quotas = { cpu: { nominal: NOMINAL_UNITS * UNIT_MILLI, borrowingMax: BORROWING_UNITS * UNIT_MILLI, lendingMax: null } };
  const trees = Array.from({ length: suite.cohorts }, (_, c): CohortSpec[] => [
    cohort(`cohort-${c}`),
    ...Array.from({ length: suite.queues }, (__, q): CohortSpec => ({
      ...cohort(`queue-${c}-${q}`, `cohort-${c}`),
      quotas,
      eviction: evictionPolicy({ preemptForFairShare: false, preemptWithinQueue: false, reclaimWithinCohort: false }),
    })),
  ]).flat();
  // As in Kueue's suite, only quota limits jobs: each cohort has a node with room for everything.
  const pools = Array.from({ length: suite.cohorts }, (_, c) =>
    poolSpec({ id: `pool_${String(c).padStart(10, '0')}` as PoolId, region: `region-${c}` }),
  );
  const cell = new Cell(cellSettings({ cohorts: trees, pools, order: 'priority', trustsObservedDurations: true, agingMs: 3_600_000 }));
  const everything = { accelerator: null, acceleratorCount: 0, cpuMilli: 2_000_000_000, memoryMib: 2_000_000_000 };
  step(cell, { kind: 'add_nodes', nodes: pools.map(({ id }, c) => nodeSpec(c, { poolId: id, ...everything })) }, 0);
  const agenda = new Agenda<Happening>();
  const sizes = new Map<JobId, WorkloadSet>();
  for (const workload of workloadsOf(suite)) {
    const spec = specOf(workload);
    sizes.set(spec.id, workload.set);
    agenda.add(workload.arrivalMs, { kind: 'create', spec });
  }
  return { cell, agenda, sizes };
}

const specOf = ({ n, cohort: c, queue: q, set: { priority, units } }: Workload): JobSpec =>
  jobSpec(n, {
    queue: `queue-${c}-${q}`,
    priority,
    options: [
      {
        accelerator: null,
        perNode: { cpuMilli: units * UNIT_MILLI, memoryMib: 0, acceleratorCount: 0, milliEach: 1_000 },
        nodes: { min: 1, max: 1, step: 1 },
        markets: ['reserved'],
        regions: [`region-${c}`],
        topology: null,
        throughputHintMilli: 1_000,
      },
    ],
  });

import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import type { CohortSpec } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import { Cell } from '../../../src/scheduler/engine/machine/cell.ts';
import type { CellEvent } from '../../../src/scheduler/engine/machine/event.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import type { JobSpec } from '../../../src/scheduler/engine/model/job-spec.ts';
import { cellSettings, cohort, evictionPolicy } from '../../support/worlds/cell-world.ts';
import { jobSpec, nodeSpec, poolSpec } from '../../support/fixtures/scheduler-specs.ts';
import { Agenda } from '../../../src/scheduler/simulator/agenda.ts';
import { cpuMs } from './cpu-ms.ts';

/** The workload of one of Kueue's own performance suites (`test/performance/scheduler/configs`). */
interface Suite {
  readonly name: string;
  readonly published: string;
  readonly cohorts: number;
  readonly queues: number;
  readonly sets: readonly WorkloadSet[];
}

interface WorkloadSet {
  readonly size: 'small' | 'medium' | 'large';
  readonly count: number;
  readonly everyMs: number;
  readonly runtimeMs: number;
  readonly priority: number;
  readonly units: number;
}

const BASELINE: Suite = {
  name: 'baseline: 5 cohorts x 6 queues x 500 = 15,000 workloads',
  published: 'Kueue 351.1 s wall, 55.9 % of quota in use, to admission 215.5 / 76.8 / 16.5 s (S / M / L)',
  cohorts: 5,
  queues: 6,
  sets: [
    { size: 'small', count: 350, everyMs: 100, runtimeMs: 200, priority: 50, units: 1 },
    { size: 'medium', count: 100, everyMs: 500, runtimeMs: 500, priority: 100, units: 5 },
    { size: 'large', count: 50, everyMs: 1_200, runtimeMs: 1_000, priority: 200, units: 20 },
  ],
};

/** The published totals; the runtimes are those of the suite's current file. */
const LARGE_SCALE: Suite = {
  name: 'large-scale: 10 cohorts x 100 queues x 50 = 50,000 workloads',
  published: 'Kueue 1,179 s wall, 38.6 % of quota in use, to admission 700 / 256 / 106 s',
  cohorts: 10,
  queues: 100,
  sets: [
    { size: 'small', count: 35, everyMs: 20, runtimeMs: 50, priority: 50, units: 1 },
    { size: 'medium', count: 10, everyMs: 50, runtimeMs: 100, priority: 100, units: 5 },
    { size: 'large', count: 5, everyMs: 200, runtimeMs: 200, priority: 200, units: 20 },
  ],
};

const NOMINAL = 20;
const UNIT_MILLI = 1_000;

type Happening =
  | { readonly kind: 'create'; readonly spec: JobSpec }
  | { readonly kind: 'complete'; readonly jobId: JobId; readonly fence: number };

export function kueueBench(quick: boolean): void {
  run(BASELINE);
  if (!quick) run(LARGE_SCALE);
}

function run(suite: Suite): void {
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
  const quota = NOMINAL * suite.queues * suite.cohorts;
  const means = (['small', 'medium', 'large'] as const).map((size) => (waited[size][0]! / waited[size][1]! / 1_000).toFixed(2));
  console.log(`\n${suite.name}\n  ${suite.published}`);
  console.log(
    `  Sluice ${(nowMs / 1_000).toFixed(1)} s (of which ${(busyMs / 1_000).toFixed(1)} s CPU deciding, ${(busyMs / created).toFixed(3)} ms a workload), ` +
      `${((100 * usedMs) / (quota * nowMs)).toFixed(1)} % of quota in use, to admission ${means.join(' / ')} s; ${done} of ${created} done`,
  );
}

const eventOf = (item: Happening): CellEvent =>
  item.kind === 'create'
    ? { kind: 'submit', spec: item.spec }
    : { kind: 'report', jobId: item.jobId, fence: item.fence, news: { kind: 'completed' } };

function prepare({ cohorts, queues, sets }: Suite): { cell: Cell; agenda: Agenda<Happening>; sizes: Map<JobId, WorkloadSet> } {
  const units = (count: number): { H100: { nominal: number; borrowingMax: number | null; lendingMax: null } } => ({
    H100: { nominal: count, borrowingMax: 100 * UNIT_MILLI, lendingMax: null },
  });
  const trees = Array.from({ length: cohorts }, (_, c): CohortSpec[] => [
    cohort(`cohort-${c}`),
    ...Array.from({ length: queues }, (__, q): CohortSpec => ({
      ...cohort(`queue-${c}-${q}`, `cohort-${c}`),
      quotas: { cpu: units(NOMINAL * UNIT_MILLI).H100 },
      eviction: evictionPolicy({ preemptForFairShare: false, preemptWithinQueue: false, reclaimWithinCohort: false }),
    })),
  ]).flat();
  // As in Kueue's suite, only quota limits jobs: each cohort has a node with room for everything.
  const pools = Array.from({ length: cohorts }, (_, c) =>
    poolSpec({ id: `pool_${String(c).padStart(10, '0')}` as PoolId, region: `region-${c}` }),
  );
  const cell = new Cell(cellSettings({ cohorts: trees, pools, order: 'priority', trustsObservedDurations: true, agingMs: 3_600_000 }));
  const everything = { accelerator: null, acceleratorCount: 0, cpuMilli: 2_000_000_000, memoryMib: 2_000_000_000 };
  step(cell, { kind: 'add_nodes', nodes: pools.map(({ id }, c) => nodeSpec(c, { poolId: id, ...everything })) }, 0);
  const agenda = new Agenda<Happening>();
  const sizes = new Map<JobId, WorkloadSet>();
  let n = 0;
  for (let c = 0; c < cohorts; c++) {
    for (let q = 0; q < queues; q++) {
      for (const set of sets) {
        for (let index = 0; index < set.count; index++) {
          const spec = workload((n += 1), c, q, set);
          sizes.set(spec.id, set);
          agenda.add(index * set.everyMs, { kind: 'create', spec });
        }
      }
    }
  }
  return { cell, agenda, sizes };
}

const workload = (n: number, c: number, q: number, { priority, units }: WorkloadSet): JobSpec =>
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

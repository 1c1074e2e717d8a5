import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { CohortSpec } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellDecision } from '../../../src/scheduler/engine/cell/records.ts';
import type { CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import type { JobSpec } from '../../../src/scheduler/engine/model/job-spec.ts';
import { cellSettings, cohort, queue } from '../../support/worlds/cell-world.ts';
import { demand, jobSpec, nodeSpec, option } from '../../support/fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { cpuMs } from './cpu-ms.ts';

const SHAPES = 50;
const QUEUES = 10;

/** The cost of one event on full nodes, with more and more waiting jobs of 50 shapes: a job ends, another starts, a new one arrives. */
export function latencyBench(quick: boolean): void {
  console.log(
    `\ndecision latency, CPU: all nodes of 8 taken, jobs that wait in ${SHAPES} shapes over ${QUEUES} queues of one cohort; by least waste`,
  );
  console.log('  target at 10,000 nodes and 100,000 pending: p99 <= 10 ms, memory <= 96 MB');
  for (const pending of quick ? [1_000] : [1_000, 3_000, 10_000, 30_000, 100_000]) measure(10_000, pending);
  console.log(
    '  and with evictions (less priority, reclaim), all nodes full of jobs that may be evicted; target for decisions that evict: p99 <= 50 ms',
  );
  for (const nodes of quick ? [1_000] : [1_000, 3_000, 10_000]) measureEvictions(nodes);
}

const timed = (cell: Cell, event: CellEvent, nowMs: number): { readonly ms: number; readonly decisions: readonly CellDecision[] } => {
  const startedMs = cpuMs();
  const { decisions } = step(cell, event, nowMs);
  return { ms: cpuMs() - startedMs, decisions };
};

function cellOf(nodes: number, evicts: boolean): Cell {
  const cohorts: CohortSpec[] = [
    cohort('all'),
    ...Array.from({ length: QUEUES }, (_, q) =>
      queue(`q${q}`, (nodes * 8) / QUEUES, { eviction: { preemptWithinQueue: evicts, reclaimWithinCohort: evicts } }),
    ),
  ];
  const cell = new Cell(cellSettings({ cohorts, admissionsMaxCount: 100 }));
  step(cell, { kind: 'add_nodes', nodes: Array.from({ length: nodes }, (_, n) => nodeSpec(n, { domains: { rack: `r${n >> 5}` } })) }, 0);
  return cell;
}

const waiting = (cell: Cell): number => [...cell.pending.all].reduce((sum, { jobs }) => sum + jobs.size, 0);

function percentiles(times: number[]): string {
  times.sort((a, b) => a - b);
  const at = (part: number): string => (times[Math.floor(times.length * part)] ?? 0).toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(0.99999)} ms over ${times.length} events`;
}

function measure(nodes: number, pending: number): void {
  const before = heapMb();
  const rng = new Seeded(pending);
  const cell = cellOf(nodes, false);
  let n = 0;
  const submit = (): number => timed(cell, { kind: 'submit', spec: shaped((n += 1), Math.floor(rng.next() * SHAPES)) }, n).ms;
  while (waiting(cell) < pending) for (let k = 0; k < 500; k++) submit();
  const times: number[] = [];
  let started = 0;
  const ids = [...cell.jobs.placed];
  for (let round = 0; round < 1_500; round++) {
    times.push(submit());
    const id = ids[Math.floor(rng.next() * ids.length)]!;
    const job = cell.jobs.find(id);
    if (job === undefined || job.attempt === null || job.attempt.startedAtMs === null) continue;
    const { ms, decisions } = timed(cell, { kind: 'report', jobId: id, fence: job.fence, news: { kind: 'completed' } }, n);
    times.push(ms);
    started += decisions.filter(({ kind }) => kind === 'start').length;
    cell.jobs.forget(id);
  }
  console.log(
    `  ${nodes} nodes, ${waiting(cell)} pending in ${[...cell.pending.all].length} classes, ${cell.jobs.placed.size} running: ` +
      `${percentiles(times)}, ${started} started; ${(heapMb() - before).toFixed(0)} MB`,
  );
}

/** Jobs of low priority fill the nodes; then jobs of higher priority preempt them, one by one. */
function measureEvictions(nodes: number): void {
  const rng = new Seeded(nodes);
  const cell = cellOf(nodes, true);
  let n = 0;
  for (let devices = 0; devices < nodes * 8; n += 1) {
    const spec = shaped(n, n % SHAPES);
    const [first] = spec.options;
    devices += first!.perNode.acceleratorCount * first!.nodes.min;
    step(cell, { kind: 'submit', spec: { ...spec, priority: 10 + (n % 3) } }, n);
  }
  const [evicting, others]: [number[], number[]] = [[], []];
  let victims = 0;
  const act = (event: CellEvent): void => {
    const { ms, decisions } = timed(cell, event, n);
    const told = decisions.flatMap((decision) => (decision.kind === 'notice' ? [decision] : []));
    (told.length > 0 ? evicting : others).push(ms);
    victims += told.length;
    for (const { jobId, fence } of told) act({ kind: 'report', jobId, fence, news: { kind: 'released' } });
  };
  for (let round = 0; round < 300; round++) act({ kind: 'submit', spec: shaped((n += 1), Math.floor(rng.next() * SHAPES)) });
  console.log(
    `  ${nodes} nodes, ${cell.jobs.placed.size} running: decisions that evict ${percentiles(evicting)} (${victims} victims); others ${percentiles(others)}`,
  );
}

function shaped(n: number, shape: number): JobSpec {
  const size = [1, 2, 4, 8, 8][shape % 5]!;
  const gang = shape % 10 === 9 ? 4 : 1;
  return jobSpec(n, {
    queue: `q${shape % QUEUES}`,
    priority: 50 + (shape % 3),
    options: [
      option(size, {
        perNode: demand(size, { cpuMilli: 1_000 + 100 * shape }),
        nodes: { min: gang, max: gang, step: 1 },
        topology: gang > 1 ? { level: 'rack', mode: 'required', block: false } : null,
      }),
    ],
    limits: { ...jobSpec(0).limits, durationMaxMs: 3_600_000 },
  });
}

/** Heap in use after a collection. */
function heapMb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1_048_576;
}

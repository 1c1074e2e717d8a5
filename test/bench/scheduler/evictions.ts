import type { JobId } from '../../../src/kernel/ids.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { AttemptNews } from '../../../src/scheduler/engine/cell/event.ts';
import type { CellDecision } from '../../../src/scheduler/engine/cell/records.ts';
import type { EvictionPolicy } from '../../../src/scheduler/engine/model/pool-spec.ts';
import { lostWork } from '../../../src/scheduler/engine/preemption/may-evict.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import { cellSettings, cohort, queue } from '../../support/worlds/cell-world.ts';
import { demand, jobSpec, nodeSpec, option } from '../../support/fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { Agenda } from '../../../src/scheduler/simulator/load/replay-jobs.ts';

const NODES = 64;
const HOUR_MS = 3_600_000;

type Happening =
  | { readonly kind: 'arrive'; readonly n: number; readonly isUrgent: boolean }
  | { readonly kind: 'save' | 'complete'; readonly jobId: JobId; readonly fence: number; readonly everyMs: number };

/** Work lost to evictions on a day of the same jobs, when the cheapest victims are chosen and when the most recent are. */
export function evictionsBench(quick: boolean): void {
  console.log(`\nevictions: ${NODES} nodes of 8; training jobs that save every 10 to 60 minutes, and urgent ones that make them leave`);
  const ratios: number[] = [];
  for (const seed of quick ? [1] : [1, 2, 3, 4, 5]) {
    const [cheapest, recent] = (['least_lost_work', 'most_recent'] as const).map((order) => day(seed, order));
    ratios.push(cheapest!.lostHours / recent!.lostHours);
    console.log(
      `  seed ${seed}: ${cheapest!.lostHours.toFixed(1)} accelerator hours lost in ${cheapest!.evictions} evictions; ` +
        `with the most recent as victims ${recent!.lostHours.toFixed(1)} in ${recent!.evictions}`,
    );
  }
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  console.log(`  mean ratio ${mean.toFixed(2)}; target <= 0.50`);
}

function day(seed: number, victimOrder: EvictionPolicy['victimOrder']): { readonly lostHours: number; readonly evictions: number } {
  const rng = new Seeded(seed);
  const below = (count: number): number => Math.floor(rng.next() * count);
  const cell = new Cell(cellSettings({ cohorts: [cohort('all'), queue('a', NODES * 8, { eviction: { victimOrder } })] }));
  step(cell, { kind: 'add_nodes', nodes: Array.from({ length: NODES }, (_, n) => nodeSpec(n)) }, 0);
  const agenda = new Agenda<Happening>();
  for (let n = 0; n < 600; n++) agenda.add(below(20 * HOUR_MS), { kind: 'arrive', n, isUrgent: false });
  for (let n = 600; n < 1_000; n++) agenda.add(below(24 * HOUR_MS), { kind: 'arrive', n, isUrgent: true });
  // Drawn beforehand, so that both days have the same jobs.
  const drawn = Array.from({ length: 1_000 }, () => ({
    size: [1, 1, 2, 4, 8][below(5)]!,
    runtimeMs: (1 + below(8)) * HOUR_MS,
    everyMs: [10, 20, 60, 60][below(4)]! * 60_000,
  }));
  let [lost, evictions] = [0, 0];
  const owner = new Map<JobId, (typeof drawn)[number]>();
  const act = (decisions: readonly CellDecision[], nowMs: number): void => {
    for (const decision of decisions) {
      if (decision.kind === 'start') {
        const { runtimeMs, everyMs } = owner.get(decision.jobId)!;
        const { jobId, fence } = decision;
        agenda.add(nowMs + runtimeMs, { kind: 'complete', jobId, fence, everyMs });
        agenda.add(nowMs + everyMs, { kind: 'save', jobId, fence, everyMs });
      } else if (decision.kind === 'notice') {
        lost += lostWork(cell.jobs.get(decision.jobId), nowMs);
        evictions += 1;
        report(decision.jobId, decision.fence, { kind: 'released' }, nowMs);
      }
    }
  };
  const report = (jobId: JobId, fence: number, news: AttemptNews, nowMs: number): void =>
    act(step(cell, { kind: 'report', jobId, fence, news }, nowMs).decisions, nowMs);
  for (let next = agenda.next(); next !== undefined && next.atMs < 24 * HOUR_MS; next = agenda.next()) {
    const { item, atMs } = next;
    if (item.kind === 'arrive') {
      const { size, runtimeMs } = drawn[item.n]!;
      const spec = jobSpec(item.n, {
        priority: item.isUrgent ? 90 : 10,
        preemptible: !item.isUrgent,
        options: [option(size, { perNode: demand(size) })],
        checkpoint: { intervalMs: 60_000, graceMs: 0, restartMs: 60_000 },
      });
      owner.set(spec.id, item.isUrgent ? { ...drawn[item.n]!, runtimeMs: runtimeMs / 2 } : drawn[item.n]!);
      act(step(cell, { kind: 'submit', spec }, atMs).decisions, atMs);
    } else if (cell.jobs.get(item.jobId).attempt?.fence === item.fence) {
      if (item.kind === 'save') agenda.add(atMs + item.everyMs, item);
      report(item.jobId, item.fence, { kind: item.kind === 'save' ? 'saved' : 'completed' }, atMs);
    }
  }
  return { lostHours: lost / (1_000 * HOUR_MS), evictions };
}

import { explain } from '../../../src/scheduler/engine/explain/explain.ts';
import { forecastStart } from '../../../src/scheduler/engine/explain/start-forecast.ts';
import { cellWays } from '../../support/oracles/apply-remedy.ts';
import { crowdedCell, waitingJobs } from '../../support/worlds/crowded-cell.ts';
import { cpuMs } from './cpu-ms.ts';

/** The cost of one explanation, with what would start the job, and of one forecast, in a crowd of few kinds and of many. */
export function explanationsBench(quick: boolean): void {
  console.log(
    '\nexplanations, CPU: all nodes of 8 taken, eviction allowed; target: p99 of an explanation <= 10 ms, of a forecast <= 10 ms',
  );
  for (const shapes of [50, 400]) {
    const crowd = { nodes: 100, pending: quick ? 1_000 : 10_000, shapes, queues: 10 };
    const { cell } = crowdedCell(crowd);
    const jobs = waitingJobs(cell, quick ? 20 : 50);
    const explained = jobs.map((job) => timed(() => explain(cell, job, cellWays(cell, job.spec.queue)).remedies.length));
    const foreseen = jobs.map((job) => timed(() => forecastStart(cell, job)?.seen ?? 0));
    console.log(
      `  ${crowd.nodes} nodes, ${crowd.pending} pending in ${[...cell.pending.all].length} classes, ${cell.jobs.placed.size} running:`,
    );
    console.log(`    explain ${percentiles(explained)}; ${explained.reduce((sum, { found }) => sum + found, 0)} remedies`);
    console.log(`    forecast ${percentiles(foreseen)}`);
  }
}

interface Timed {
  readonly ms: number;
  readonly found: number;
}

function timed(act: () => number): Timed {
  const startedMs = cpuMs();
  const found = act();
  return { ms: cpuMs() - startedMs, found };
}

function percentiles(all: readonly Timed[]): string {
  const times = all.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const at = (part: number): string => (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms over ${times.length}`;
}

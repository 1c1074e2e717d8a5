import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PUBLISHED_GAVEL, studyGavel } from '../../../src/scheduler/simulator/gavel/study.ts';
import { readGavel } from '../../../src/scheduler/simulator/gavel/read-gavel.ts';
import type { GavelTrace } from '../../../src/scheduler/simulator/gavel/read-gavel.ts';
import type { GavelRun } from '../../../src/scheduler/simulator/gavel/rounds.ts';
import { ServedGavel } from '../../support/worlds/served-gavel.ts';
import type { GavelRow } from '../../../src/scheduler/simulator/gavel/study.ts';
import { traceFile, valueOf } from './trace-file.ts';

const TYPES = ['v100', 'p100', 'k80'];
const RUN = { places: [36, 36, 36], roundS: 360, fromId: 4_000, toId: 5_000 } as const;

/** The average completion time through the cell that is served: a queue with a time slice, pools that report, every step stored. */
function servedHours(trace: GavelTrace, run: GavelRun): number {
  const { completionS } = new ServedGavel(trace, run).result();
  return completionS.reduce((sum, seconds) => sum + seconds, 0) / completionS.length / 3_600;
}

/** The average completion time on each `continuous_single` trace of a folder, beside Gavel's. */
export async function gavelTable(folder: string, quick: boolean): Promise<readonly (GavelRow & { readonly trace: string })[]> {
  const throughputs = await traceFile(join(folder, 'isolated_throughputs.json'));
  const traces = (await readdir(folder)).filter((name) => /^continuous_single\w*\.csv$/.test(name)).sort();
  const rates = quick ? [5.6] : [4, 4.8, 5.2, 5.6, 6];
  const rows: (GavelRow & { readonly trace: string })[] = [];
  for (const name of traces) {
    const trace = valueOf(readGavel(throughputs, await traceFile(join(folder, name)), TYPES));
    for (const jobsPerHour of rates) {
      const run = { ...RUN, jobsPerHour };
      rows.push(...studyGavel(trace, run, 60).map((row) => ({ ...row, trace: name })));
    }
    const served = new Map(rates.map((jobsPerHour) => [jobsPerHour, servedHours(trace, { ...RUN, jobsPerHour, checkpointS: 60 })]));
    console.log(`gavel: average completion time of jobs 4000 to 4999, hours; ${name}, 36 accelerators of each of ${TYPES.join(', ')}`);
    console.log(`  ${'jobs an hour'.padEnd(48)}${rates.map((rate) => String(rate).padStart(9)).join('')}`);
    for (const { policy, hours } of PUBLISHED_GAVEL) print(`${policy}, published`, rates, (rate) => hours[String(rate)]);
    const of = (policy: GavelRow['policy'], checkpointS: number) => (rate: number) =>
      rows.find((row) => row.trace === name && row.policy === policy && row.checkpointS === checkpointS && row.jobsPerHour === rate)
        ?.averageHours;
    print('FIFO, heterogeneity-aware, replica', rates, of('fifo', 0));
    print('Sluice', rates, of('sluice', 0));
    print('Sluice, a move costs 60 s', rates, of('sluice', 60));
    print('Sluice as served, a move costs 60 s', rates, (rate) => served.get(rate));
    console.log('');
  }
  return rows;
}

function print(title: string, rates: readonly number[], valueAt: (rate: number) => number | undefined): void {
  const cells = rates.map((rate) => (valueAt(rate)?.toFixed(2) ?? '-').padStart(9));
  console.log(`  ${title.padEnd(48)}${cells.join('')}`);
}

import { firstCome, leastAttained, runRounds } from './rounds.ts';
import type { GavelTrace } from './read-gavel.ts';
import type { GavelResult, GavelRun, Stay } from './rounds.ts';

export interface GavelRow {
  readonly policy: 'sluice' | 'fifo';
  readonly jobsPerHour: number;
  readonly checkpointS: number;
  readonly averageHours: number;
  readonly medianHours: number;
  readonly p99Hours: number;
  readonly longestHours: number;
  readonly movesPerRound: number;
  readonly utilisation: number;
}

/** The rows of a table: our policy as published ones are measured, then with moves that cost something, and the one that checks the simulator. */
export function studyGavel(
  trace: GavelTrace,
  run: Omit<GavelRun, 'checkpointS'>,
  checkpointS: number,
  onStay?: (stay: Stay) => void,
): readonly GavelRow[] {
  const row = (policy: GavelRow['policy'], costS: number, result: GavelResult): GavelRow => ({
    policy,
    jobsPerHour: run.jobsPerHour,
    checkpointS: costS,
    ...summaryOf(result),
  });
  return [
    row('sluice', 0, runRounds(trace, { ...run, checkpointS: 0 }, leastAttained, onStay)),
    row('sluice', checkpointS, runRounds(trace, { ...run, checkpointS }, leastAttained)),
    row('fifo', 0, runRounds(trace, { ...run, checkpointS: 0 }, firstCome)),
  ];
}

function summaryOf({ completionS, moves, rounds, utilisation }: GavelResult): Omit<GavelRow, 'policy' | 'jobsPerHour' | 'checkpointS'> {
  const hours = completionS.map((seconds) => seconds / 3_600).toSorted((a, b) => a - b);
  const at = (part: number): number => hours[Math.min(hours.length - 1, Math.floor(part * hours.length))] ?? 0;
  return {
    averageHours: hours.reduce((sum, value) => sum + value, 0) / hours.length,
    medianHours: at(0.5),
    p99Hours: at(0.99),
    longestHours: at(1),
    movesPerRound: moves / rounds,
    utilisation,
  };
}

/** Average job completion time, in hours. */
interface PublishedCompletion {
  readonly policy: string;
  /** By jobs an hour; absent where none was published. */
  readonly hours: Readonly<Partial<Record<string, number>>>;
}

/**
 * Gavel's own results for `continuous-single` on 36 accelerators of each of three types, means of three seeds, without preemption costs
 * (stanford-futuredata/gavel, `notebooks/figures/evaluation/continuous_jobs.ipynb`).
 */
export const PUBLISHED_GAVEL: readonly PublishedCompletion[] = [
  { policy: 'FIFO', hours: { '4': 25.38, '4.8': 99.19, '5.2': 151.67 } },
  { policy: 'FIFO, heterogeneity-aware', hours: { '0.4': 15.31, '4': 17.08, '4.8': 22.24, '5.2': 56.69, '5.6': 104.12, '6': 150.04 } },
  { policy: 'LAS', hours: { '4': 23.49, '4.8': 35.79, '5.2': 63.78, '5.6': 95.99 } },
  { policy: 'AlloX', hours: { '4': 17.13, '4.8': 20.92, '5.2': 21.96, '5.6': 25.32 } },
  { policy: 'Gavel', hours: { '4': 16.82, '4.8': 18.97, '5.2': 22.02, '5.6': 28.96, '6': 41.23 } },
  { policy: 'Gavel, with space sharing', hours: { '4': 16.96, '4.8': 18.67, '5.2': 19.14, '5.6': 19.64, '6': 20.42 } },
];

import { firstCome, leastAttained } from './gavel-policy.ts';
import type { GavelTrace } from './gavel-trace.ts';
import type { GavelResult, GavelRun, Stay } from './rounds.ts';
import { runRounds } from './rounds.ts';

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

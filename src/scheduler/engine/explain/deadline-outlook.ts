import type { RunEstimate, RunsSeen, RunTerms } from '../model/run-estimate.ts';
import { isLate, runEstimate } from '../model/run-estimate.ts';

/**
 * `met`: it will be done in time by all that is known. `missed`: by the work that its owner states it will not, even if it starts at the earliest.
 * `at_risk`: it may run for longer, or start later, than that. `unknown`: nothing says how long it runs.
 */
export type DeadlineVerdict = 'met' | 'at_risk' | 'missed' | 'unknown';

/** Whether an attempt by one of the options of a job is done by the deadline, and why. Plain data. */
export interface OptionOutlook {
  readonly option: number;
  readonly verdict: DeadlineVerdict;
  /** How long it runs there, and what says so; null: nothing does. */
  readonly run: RunEstimate | null;
  /** The earliest it starts, and when it would end then; null: nothing says. */
  readonly startMs: number;
  readonly endMs: number | null;
  /** The latest it can start and be done in time. */
  readonly startByMs: number | null;
}

export interface DeadlineOutlook {
  readonly deadlineAtMs: number;
  /** By the option that it has, or the best that it may have. */
  readonly verdict: DeadlineVerdict;
  readonly options: readonly OptionOutlook[];
}

/** When an attempt by an option starts. */
export interface OptionStart {
  readonly option: number;
  readonly nodes: number;
  readonly earliestMs: number;
  /** Null: that is not known; absent: it starts at the earliest. */
  readonly latestMs?: number | null;
}

/** Null where a job has no deadline. */
export function deadlineOutlook(terms: RunTerms, starts: readonly OptionStart[], seen?: RunsSeen): DeadlineOutlook | null {
  const { deadlineAtMs } = terms;
  if (deadlineAtMs === null) return null;
  const options = starts.map((start): OptionOutlook => {
    const run = runEstimate(terms, start.option, start.nodes, seen);
    return {
      option: start.option,
      verdict: verdictOf(terms, run, start),
      run,
      startMs: start.earliestMs,
      endMs: run && start.earliestMs + run.runMs,
      startByMs: run && deadlineAtMs - run.runMs,
    };
  });
  const verdict = BEST_FIRST.find((one) => options.some((option) => option.verdict === one)) ?? 'unknown';
  return { deadlineAtMs, verdict, options };
}

const BEST_FIRST: readonly DeadlineVerdict[] = ['met', 'at_risk', 'unknown', 'missed'];

function verdictOf(terms: RunTerms, run: RunEstimate | null, { earliestMs, latestMs = earliestMs }: OptionStart): DeadlineVerdict {
  if (run === null) return 'unknown';
  if (isLate(terms, run, earliestMs)) return run.source === 'stated' ? 'missed' : 'at_risk';
  return latestMs === null || isLate(terms, run, latestMs) ? 'at_risk' : 'met';
}

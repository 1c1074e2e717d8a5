import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import type { CalibrationCurve } from './isotonic.ts';
import { fitIsotonic } from './isotonic.ts';

/** Confidences lie in [0, 1], and are counted in so many steps. */
const CONFIDENCE_STEPS = 64;

/** What was counted of a cascade: sums, so that those of isolates can be added. */
export interface CascadeCounts {
  readonly requests: number;
  readonly escalated: number;
  /** Not sure enough, and kept because of the cap. */
  readonly capped: number;
  readonly shadows: number;
  readonly shadowNano: number;
  /** By step of confidence: how many answers of both models were compared, and the sum of how well they agreed. */
  readonly outcomes: readonly number[];
  readonly qualities: readonly number[];
}

const NO_STEPS: readonly number[] = Array.from({ length: CONFIDENCE_STEPS }, () => 0);

export const NO_COUNTS: CascadeCounts = {
  requests: 0,
  escalated: 0,
  capped: 0,
  shadows: 0,
  shadowNano: 0,
  outcomes: NO_STEPS,
  qualities: NO_STEPS,
};

/** One comparison. `quality`: from 0 to 1. */
export function outcomeCounts(confidence: number, quality: number): CascadeCounts {
  const step = Math.min(CONFIDENCE_STEPS - 1, Math.max(0, Math.floor(confidence * CONFIDENCE_STEPS)));
  const only = (value: number): number[] => NO_STEPS.map((_, at) => (at === step ? value : 0));
  return { ...NO_COUNTS, outcomes: only(1), qualities: only(quality) };
}

export function addCounts(left: CascadeCounts, right: CascadeCounts): CascadeCounts {
  return {
    requests: left.requests + right.requests,
    escalated: left.escalated + right.escalated,
    capped: left.capped + right.capped,
    shadows: left.shadows + right.shadows,
    shadowNano: left.shadowNano + right.shadowNano,
    outcomes: added(left.outcomes, right.outcomes),
    qualities: added(left.qualities, right.qualities),
  };
}

const added = (a: readonly number[], b: readonly number[]): number[] => NO_STEPS.map((_, at) => (a[at] ?? 0) + (b[at] ?? 0));

const half = (values: readonly number[]): number[] => values.map((value) => value / 2);

export const outcomeCount = ({ outcomes }: CascadeCounts): number => outcomes.reduce((sum, count) => sum + count, 0);

/** Beyond `calibrationOutcomesMaxCount` comparisons, all of them count for half. [U174] */
export function faded(counts: CascadeCounts): CascadeCounts {
  if (outcomeCount(counts) <= ROUTE_LIMITS.calibrationOutcomesMaxCount) return counts;
  return { ...counts, outcomes: half(counts.outcomes), qualities: half(counts.qualities) };
}

/**
 * The agreement that is expected from each confidence on. Which answers are compared depends on their confidence and on chance alone, never on
 * whether they agree: so the share that agrees at a confidence is unbiased, however few of them are compared there. [U174]
 */
export const curveOf = ({ outcomes, qualities }: CascadeCounts): CalibrationCurve =>
  fitIsotonic(
    outcomes.flatMap((count, step) =>
      count > 0 ? [{ score: step / CONFIDENCE_STEPS, quality: (qualities[step] ?? 0) / count, count }] : [],
    ),
  );

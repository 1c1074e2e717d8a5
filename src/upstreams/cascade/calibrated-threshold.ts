import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import type { CalibrationCurve, ScoredOutcome } from './isotonic.ts';

/** Answers with a lower confidence are escalated. */
export type Threshold = number | { readonly quality: number };

/** Above every confidence: all answers are escalated. */
export const ESCALATE_ALL = Number.POSITIVE_INFINITY;

/**
 * The confidence below which a cascade asks its teacher. A threshold that is given as a quality is the lowest confidence at which the curve
 * expects it; without a curve of enough outcomes it is not known that the student reaches it. [U96]
 */
export function thresholdOf(threshold: Threshold, curve: CalibrationCurve | undefined): number {
  if (typeof threshold === 'number') return threshold;
  if (curve === undefined || curve.outcomes < ROUTE_LIMITS.calibrationOutcomesMinCount) return ESCALATE_ALL;
  const at = curve.qualities.findIndex((quality) => quality >= threshold.quality);
  return curve.scores[at] ?? ESCALATE_ALL;
}

/** The confidence below which the share `escalated` of the outcomes lies, at most: for a cascade that may cost so much. */
export function thresholdForShare(outcomes: readonly ScoredOutcome[], escalated: number): number {
  const scores = outcomes.map(({ score }) => score).sort((left, right) => left - right);
  return scores[Math.floor(escalated * scores.length)] ?? ESCALATE_ALL;
}

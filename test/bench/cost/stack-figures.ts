import type { Assumed } from '../../../src/capacity/assumptions.ts';
import type { CorrectedMean } from '../cascade/corrected-interval.ts';
import { correctedMean } from '../cascade/corrected-interval.ts';
import type { HeldOut, Measure } from './held-out-student.ts';
import type { Replayed, Setting, StepName } from './stack.ts';
import { replay, STEP_NAMES, stepsAt, thresholdForLoss } from './stack.ts';
import type { Place } from './teacher-runs.ts';
import { callsOf, TRACE } from './trace-repeats.ts';
import type { CostSamples } from './unit-costs.ts';
import { unitCosts } from './unit-costs.ts';

/** What a replay is made of, but for the ways to serve it. */
export interface Replayable {
  readonly splits: readonly HeldOut[];
  readonly samples: CostSamples;
  readonly prices: Assumed;
  readonly repeatRate: number;
  readonly measure: Measure;
  /** The nDCG that may be lost, as a share. */
  readonly lossMax: number;
}

/** Each setting on the held-out texts of each split: one row a setting, one entry a split. */
export function replaySplits(
  { splits, samples, prices, repeatRate, measure, lossMax }: Replayable,
  settings: readonly Setting[],
): Promise<Replayed[][]> {
  return Promise.all(
    settings.map((setting) =>
      Promise.all(
        splits.map(({ [measure]: { calibration, tested } }, split) =>
          replay(
            {
              calls: callsOf(tested.length, TRACE, repeatRate, split + 1),
              texts: tested,
              costs: unitCosts(samples, split + 1),
              prices,
              threshold: thresholdForLoss(calibration, lossMax),
            },
            setting,
          ),
        ),
      ),
    ),
  );
}

/** One step of the stack, over all splits. */
export interface StepFigures {
  readonly name: StepName;
  readonly usdPerMillion: number;
  /** Of what all steps together save. */
  readonly share: number;
  /** nDCG@10 that is lost against the teacher, as a share. */
  readonly loss: CorrectedMean;
  readonly escalated: number;
}

export interface StackFigures {
  readonly steps: readonly StepFigures[];
  /** How many times cheaper than the baseline all steps together are. */
  readonly total: CorrectedMean;
  /** The step at which the calls are cheapest: what follows costs more than it saves. */
  readonly best: { readonly upTo: StepName; readonly factor: CorrectedMean };
  /** The same against the teacher in int8, in batches of 16, behind the cache. */
  readonly ofSensible: CorrectedMean;
  /** Against the baseline, the requests that bring the texts included. */
  readonly withRequests: CorrectedMean;
}

/** The steps at one place, one after the other on the same calls. */
export async function stackFigures(replayable: Replayable, place: Place): Promise<StackFigures> {
  const { splits } = replayable;
  const settings = stepsAt(place);
  const rows = await replaySplits(
    replayable,
    STEP_NAMES.map((name) => settings[name]),
  );
  const at = (name: StepName, split: number): Replayed => rows[STEP_NAMES.indexOf(name)]![split]!;
  const over = (of: (split: number) => number): CorrectedMean =>
    correctedMean(
      splits.map((_, split) => of(split)),
      splits[0]!.testShare,
    );
  const usd = (name: StepName, split: number): number => at(name, split).usdPerMillion;
  const withRequests = (name: StepName, split: number): number => usd(name, split) + at(name, split).requestUsdPerMillion;
  const factor = (from: StepName, to: StepName, of = usd): CorrectedMean => {
    // Factors multiply, so their logarithms are averaged.
    const { mean, low, high } = over((split) => Math.log(of(from, split) / of(to, split)));
    return { mean: Math.exp(mean), low: Math.exp(low), high: Math.exp(high) };
  };
  const saved = (name: StepName, before: StepName, split: number): number => usd(before, split) - usd(name, split);
  const usdOf = (name: StepName): number => over((split) => usd(name, split)).mean;
  const best = STEP_NAMES.reduce((cheapest, name) => (usdOf(name) < usdOf(cheapest) ? name : cheapest));
  return {
    steps: STEP_NAMES.map((name, step) => ({
      name,
      usdPerMillion: usdOf(name),
      share: over((split) => saved(name, STEP_NAMES[step - 1] ?? name, split) / saved(LAST, 'baseline', split)).mean,
      loss: over((split) => 1 - at(name, split).ndcg / at('baseline', split).ndcg),
      escalated: over((split) => at(name, split).escalated).mean,
    })),
    total: factor('baseline', LAST),
    best: { upTo: best, factor: factor('baseline', best) },
    ofSensible: factor('batches of 16', LAST),
    withRequests: factor('baseline', LAST, withRequests),
  };
}

const LAST = 'pruned student' satisfies StepName;

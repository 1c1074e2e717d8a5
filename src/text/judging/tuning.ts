import type { Measure } from '../../contract/vectors/judged/measure-names.ts';
import { must } from '../../kernel/assert.ts';
import type { Leg } from '../fusion/fuse.ts';
import { fuse } from '../fusion/fuse.ts';
import type { Tuned } from './cross-validation.ts';
import { crossValidate } from './cross-validation.ts';
import type { Gains } from './measures.ts';
import { measured } from './measures.ts';
import type { FusionSetting } from './settings-grid.ts';
import { settingsGrid } from './settings-grid.ts';

/** What one leg found of one query. */
export type RecordedLeg = Omit<Leg, 'weight'>;

/** One query with what the legs found, recorded once, so that a setting costs no search. */
export interface RecordedQuery {
  readonly gains: Gains;
  /** What the search in use found, best first. */
  readonly inUse: readonly string[];
  /**
   * By variant, its legs: what the engines found under settings of their own, such as k1 and b of BM25. Every variant of every query has the same legs in
   * the same order.
   */
  readonly variants: readonly (readonly RecordedLeg[])[];
}

/** What may be chosen: how legs are merged, and under which variant they searched. */
export interface TunableSetting extends FusionSetting {
  /** A position among the variants of the queries. */
  readonly variant: number;
}

export interface TunedSearch extends Omit<Tuned, 'best'> {
  /** Null: no setting is better than the search in use. */
  readonly best: TunableSetting | null;
  /** Whether it is worth a change: the held-out gain is positive and significant. */
  readonly isBetter: boolean;
}

/** Chooses the variant, the fusion and the weights by cross-validation over recorded queries, at least five, against the search in use. */
export function tuneSearch(queries: readonly RecordedQuery[], measure: Measure, seed: number): TunedSearch {
  const { variants } = must(queries[0], 'at least five queries were recorded');
  const settings = variants.flatMap((legs, variant) => settingsGrid(legs.length).map((setting) => ({ ...setting, variant })));
  const inUse = Float64Array.from(queries, (query) => measured(query.inUse, query.gains, measure));
  const figures = settings.map(({ fusion, weights, variant }) =>
    Float64Array.from(queries, (query) => {
      const legs = must(query.variants[variant], 'every query was recorded under every variant');
      const { ids } = fuse(
        legs.map((leg, at) => ({ ...leg, weight: must(weights[at], 'a weight of each leg') })),
        fusion,
      );
      return measured(ids, query.gains, measure);
    }),
  );
  const { best, ...tuned } = crossValidate([inUse, ...figures], 0, seed);
  const isBetter = best !== 0 && tuned.heldOut.isSignificant && tuned.heldOut.difference.value > 0;
  return { ...tuned, best: settings[best - 1] ?? null, isBetter };
}

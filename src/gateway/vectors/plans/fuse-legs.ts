import type { FusionChoice } from '../../../contract/vectors/plans/fusion.ts';
import type { Leg } from '../../../contract/vectors/plans/legs.ts';
import { must } from '../../../kernel/assert.ts';
import { chooseFusion, EXPECTED_QUALITY } from '../../../text/fusion/default-rule.ts';
import type { Fusion } from '../../../text/fusion/fuse.ts';
import { fuse } from '../../../text/fusion/fuse.ts';
import type { Ranking } from './ranking.ts';
import { idsOf } from './ranking.ts';
import type { SettingsUse, TunedLegs } from './tuned-legs.ts';

/** How rankings became one. */
export interface Decision {
  /** Null: there was one leg. */
  readonly fusion: Fusion | null;
  /** Of each leg. */
  readonly weights: readonly number[];
  readonly basis: 'asked' | 'tuned' | 'judged' | 'expected';
  /** What the search settings of the index are to it; null: it has none. */
  readonly settings: SettingsUse | null;
}

type Merging = Omit<Decision, 'fusion' | 'settings'> & { readonly fusion: Fusion };

interface Weighed {
  readonly kind: Leg['kind'];
  readonly ranking: Ranking;
  readonly weight: number | undefined;
  /** What the vectors that it searches near are expected to reach, or else those of the index: a share of BM25. */
  readonly vectorQuality: number;
  /** What search settings call it. */
  readonly tunedKey: string | null;
}

/** What a leg of a kind reaches where nothing is known of it but the model of the vectors. */
const expectedOf = (vectorQuality: number): Readonly<Record<Leg['kind'], number>> => ({
  vector: vectorQuality,
  text: EXPECTED_QUALITY.words,
  sparse: EXPECTED_QUALITY.sparseEncoder,
  ids: EXPECTED_QUALITY.words,
  plan: Math.max(vectorQuality, EXPECTED_QUALITY.words),
});

/**
 * One ranking of several, by the fusion that was asked for, the settings of the index or the default rule. A single one is taken as it is. [TX263]
 * [TX323]
 */
export function fuseLegs(
  legs: readonly Weighed[],
  choice: FusionChoice,
  tuned: TunedLegs | null,
): { readonly ranking: Ranking; readonly decision: Decision } {
  const keys = legs.map(({ tunedKey }) => tunedKey);
  const settings = tuned?.useOf(keys, choice) ?? null;
  const [first] = legs;
  if (first !== undefined && legs.length === 1) {
    return { ranking: first.ranking, decision: { fusion: null, weights: [first.weight ?? 1], basis: 'asked', settings } };
  }
  const decision = { ...decided(legs, choice, tuned, settings), settings };
  const columns = legs.map(({ ranking }, at) => ({
    ids: idsOf(ranking),
    scores: ranking.map(({ score }) => score),
    weight: must(decision.weights[at], 'every leg has a weight'),
  }));
  const { ids, scores } = fuse(columns, decision.fusion);
  return { ranking: ids.map((id, at) => ({ id, score: must(scores[at], 'every id has a score') })), decision };
}

/** Weights that a plan names count beside those that the settings or the default rule have. */
function decided(legs: readonly Weighed[], choice: FusionChoice, tuned: TunedLegs | null, settings: SettingsUse | null): Merging {
  const asked = legs.map(({ weight = 1 }) => weight);
  if (choice.kind !== 'auto') return { fusion: choice, weights: asked, basis: 'asked' };
  const beside = (weights: readonly number[]) => weights.map((weight, at) => weight * (asked[at] ?? 1));
  if (tuned !== null && settings === 'used') {
    return { fusion: tuned.fusion, weights: beside(legs.map(({ tunedKey }) => tuned.weightOf(tunedKey))), basis: 'tuned' };
  }
  const known = legs.map(({ kind, ranking, vectorQuality, tunedKey }) => ({
    scores: ranking.map(({ score }) => score),
    judged: tuned?.qualityOf(tunedKey) ?? null,
    expected: expectedOf(vectorQuality)[kind],
  }));
  const { fusion, weights, basis } = chooseFusion(known);
  return { fusion, weights: beside(weights), basis };
}

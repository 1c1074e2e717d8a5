import { assert } from '../../kernel/assert.ts';

/** What one way to search found. */
export interface Leg {
  /** Best first, each once. */
  readonly ids: readonly string[];
  /** Of each id, finite and larger for better ones, descending. */
  readonly scores: ArrayLike<number>;
  /** What the leg counts for, at least 0; only its ratio to the others' matters for the order. */
  readonly weight: number;
}

/**
 * How legs become one ranking; in each, a document scores the sum over the legs that found it of the leg's weight times
 *
 * - `rrf`: 1 / (k + rank), ranks from 1 (reciprocal rank fusion, Cormack, Clarke and Büttcher 2009);
 * - `sum` by `min_max`: where its score lies between the leg's least (0) and greatest (1), 1 if all are equal (relative scores); by `none`: its
 *   score as it is, which compares only legs of one scale;
 * - `dbsf`: where its score lies between three standard deviations below the leg's mean (0) and three above (1), cut to that; ½ if all are equal
 *   (distribution-based score fusion, Mazzeschi 2023).
 */
export type Fusion =
  | { readonly kind: 'rrf'; readonly k: number }
  | { readonly kind: 'sum'; readonly normaliser: 'min_max' | 'none' }
  | { readonly kind: 'dbsf' };

/** k of reciprocal rank fusion where none is named: the authors' choice, which hardly matters between 20 and 100. */
export const RRF_K = 60;

/** One ranking of several legs, best first. */
export interface Fused {
  readonly ids: readonly string[];
  readonly scores: Float64Array;
  /** By leg, the rank of each id there, from 1; 0 where the leg did not find it. */
  readonly ranks: readonly Uint32Array[];
}

/**
 * Merges legs into one ranking. A document that a leg did not find has nothing from it, and weights are taken as they are: what an empty leg
 * would have added is not spread over the others, so scores of a query whose leg finds nothing compare with each other alone. Equal scores are
 * ordered by id, by code units; sums are in the order of the legs.
 */
export function fuse(legs: readonly Leg[], fusion: Fusion): Fused {
  const places = new Map<string, { score: number; ranks: number[] }>();
  legs.forEach((leg, at) => {
    assert(Number.isFinite(leg.weight) && leg.weight >= 0, 'a weight is finite and not negative');
    const share = shareOf(leg, fusion);
    leg.ids.forEach((id, i) => {
      let place = places.get(id);
      if (place === undefined) places.set(id, (place = { score: 0, ranks: legs.map(() => 0) }));
      assert(place.ranks[at] === 0, 'a leg finds an id once');
      place.ranks[at] = i + 1;
      place.score += leg.weight * share(i);
    });
  });
  const ranking = [...places].sort(([a, { score: scoreA }], [b, { score: scoreB }]) => scoreB - scoreA || (a < b ? -1 : 1));
  return {
    ids: ranking.map(([id]) => id),
    scores: Float64Array.from(ranking, ([, { score }]) => score),
    ranks: legs.map((_, at) => Uint32Array.from(ranking, ([, { ranks }]) => ranks[at] ?? 0)),
  };
}

/** What the document at a position of a leg has from it, before the weight. */
function shareOf({ scores }: Leg, fusion: Fusion): (position: number) => number {
  const scoreAt = (position: number): number => scores[position]!;
  switch (fusion.kind) {
    case 'rrf':
      return (position) => 1 / (fusion.k + position + 1);
    case 'sum':
      return fusion.normaliser === 'none' ? scoreAt : relativeTo(scores);
    case 'dbsf': {
      const { mean, deviation } = spreadOf(scores);
      // Scores that are equal but for rounding have no distribution.
      if (deviation <= Number.EPSILON * Math.abs(mean)) return () => 0.5;
      return (position) => Math.min(1, Math.max(0, 0.5 + (scoreAt(position) - mean) / (6 * deviation)));
    }
  }
}

/** Where the score at a position lies between the least of the scores and the greatest, which come last and first; 1 if they are equal. */
export function relativeTo(scores: ArrayLike<number>): (position: number) => number {
  const [greatest, least] = [scores[0] ?? 0, scores[scores.length - 1] ?? 0];
  return greatest === least ? () => 1 : (position) => (scores[position]! - least) / (greatest - least);
}

/** The mean of scores and their standard deviation as a sample; a single one has none. */
function spreadOf(scores: ArrayLike<number>): { readonly mean: number; readonly deviation: number } {
  const { length } = scores;
  let sum = 0;
  for (let i = 0; i < length; i++) sum += scores[i]!;
  const mean = sum / length;
  let squares = 0;
  for (let i = 0; i < length; i++) squares += (scores[i]! - mean) ** 2;
  return { mean, deviation: length < 2 ? 0 : Math.sqrt(squares / (length - 1)) };
}

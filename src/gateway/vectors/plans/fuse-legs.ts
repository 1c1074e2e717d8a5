import type { FusionChoice } from '../../../contract/vectors/plans/fusion.ts';
import type { Fusion } from '../../../text/fusion/fuse.ts';
import { fuse } from '../../../text/fusion/fuse.ts';
import { must } from '../../../kernel/assert.ts';
import type { Ranking } from './ranking.ts';

/** How rankings became one. */
export interface Decision {
  readonly fusion: Fusion | null;
  /** Of each leg. */
  readonly weights: readonly number[];
  readonly reason: string;
}

interface Weighed {
  readonly ranking: Ranking;
  readonly weight: number | undefined;
}

/** One ranking of several, by the fusion that was asked for or by the default rule. A single one is taken as it is. [TX263] */
export function fuseLegs(legs: readonly Weighed[], choice: FusionChoice): { readonly ranking: Ranking; readonly decision: Decision } {
  const weights = legs.map(({ weight }) => weight ?? 1);
  if (legs.length === 1) {
    const { ranking } = must(legs[0], 'there is one leg');
    return { ranking, decision: { fusion: null, weights, reason: 'there is one leg' } };
  }
  const fusion = fusionOf(choice);
  const { ids, scores } = fuse(
    legs.map(({ ranking }, at) => ({ ...ranking, weight: weights[at]! })),
    fusion,
  );
  const reason = choice.kind === 'auto' ? 'nothing is known of the legs: equal weights' : 'as asked for';
  return { ranking: { ids, scores: [...scores] }, decision: { fusion, weights, reason } };
}

function fusionOf(choice: FusionChoice): Fusion {
  switch (choice.kind) {
    case 'rrf':
      return { kind: 'rrf', k: choice.k };
    case 'dbsf':
      return { kind: 'dbsf' };
    case 'sum':
      return { kind: choice.normaliser === 'none' ? 'sum' : 'relative' };
    case 'auto':
      return { kind: 'relative' };
  }
}

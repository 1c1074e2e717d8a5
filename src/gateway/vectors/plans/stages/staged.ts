import type { FieldPath } from '../../../../contract/api/field-path.ts';
import type { Scalar } from '../../../../contract/vectors/filter.ts';
import type { Stage } from '../../../../contract/vectors/plans/stages.ts';
import type { TokensUsed } from '../../vector-space.ts';
import type { Ranking } from '../ranking.ts';

/** A ranking on its way through the stages. */
export interface Candidates {
  readonly ranking: Ranking;
  /** The value of each id that a stage has grouped it by. */
  readonly groups?: ReadonlyMap<string, Scalar>;
}

/** What a stage makes of the first candidates. */
export interface Staged extends Candidates {
  /** Candidates that it cannot score: they follow as they were. */
  readonly unscored?: Ranking;
  readonly isCut?: boolean;
  readonly used?: TokensUsed;
}

/** What one stage did. */
export interface RanStage {
  readonly at: FieldPath;
  readonly kind: Stage['kind'];
  readonly tookMs: number;
  readonly candidatesIn: number;
  readonly lookedAt: number;
  readonly after: Ranking;
  /** Whether it has looked at fewer than it would have, for want of time. */
  readonly isCut: boolean;
}

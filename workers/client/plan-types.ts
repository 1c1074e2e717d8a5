import type { Formula } from '../../src/contract/vectors/plans/formula.ts';
import type { GroupLeg, IdsLeg, SparseLeg, TextLeg, VectorLeg } from '../../src/contract/vectors/plans/legs.ts';
import type { WrittenPlan } from '../../src/contract/vectors/plans/plans.ts';
import type { ReplyOf, Search, Vector, WithFloats } from './wire-types.ts';

type Filtered = Pick<Search, 'filter'>;

interface LegGroup {
  readonly legs: readonly PlanLeg[];
  readonly fusion?: WrittenPlan['fusion'];
}

/** `prefetch`: legs that are searched first; the leg ranks only what they found. */
type Narrowed = Filtered & { readonly prefetch?: LegGroup & { readonly limit?: number } };

type Written<Leg, Own = unknown> = Omit<Leg, keyof Narrowed | keyof Own> & Own;

/** One search of a plan. */
export type PlanLeg =
  | Written<VectorLeg, Narrowed & Partial<Pick<VectorLeg, 'field' | 'exact'>> & { readonly vector?: Vector }>
  | Written<TextLeg, Narrowed>
  | Written<SparseLeg, Narrowed>
  | Written<IdsLeg, Filtered>
  | Written<GroupLeg, Filtered & LegGroup>;

/** What an expression need not say. */
interface FormulaDefaults {
  readonly missing?: number;
  readonly at_scale?: number;
  /** Also an RFC 3339 time. */
  readonly origin?: number | string;
}

type WrittenFormula<F> = F extends { readonly of: readonly Formula[] }
  ? Omit<F, 'of'> & { readonly of: readonly PlanFormula[] }
  : F extends { readonly of: Formula }
    ? Omit<F, 'of' | keyof FormulaDefaults> & Pick<FormulaDefaults, 'at_scale' | 'origin'> & { readonly of: PlanFormula }
    : F extends { readonly missing: number }
      ? Omit<F, 'missing'> & Pick<FormulaDefaults, 'missing'>
      : F;

/** A number of a match, made of its score and its metadata. */
export type PlanFormula = WrittenFormula<Formula>;

type SentStage = NonNullable<WrittenPlan['stages']>[number];
type WrittenStage<S> = S extends { readonly kind: 'formula' }
  ? Omit<S, 'score'> & { readonly score: PlanFormula }
  : S extends { readonly kind: 'max_sim' }
    ? Omit<S, 'vectors'> & { readonly vectors?: readonly Vector[] }
    : S;

/** What happens to the ranking that the legs made. */
export type PlanStage = WrittenStage<SentStage>;

/** A search by several ways at once: by `text` as the index is made, or by `legs`. */
export type Plan = Omit<WrittenPlan, 'legs' | 'stages'> & { readonly legs?: readonly PlanLeg[]; readonly stages?: readonly PlanStage[] };

export type PlanMatch = WithFloats<ReplyOf<'searchIndex'>['matches'][number]>;
export type PlanResult = Omit<ReplyOf<'searchIndex'>, 'matches'> & { readonly matches: PlanMatch[] };

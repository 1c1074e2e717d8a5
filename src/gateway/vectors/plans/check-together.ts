import { mmrProducts } from '../../../ann/shard/mmr.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { ok } from '../../../kernel/result.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import { PLAN_LIMITS } from '../../../contract/vectors/plans/plan-limits.ts';
import { limitOf } from '../../../contract/vectors/plans/legs.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { CheckedPlan } from './check-plan.ts';
import type { PlacedPlan } from './plan-texts.ts';
import { vectorDimensions } from './known-fields.ts';

/** What plans of one call may be together, though each may be as much: the limit, what of a plan counts, and its words. */
const BOUNDS = [
  {
    limit: 'planBatchLegsMaxCount',
    bound: PLAN_LIMITS.planBatchLegsMaxCount,
    of: ({ legs }: CheckedPlan): number => legs.length,
    words: (count: number): string => `have ${count} legs together`,
  },
  {
    limit: 'batchMatchesMaxCount',
    bound: VECTOR_LIMITS.batchMatchesMaxCount,
    of: ({ legs, body }: CheckedPlan): number =>
      legs.reduce((sum, { leg }) => sum + (leg.kind === 'plan' ? 0 : limitOf(leg, body.offset + body.top_k)), 0),
    words: (count: number): string => `ask for ${count} matches of legs together`,
  },
  {
    limit: 'planBatchCandidatesMaxCount',
    bound: PLAN_LIMITS.planBatchCandidatesMaxCount,
    of: ({ body }: CheckedPlan): number => body.stages.reduce((sum, { depth }) => sum + depth, 0),
    words: (count: number): string => `have stages that look at ${count} candidates together`,
  },
  {
    limit: 'retrievalReplyFloatsMaxCount',
    bound: VECTOR_LIMITS.retrievalReplyFloatsMaxCount,
    of: ({ body }: CheckedPlan, { dimensions }: IndexManifest): number => (body.include_values ? dimensions * body.top_k : 0),
    words: (count: number): string => `ask for ${count} numbers together`,
  },
  {
    limit: 'mmrProductsMaxCount',
    bound: VECTOR_LIMITS.mmrProductsMaxCount,
    of: ({ body: { stages, offset, top_k: topK } }: CheckedPlan, manifest: IndexManifest): number =>
      stages.reduce((sum, stage) => {
        if (stage.kind !== 'mmr') return sum;
        const { depth, field } = stage;
        return sum + mmrProducts(depth, Math.min(depth, offset + topK), vectorDimensions(manifest, field));
      }, 0),
    words: (count: number): string => `have \`mmr\` stages that take ${count} multiplications together`,
  },
] as const;

/** Refuses plans that are too much together, naming the first that is. [TX284] */
export function checkTogether(manifest: IndexManifest, plans: readonly PlacedPlan[]): Outcome<null> {
  if (plans.length === 1) return ok(null);
  for (const { limit, bound, of, words } of BOUNDS) {
    let value = 0;
    for (const { plan, at } of plans) {
      value += of(plan, manifest);
      if (value > bound) return refuseBeyond({ path: at, limit, value, what: `the searches up to this one ${words(value)}` });
    }
  }
  return ok(null);
}

import * as z from 'zod';

import { about } from '../../api/api-text.ts';
import { jsonDepth } from '../../api/json-value.ts';
import { exactlyOneOf } from '../../api/presence.ts';
import { modelName } from '../../embeddings/embedding-fields.ts';
import { EMBEDDING_LIMITS } from '../../embeddings/embedding-limits.ts';
import { text, vectorFloats } from '../vector-fields.ts';
import { VECTOR_LIMITS } from '../vector-limits.ts';
import type { Formula } from './formula.ts';
import { formula, partsOf, propertyPath } from './formula.ts';
import { fieldName, vectorField } from './legs.ts';
import { PLAN_LIMITS } from './plan-limits.ts';

const { planStageDepthDefaultCount, planStageDepthMaxCount, formulaNodesMaxCount, formulaDepthMax } = PLAN_LIMITS;

const depthTo = (most: number) =>
  z
    .int()
    .min(1)
    .max(most)
    .default(Math.min(most, planStageDepthDefaultCount))
    .meta(about('How many of the first candidates it looks at: they come first, in its order, and the others behind them as they were.'));

const depth = depthTo(planStageDepthMaxCount);

const maxSim = exactlyOneOf(
  z.strictObject({
    kind: z.literal('max_sim'),
    field: fieldName.meta(about('A multi-vector field.')),
    vectors: z.array(vectorFloats).min(1).max(PLAN_LIMITS.maxSimVectorsMaxCount).optional(),
    text: text.optional().meta(about("Made vectors by the field's model.")),
    depth,
  }),
  ['vectors', 'text'],
  'give either `vectors` or `text`',
);

const rerank = z.strictObject({
  kind: z.literal('rerank'),
  model: modelName.meta(about('A cross-encoder, or an embedding model, whose cosine counts.')),
  text: text.optional().meta(about("What to rank by. Absent: the plan's `text`, else that of its first leg that has one.")),
  depth: depthTo(EMBEDDING_LIMITS.rerankDocumentsMaxCount),
});

/** Refuses a formula of too many expressions, or too deep. */
function checkFormula(whole: Formula, context: z.RefinementCtx): void {
  let [nodes, depthReached] = [0, 0];
  for (let level: readonly Formula[] = [whole]; level.length > 0; level = level.flatMap(partsOf)) {
    nodes += level.length;
    depthReached += 1;
  }
  const add = (what: string, name: string, maximum: number) =>
    context.addIssue({ code: 'too_big', origin: 'object', maximum, message: `${what}; the limit is ${maximum} (${name})` });
  if (nodes > formulaNodesMaxCount) add(`has ${nodes} expressions`, 'formulaNodesMaxCount', formulaNodesMaxCount);
  else if (depthReached > formulaDepthMax) add(`nests ${depthReached} levels deep`, 'formulaDepthMax', formulaDepthMax);
}

/** Expressions are read by recursion: hostile depth is refused before. Each takes two levels of JSON. */
const shallow = (value: unknown, context: z.RefinementCtx): unknown => {
  const max = 2 * (formulaDepthMax + 2);
  if (jsonDepth(value, max) <= max) return value;
  const message = `nests deeper than ${formulaDepthMax} levels (formulaDepthMax)`;
  context.addIssue({ code: 'too_big', origin: 'object', maximum: formulaDepthMax, message });
  return z.NEVER;
};

const stage = z.discriminatedUnion('kind', [
  maxSim,
  rerank,
  z.strictObject({
    kind: z.literal('formula'),
    score: z
      .preprocess(shallow, formula)
      .superRefine(checkFormula)
      .meta(
        about('What each candidate scores from then on.', {
          kind: 'sum',
          of: [{ kind: 'score' }, { kind: 'property', property: 'likes' }],
        }),
      ),
    depth,
  }),
  z.strictObject({
    kind: z.literal('mmr'),
    field: vectorField,
    diversity: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .meta(about('0 is relevance alone, 1 is unlikeness to the matches chosen before alone.')),
    depth: depthTo(VECTOR_LIMITS.mmrCandidatesMaxCount),
  }),
  z.strictObject({
    kind: z.literal('group'),
    by: propertyPath,
    size: z.int().min(1).max(VECTOR_LIMITS.topKMaxCount).default(1).meta(about('How many matches with the same value there may be.')),
    depth,
  }),
  z.strictObject({
    kind: z.literal('order_by'),
    property: propertyPath,
    direction: z.enum(['ascending', 'descending']).default('ascending'),
    depth,
  }),
]);

export type Stage = z.output<typeof stage>;
export type StageOf<K extends Stage['kind']> = Extract<Stage, { readonly kind: K }>;

export const stages = z
  .array(stage)
  .max(PLAN_LIMITS.planStagesMaxCount)
  .default([])
  .meta(
    about(
      'What happens to the fused ranking, one after another. `max_sim` and `rerank` score the first candidates anew, `formula` computes a score, `mmr` ' +
        'diversifies by the dense vectors, `group` leaves so many of each value of a property (those without one stay), `order_by` sorts by a property ' +
        '(numbers before texts, those without one last).',
    ),
  );

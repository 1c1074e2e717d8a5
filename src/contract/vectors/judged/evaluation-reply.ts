import * as z from 'zod';

import { about } from '../../api/api-text.ts';
import { lsn } from '../vectors.ts';

const count = z.int().min(0);
const figure = z.number().min(0).max(1);
const change = z.number().min(-1).max(1);
const queryId = z.string().meta(about('The id of the query, or its position.'));

const measure = z.object({
  measure: z.string(),
  plans: z.array(z.object({ mean: figure, interval_95: z.object({ low: figure, high: figure }) })).meta(about('One of each plan.')),
  comparisons: z
    .array(
      z.object({
        plan: z.int().min(1).meta(about('The position of the plan that is compared with the first.')),
        difference: change.meta(about('Its mean minus that of the first.')),
        interval_95: z.object({ low: change, high: change }),
        p_value: z.number().min(0).max(1).meta(about('How often chance alone makes a difference as large.')),
        significant: z.boolean().meta(about('Whether `p_value` is below .05.')),
        wins: count.meta(about('Queries of which it does better.')),
        losses: count,
      }),
    )
    .meta(about('One of each plan behind the first.')),
});

const judgedQuery = z.object({
  id: queryId,
  plans: z
    .array(
      z.object({
        figures: z.record(z.string(), figure).optional().meta(about('By measure; with `include_queries`.')),
        ranking: z
          .array(z.object({ id: z.string(), score: z.number() }))
          .optional()
          .meta(about('With `include_rankings`.')),
      }),
    )
    .meta(about('One of each plan.')),
});

export const evaluationReply = z.object({
  object: z.literal('index.evaluation'),
  judged: count.meta(about('How many queries were judged.')),
  judgements: count.meta(about('Of these: how many say that something is relevant.')),
  measures: z.array(measure).meta(about('In the order they were asked for; none where no query was judged.')),
  unjudged: z
    .array(z.object({ id: queryId, plan: count, code: z.string().meta(about('Why, as a refused call says it.', 'deadline_exceeded')) }))
    .meta(about('Queries of which a plan had no whole answer: they count nowhere. Ask for them again.')),
  partial: z.literal(true).optional().meta(about('Some queries are unjudged.')),
  unknown_relevant: z
    .object({ count, ids: z.array(z.string()).meta(about('The first of them.')) })
    .meta(about('What is relevant and not in the index: no search can find it, and it counts as missed.')),
  queries: z.array(judgedQuery).optional().meta(about('The judged ones; with `include_queries` or `include_rankings`.')),
  generation: z.int().min(1).meta(about('Which was searched.')),
  lsn,
});

export type EvaluationReply = z.input<typeof evaluationReply>;

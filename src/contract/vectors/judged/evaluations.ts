import * as z from 'zod';

import { about } from '../../api/api-text.ts';
import type { Endpoint } from '../../api/endpoint.ts';
import { call, json, tenant } from '../../api/endpoint.ts';
import { notBoth } from '../../api/presence.ts';
import { deadlineHeaders } from '../../api/reading.ts';
import { indexParams } from '../../indexes/index-params.ts';
import { checkLegs, planFields, shallow } from '../plans/plans.ts';
import { namespace, text, vectorId } from '../vector-fields.ts';
import { evaluationReply } from './evaluation-reply.ts';
import { JUDGED_LIMITS } from './judged-limits.ts';
import { measureName } from './measure-names.ts';

/** Where a plan has exactly this text, the text of the query comes. */
export const QUERY_TEXT = '{{text}}';

const { text: ownText, legs, fusion, stages, filter, statistics, statistics_of, k1, b, model, truncate, consistency } = planFields;

/** What of a plan decides about its ranking. */
const rankingPlan = notBoth(
  z
    .strictObject({ text: ownText, legs, fusion, stages, filter, statistics, statistics_of, k1, b, model, truncate, consistency })
    .superRefine(checkLegs),
  ['text', 'legs'],
  'give either `text` or `legs`, or neither',
);

/** A plan, or a template of plans: see `QUERY_TEXT`. */
const judgedPlan = z
  .preprocess(shallow, rankingPlan)
  .meta(
    about(
      `As \`POST /v1/indexes/{index}/search\` takes it, without what is about the page. A text that is \`${QUERY_TEXT}\`, wherever it stands, is that of the query; ` +
        'without `text` and `legs` it is searched as the index is made.',
      { legs: [{ kind: 'text', text: QUERY_TEXT }] },
    ),
  );

export type JudgedPlan = z.output<typeof rankingPlan>;

const plans = z.array(judgedPlan).min(1).max(JUDGED_LIMITS.evaluationPlansMaxCount);

const relevant = z
  .record(vectorId, z.number().min(-JUDGED_LIMITS.evaluationGainMax).max(JUDGED_LIMITS.evaluationGainMax))
  .refine((gains) => Object.values(gains).some((gain) => gain > 0), 'has no id with a gain above 0: leave the query out')
  .meta(
    about('What documents are worth for the query, by id: 0 and less, and what is not named, is not relevant.', {
      'canal-1': 2,
      'canal-3': 1,
    }),
  );

const judgedQuery = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(JUDGED_LIMITS.evaluationQueryIdCharsMax)
    .optional()
    .meta(about('What the answer calls it. Absent: its position, from 0.')),
  text: text.optional().meta(about('What takes the place of texts in plans.', 'who opens the lock?')),
  plans: plans.optional().meta(about('Instead of those of the call, as many of each query.')),
  relevant,
});

const queries = z
  .array(judgedQuery)
  .min(1)
  .max(JUDGED_LIMITS.evaluationQueriesMaxCount)
  .superRefine((all, context) => {
    const count = all.reduce((sum, { relevant: gains }) => sum + Object.keys(gains).length, 0);
    const maximum = JUDGED_LIMITS.evaluationJudgementsMaxCount;
    const message = `have ${count} judgements; the limit is ${maximum} (evaluationJudgementsMaxCount): send them in slices`;
    if (count > maximum) context.addIssue({ code: 'too_big', origin: 'array', maximum, message });
    const seen = new Set<string>();
    all.forEach(({ id }, i) => {
      if (id === undefined) return;
      if (seen.has(id)) context.addIssue({ code: 'custom', path: [i, 'id'], message: 'is the id of an earlier query' });
      seen.add(id);
    });
  });

const evaluateBody = z.strictObject({
  queries,
  plans: plans.default([rankingPlan.parse({})]).meta({
    ...about(
      'What is measured with every query; each behind the first is compared with the first. Absent: the search as the index is made.',
    ),
    // Generators of clients know no defaults that are objects.
    override: ({ jsonSchema }: { readonly jsonSchema: { default?: unknown } }) => {
      delete jsonSchema.default;
    },
  }),
  measures: z
    .array(measureName)
    .min(1)
    .max(JUDGED_LIMITS.evaluationMeasuresMaxCount)
    .refine((names) => new Set(names).size === names.length, 'has a measure twice')
    .default(['ndcg@10', 'recall@100', 'mrr']),
  depth: z
    .int()
    .min(1)
    .max(JUDGED_LIMITS.evaluationDepthMaxCount)
    .optional()
    .meta(
      about(
        `How many matches of each ranking are measured. Absent: ${JUDGED_LIMITS.evaluationDepthDefaultCount}, or the greatest k of the measures if that is more.`,
      ),
    ),
  seed: z.int().min(0).max(0xffff_ffff).default(1).meta(about('Of the resampling: the same figures have the same intervals.')),
  namespace,
  include_queries: z.boolean().default(false).meta(about('Answers the figures of every query.')),
  include_rankings: z.boolean().default(false).meta(about('Answers what every plan found of every query, with scores.')),
});

export type EvaluateBody = z.output<typeof evaluateBody>;

export const evaluationEndpoints = {
  evaluateIndex: {
    ...call('POST', '/v1/indexes/:index/evaluate', json(evaluateBody)),
    tag: 'Vectors',
    access: tenant('index:read'),
    status: 200,
    summary: 'Measure what searches find by judgements',
    description:
      'Searches with every plan for every query, and compares what is found with what is relevant: means with 95 % intervals, and of several plans how each ' +
      'differs from the first, query by query. Queries that the deadline cuts are named in `unjudged` and count nowhere. Each search of a leg counts as one of `vector_queries`.',
    meters: ['vector_queries', 'embedding_tokens', 'embedding_cached_tokens'],
    params: indexParams,
    headers: deadlineHeaders,
    reply: json(evaluationReply),
  },
} as const satisfies Record<string, Endpoint>;

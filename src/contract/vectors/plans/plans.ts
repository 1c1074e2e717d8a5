import * as z from 'zod';

import { about } from '../../api/api-text.ts';
import { queryCacheHeaders } from '../../api/cache-headers.ts';
import type { Endpoint } from '../../api/endpoint.ts';
import { call, json, tenant, vectorsReply } from '../../api/endpoint.ts';
import { jsonDepth } from '../../api/json-value.ts';
import { exactlyOneOf } from '../../api/presence.ts';
import { consistency, deadlineHeaders } from '../../api/reading.ts';
import { narrowingLabels } from '../../documents/access-labels.ts';
import { modelName } from '../../embeddings/embedding-fields.ts';
import { truncate } from '../../embeddings/truncation.ts';
import { indexParams } from '../../indexes/index-params.ts';
import { filter } from '../filter-syntax.ts';
import { namespace, text } from '../vector-fields.ts';
import { bm25B, bm25K1 } from './bm25.ts';
import { propertyPath } from './formula.ts';
import { fusion } from './fusion.ts';
import type { Leg } from './legs.ts';
import { fieldName, groupsOf, legs } from './legs.ts';
import { PLAN_LIMITS } from './plan-limits.ts';
import { planReply } from './plan-reply.ts';
import { stages } from './stages.ts';

const {
  planTopKMaxCount,
  planJsonDepthMax,
  planLegsMaxCount,
  planDepthMax,
  planFacetsMaxCount,
  planFacetValuesMaxCount,
  planFacetValuesDefaultCount,
  highlightFragmentsMaxCount,
  highlightCharsMaxCount,
  highlightCharsDefaultCount,
} = PLAN_LIMITS;

const facet = z.strictObject({
  property: propertyPath,
  limit: z.int().min(1).max(planFacetValuesMaxCount).default(planFacetValuesDefaultCount).meta(about('How many values are answered.')),
});

const highlight = z.strictObject({
  fields: z.array(fieldName).min(1).max(PLAN_LIMITS.planFieldsMaxCount).optional().meta(about('Absent: those that the text legs search.')),
  fragments: z.int().min(1).max(highlightFragmentsMaxCount).default(1).meta(about('Of each field, at most.')),
  fragment_chars: z
    .int()
    .min(1)
    .max(highlightCharsMaxCount)
    .default(highlightCharsDefaultCount)
    .meta(about('About how long each is, in UTF-16 units.')),
});

/** What a plan may say. */
export const planFields = {
  text: text
    .optional()
    .meta(
      about(
        'Searches as the index is made: near its vector if the index has a model, by the words of its text fields (the first 1,000 of the text), and by its vector and sparse fields that have a model.',
        'who opens the lock?',
      ),
    ),
  legs: legs().optional(),
  fusion,
  stages,
  facets: z
    .array(facet)
    .max(planFacetsMaxCount)
    .default([])
    .meta(
      about(
        'Counts the values of properties among the candidates: all that the legs found, before the stages. A match counts once for each of its values.',
      ),
    ),
  highlight: highlight.optional().meta(about('Answers where the words of the text legs stand in the matches of the page.')),
  filter: filter.optional().meta(about('Of all legs.')),
  labels: narrowingLabels,
  namespace,
  top_k: z.int().min(1).max(planTopKMaxCount).default(10),
  offset: z
    .int()
    .min(0)
    .max(planTopKMaxCount)
    .default(0)
    .meta(about('Passes over so many of the best. Pages end where the candidates do.')),
  include_values: z.boolean().default(false),
  include_metadata: z.boolean().default(true),
  include_text: z.boolean().default(false),
  include_fields: z.boolean().default(false),
  statistics: z
    .enum(['shared', 'exact'])
    .default('shared')
    .meta(about('In how many texts a word is, of an index of several shards: at most 5 seconds ago (`shared`), or asked anew.')),
  statistics_of: z
    .enum(['index', 'filter'])
    .default('index')
    .meta(about('Whether words count as rare by all texts of the namespace, or by those that the filter leaves.')),
  k1: bm25K1
    .optional()
    .meta(about('BM25: how soon further occurrences of a word count less. Absent: as the search settings of the index say, else 1.2.')),
  b: bm25B.optional().meta(about('BM25: how much long texts count less. Absent: as the search settings of the index say, else 0.75.')),
  explain: z.boolean().default(false).meta(about('Answers an `explanation`, and of each match what the legs say of it.')),
  model: modelName
    .optional()
    .meta(about('The model that the vectors come from. An index that is pinned to another embedding contract refuses them.')),
  truncate,
  consistency,
};

const plan = exactlyOneOf(z.strictObject(planFields), ['text', 'legs'], 'give either `text` or `legs`').superRefine(checkLegs);

/** Refuses more legs, or deeper ones, than a plan may have. */
export function checkLegs({ legs: top }: { readonly legs?: readonly Leg[] | undefined }, context: z.RefinementCtx): void {
  let count = 0;
  const add = (path: PropertyKey[], maximum: number, message: string) =>
    context.addIssue({ code: 'too_big', origin: 'array', maximum, path, message });
  let level = [{ legs: top ?? [], at: ['legs'] as PropertyKey[] }];
  for (let depth = 1; level.length > 0; depth += 1) {
    const [first] = level;
    if (depth > planDepthMax && first !== undefined) {
      return add(first.at, planDepthMax, `nests ${depth} levels deep; the limit is ${planDepthMax} (planDepthMax)`);
    }
    for (const { legs: some, at } of level) {
      count += some.length;
      if (count > planLegsMaxCount) {
        return add(at, planLegsMaxCount, `makes ${count} legs with those before; the limit is ${planLegsMaxCount} (planLegsMaxCount)`);
      }
    }
    level = level.flatMap(({ legs: some, at }) =>
      some.flatMap((leg, i) => groupsOf(leg).map(({ group, at: below }) => ({ legs: group.legs, at: [...at, i, ...below] }))),
    );
  }
}

/** Legs are read by recursion: hostile depth is refused before. */
export function shallow(value: unknown, context: z.RefinementCtx): unknown {
  if (jsonDepth(value, planJsonDepthMax) <= planJsonDepthMax) return value;
  const message = `nests deeper than ${planJsonDepthMax} levels (planJsonDepthMax)`;
  context.addIssue({ code: 'too_big', origin: 'object', maximum: planJsonDepthMax, message });
  return z.NEVER;
}

const planBody = z.preprocess(shallow, plan);

export type PlanBody = z.output<typeof plan>;
/** As callers write it, but for what refers to itself: legs and formulas. */
export type WrittenPlan = z.input<typeof plan>;

const batchBody = z.strictObject({
  searches: z
    .array(planBody)
    .min(1)
    .max(PLAN_LIMITS.planBatchSearchesMaxCount)
    .meta(about('What single searches have as bodies, each with its own legs, stages and options.')),
});

const searched = {
  heedsLabels: true,
  meters: ['vector_queries', 'vector_cached_queries', 'embedding_tokens', 'embedding_cached_tokens'],
  params: indexParams,
  headers: queryCacheHeaders.extend(deadlineHeaders.shape),
} as const;

export const planEndpoints = {
  searchIndex: {
    tag: 'Vectors',
    access: tenant('index:read'),
    status: 200,
    ...call('POST', '/v1/indexes/:index/search', json(planBody)),
    summary: 'Search by vectors, words and ids at once',
    description:
      'Makes one ranking of several searches, its legs, and puts it through stages. Each leg that searches by itself counts as one of `vector_queries`. A ' +
      'leg that misses the deadline is left out, and the answer is `partial`. Equal scores are in the order of their ids.\n\n' +
      'With `x-sluice-cache-ttl-ms` the same search of the same state of the index is answered from before, as a query is: its legs count as ' +
      '`vector_cached_queries` then.',
    ...searched,
    reply: vectorsReply(planReply),
  },
  searchIndexBatch: {
    tag: 'Vectors',
    access: tenant('index:read'),
    status: 200,
    ...call('POST', '/v1/indexes/:index/search/batch', json(batchBody)),
    summary: 'Search by plans, several times in one call',
    description:
      `Up to ${PLAN_LIMITS.planBatchSearchesMaxCount} plans, answered in their order, each as a single search would be, under one deadline: a text is encoded once for all, and a shard is ` +
      'asked once for what all legs ask at the same moment. All are checked before the first is made, and one that is refused refuses the call, ' +
      'naming `searches[i]` and the field. The headers apply to each of them.',
    ...searched,
    reply: vectorsReply(z.object({ results: z.array(planReply).meta(about('One of each search, in their order.')) })),
  },
} as const satisfies Record<string, Endpoint>;

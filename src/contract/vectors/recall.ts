import * as z from 'zod';

import { about } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { searchCost } from './explanation.ts';
import { filter } from './filter-syntax.ts';
import { indexParams } from '../indexes/index-params.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';
import { recallTarget } from '../indexes/recall-target.ts';
import { namespace } from './vector-fields.ts';

const body = z.strictObject({
  samples: z
    .int()
    .min(1)
    .max(VECTOR_LIMITS.recallSamplesMaxCount)
    .default(VECTOR_LIMITS.recallSamplesDefaultCount)
    .meta(about('How many stored vectors to search around; each counts as a query.')),
  top_k: z.int().min(1).max(VECTOR_LIMITS.recallTopKMaxCount).default(VECTOR_LIMITS.topKDefaultCount),
  namespace,
  filter: filter
    .optional()
    .meta(about('Searches with this filter. The vectors to search around are drawn from the whole namespace all the same.')),
});

export type RecallBody = z.output<typeof body>;

const share = z.number().min(0).max(1);

const reply = z.object({
  object: z.literal('index.recall'),
  recall: share.nullable().meta(about('The mean share of the true nearest that were found; null when nothing was measured.')),
  standard_error: z.number().min(0).nullable().meta(about('Of that mean; null below two samples.')),
  interval_95: z
    .object({ low: share, high: share })
    .nullable()
    .meta(about('Where the recall of all such searches lies, at 95 % confidence.')),
  target: recallTarget.meta(about('What the index was created for.')),
  top_k: z.int().min(1),
  samples: z.int().min(0).meta(about('How many vectors were searched around: fewer than asked for when there are fewer.')),
  worst: z
    .array(z.object({ id: z.string(), recall: share }))
    .max(VECTOR_LIMITS.recallWorstMaxCount)
    .meta(about('The vectors around which most was missed, worst first; empty when nothing was.')),
  search: z.object(searchCost).nullable().meta(about('What a search took, on average.')),
  exact_search: z.object(searchCost).nullable().meta(about('What an exact search took, on average.')),
  lsn: z.int().min(0).meta(about('The write after which the vectors were drawn.')),
});

export type RecallReply = z.input<typeof reply>;

export const recallEndpoints = {
  measureRecall: {
    ...call('POST', '/v1/indexes/:index/recall', json(body)),
    tag: 'Indexes',
    summary: 'Measure how much of the truth searches find',
    description:
      'Searches around stored vectors drawn at random, each left out of its own answer, as a query would and exhaustively, and compares. ' +
      'A match counts when it is as close as the last of the exact ones. Goes in slices, so that queries get between. ' +
      'Vectors that hold chunks of documents count as they are, whichever version is served.',
    access: tenant('index:read'),
    meters: ['vector_queries'],
    params: indexParams,
    status: 200,
    reply: json(reply),
  },
} as const satisfies Record<string, Endpoint>;

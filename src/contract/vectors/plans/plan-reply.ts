import * as z from 'zod';

import { about } from '../../api/api-text.ts';
import { partial } from '../../api/reading.ts';
import { truncated } from '../../embeddings/truncation.ts';
import { lsn, storedVector } from '../vectors.ts';

const count = z.int().min(0);
const path = z.string().meta(about('Where the leg or stage stands in the plan.', 'legs[0]'));
const tookMs = z.number().min(0).meta(about('Milliseconds.'));

const fragment = z.object({
  field: z.string(),
  text: z.string(),
  start: count.meta(about('Where it begins in the text, in UTF-16 units.')),
  matches: z.array(z.object({ start: count, end: count })).meta(about('Where words of the query stand in the fragment.')),
});

const match = storedVector.extend({
  score: z
    .number()
    .meta(
      about('What the last stage that scores has given it, else the fusion; of a single leg, that of the leg (`l2`: minus the distance).'),
    ),
  group: z
    .union([z.string(), z.number(), z.boolean(), z.null()])
    .optional()
    .meta(about('The value that a `group` stage has grouped it by.')),
  highlights: z.array(fragment).optional(),
  legs: z
    .array(z.object({ leg: path, rank: z.int().min(1), score: z.number() }))
    .optional()
    .meta(about('With `explain`: which legs found it, at what rank, and how they score it.')),
});

const decision = z
  .object({
    kind: z.enum(['rrf', 'dbsf', 'sum', 'none']).meta(about('`none`: there is one leg.')),
    normaliser: z.enum(['min_max', 'none']).optional(),
    k: z.number().optional(),
    weights: z.array(z.number()).meta(about('Of each leg.')),
    basis: z
      .enum(['asked', 'tuned', 'judged', 'expected'])
      .meta(
        about(
          'Whether the weights are as asked for, those of the search settings of the index, or follow what the legs reach by judgements, or what legs of their kinds reach.',
        ),
      ),
    search_settings: z
      .enum(['used', 'overridden', 'other_legs', 'other_vectors', 'other_fields'])
      .optional()
      .meta(
        about(
          'What the search settings of the index, if it has any, are to this plan: `overridden`: it names a fusion; `other_legs`: they are for other legs, ' +
            'but for k1 and b; `other_vectors`, `other_fields`: they were stored for a generation that had others.',
        ),
      ),
  })
  .meta(about('How the rankings became one.'));

const explanation = z
  .object({
    legs: z.array(
      z.object({
        leg: path,
        kind: z.enum(['vector', 'text', 'sparse', 'ids', 'plan']),
        found: count,
        took_ms: tookMs,
        scored: count.nullable().meta(about('How many vectors or texts were scored; null: not known.')),
        postings_skipped: count.nullable().meta(about('How many postings of its terms were passed over; null: it has none.')),
        score_min: z.number().nullable(),
        score_max: z.number().nullable(),
      }),
    ),
    stages: z.array(
      z.object({
        kind: z.string(),
        took_ms: tookMs,
        candidates_in: count,
        candidates_looked_at: count.meta(about('Fewer than its depth where there were fewer, or no time for more.')),
        candidates_out: count,
        score_min: z.number().nullable(),
        score_max: z.number().nullable(),
      }),
    ),
  })
  .meta({ id: 'PlanExplanation', description: 'What each leg and stage of a plan did, and how long it took.' });

export const planReply = z.object({
  matches: z.array(match),
  candidates: count.meta(about('How many the legs found together, before the stages.')),
  facets: z
    .array(
      z.object({
        property: z.string(),
        values: z.array(z.object({ value: z.union([z.string(), z.number(), z.boolean()]), count })),
        others: count.meta(about('How many more values there are.')),
      }),
    )
    .optional()
    .meta(about('One of each asked for, most frequent values first, equal ones numbers before texts.')),
  fusion: decision,
  lsn,
  ...partial,
  missing_legs: z
    .array(path)
    .optional()
    .meta(
      about('Legs and stages that the deadline has cut, and `facets` and `highlight` where they were late, when the answer is partial.'),
    ),
  truncated,
  explanation: explanation.optional(),
});

export type PlanReply = z.input<typeof planReply>;

import * as z from 'zod';

import { onlyWith, onlyWithSome } from '../api/presence.ts';
import { about } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { indexParams } from './index-params.ts';
import { newFields } from './index-fields.ts';
import { METRICS } from './index-settings.ts';
import { recallTarget } from './recall-target.ts';
import { modelName } from '../embeddings/embedding-fields.ts';
import { truncate, truncatedCounts } from '../embeddings/truncation.ts';

const createFields = z.strictObject({
  model: modelName.optional().meta(about('Absent: the vectors are taken over as they are.')),
  query_model: modelName.optional(),
  truncate: truncate.meta(
    about(
      'What becomes of stored texts that have more tokens than the model takes, or that of a field: with `none` the generation is not filled beyond the first of them, `end` cuts their ends off and counts that in `progress`. Absent: `none`.',
    ),
  ),
  metric: z.enum(METRICS).optional(),
  recall: recallTarget.optional(),
  fields: newFields
    .optional()
    .meta(
      about(
        'All fields of the generation. Absent: those of the serving one. Values of fields that it has, too, are taken over; those of a field that names another ' +
          'model are encoded by it, from the texts that are kept beside them.',
      ),
    ),
});

const createBody = onlyWithSome(
  onlyWith(createFields, 'query_model', 'model', { path: ['query_model'], message: 'goes with `model` only' }),
  'truncate',
  ['model', 'fields'],
  { path: ['truncate'], message: 'goes with `model` or `fields` only: nothing else encodes texts' },
);

export type CreateGenerationBody = z.output<typeof createBody>;

const activateBody = z.strictObject({
  allow_missing: z
    .boolean()
    .default(false)
    .meta(
      about(
        'Whether vectors without a text, which another model cannot embed, may be left behind. Else they keep the generation from serving.',
      ),
    ),
});

export type ActivateBody = z.output<typeof activateBody>;

const count = z.int().min(0);
const share = z.number().min(0).max(1);

const generation = z.object({
  generation: z.int().min(1),
  id: z.string(),
  state: z
    .enum(['serving', 'opening', 'clearing', 'filling', 'comparing', 'following', 'changing-over', 'erasing'])
    .meta(about('`following`: whole, kept up write by write, and ready to serve.')),
  served_before: z.boolean(),
  dimensions: z.int().min(1).nullable(),
  metric: z.enum(METRICS),
  recall: recallTarget,
  model: z.string().nullable(),
  contract_hash: z.string().nullable(),
  query_model: z.string().nullable(),
  query_contract_hash: z.string().nullable(),
  progress: z
    .object({
      copied: count.meta(about('Vectors written into it so far, replaced ones included.')),
      embedding_tokens: count,
      truncated: truncatedCounts.meta(
        about('Of one with `"truncate": "end"`: how many texts were cut so far, and the tokens that they lost.'),
      ),
    })
    .nullable(),
  comparison: z
    .object({
      samples: count.meta(about('Stored vectors that both generations were searched around.')),
      overlap_at_10: share.meta(about('The share of the ten nearest in the serving generation that are among its ten nearest.')),
      ndcg_at_10: share.meta(about('The same with regard to the order, the serving generation telling what is relevant.')),
    })
    .nullable(),
  fault: z.string().nullable().meta(about('Why it did not come to serve when it was last asked to.')),
});

export type GenerationReply = z.input<typeof generation>;

const generations = z.object({ object: z.literal('list'), data: z.array(generation), has_more: z.literal(false) });

const common = { tag: 'Generations', access: tenant('index:write'), meters: [], status: 200 } as const;

export const generationEndpoints = {
  createGeneration: {
    ...common,
    ...call('POST', '/v1/indexes/:index/generations', json(createBody)),
    summary: 'Build another generation of the vectors',
    description:
      'With another model, from the stored texts; or with other settings, from the vectors. It is filled in the background, at the price of its tokens, ' +
      'follows every write, and is compared with the one that serves.',
    params: indexParams,
    status: 201,
    reply: json(generations),
    idempotent: true,
  },
  listGenerations: {
    ...common,
    ...call('GET', '/v1/indexes/:index/generations'),
    summary: 'The serving generation and the shadow generation',
    access: tenant('index:read'),
    params: indexParams,
    reply: json(generations),
  },
  activateGeneration: {
    ...common,
    ...call('POST', '/v1/indexes/:index/generations/activate', json(activateBody)),
    summary: 'Let the other generation serve',
    description:
      'All at once, for every caller: no acknowledged write is lost, and none that is acknowledged later is missed by a read. Calls wait for the ' +
      'moment it takes. The generation that served before follows from then on, and can be gone back to.',
    params: indexParams,
    reply: json(generations),
  },
  rollbackGeneration: {
    ...common,
    ...call('POST', '/v1/indexes/:index/generations/rollback', json(activateBody)),
    summary: 'Let the generation serve that did before',
    description: 'With all that was written since.',
    params: indexParams,
    reply: json(generations),
  },
  deleteGeneration: {
    ...common,
    ...call('DELETE', '/v1/indexes/:index/generations'),
    summary: 'Erase the generation that does not serve',
    params: indexParams,
    reply: json(generations),
  },
} as const satisfies Record<string, Endpoint>;

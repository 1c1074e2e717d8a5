import * as z from 'zod';

import { about, apiOnly, apiText } from './api-text.ts';
import { unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenant } from './endpoint.ts';
import { modelName } from './vector-fields.ts';

const model = apiOnly(() =>
  z
    .object({
      id: z.string(),
      object: z.literal('model'),
      created: unixSeconds,
      owned_by: z.string(),
      version: z.string(),
      dimensions: z.int().min(1).meta(about('Length of its vectors; any shorter prefix may be asked for.')),
      max_input_tokens: z.int().min(1).meta(about('The longest text it takes, in tokens.')),
      vocabulary_size: z.int().min(1).meta(about('Token ids run from 0 to one less.')),
      contract_hash: z.string().meta(about('Vectors of models with the same hash may be compared.')),
    })
    .meta({ id: 'Model' }),
);

const common = { tag: 'Inference', access: tenant('inference'), meters: [], body: NO_BODY, status: 200 } as const;

export const modelEndpoints = {
  listModels: {
    ...common,
    method: 'GET',
    path: '/v1/models',
    summary: apiText('List the models'),
    reply: json(apiOnly(() => z.object({ object: z.literal('list'), data: z.array(model) }))),
  },
  getModel: {
    ...common,
    method: 'GET',
    path: '/v1/models/:model',
    summary: apiText('Describe a model'),
    params: z.object({ model: modelName }),
    reply: json(model),
  },
} as const satisfies Record<string, Endpoint>;

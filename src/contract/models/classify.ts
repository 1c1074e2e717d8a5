import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { modelName } from '../embeddings/embedding-fields.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { EMBEDDING_LIMITS } from '../embeddings/embedding-limits.ts';
import { MODEL_LIMITS } from './model-limits.ts';

const text = z.string().min(1).max(EMBEDDING_LIMITS.embeddingTextCharsMax);

const request = z.strictObject({
  model: modelName.meta({ example: 'sentiment' }),
  input: z
    .union([text.transform((one) => [one]), z.array(text).min(1).max(MODEL_LIMITS.modelTextsMaxCount)])
    .meta(about('One text, or several.')),
  top_k: z.int().min(1).optional().meta(about('How many labels of each text to answer. Absent: all.')),
});

const label = z.object({ label: z.string(), score: z.number() });

export const classifyEndpoints = {
  classify: {
    ...call('POST', '/v1/classify', json(request)),
    tag: 'Inference',
    summary: 'Classify texts by a registered classifier',
    access: tenant('inference'),
    meters: ['embedding_tokens'],
    status: 200,
    reply: json(
      z.object({
        object: z.literal('list'),
        model: z.string(),
        results: z.array(z.object({ index: z.int().min(0), labels: z.array(label).meta(about('In falling order of their scores.')) })),
        usage: z.object({ prompt_tokens: z.int().min(0), total_tokens: z.int().min(0) }),
      }),
    ),
  },
} as const satisfies Record<string, Endpoint>;

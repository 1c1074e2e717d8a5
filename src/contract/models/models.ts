import * as z from 'zod';

import { ANTHROPIC_VERSION_HEADER, anthropicBeta, anthropicVersion } from '../api/anthropic-version.ts';
import { about, apiLines, named } from '../api/api-text.ts';
import { ownerOrCallers, page, pageQuery, tenantId, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { fileId } from '../files/files.ts';
import { MODEL_LIMITS } from './model-limits.ts';
import { modelVersionReply, share } from './model-versions.ts';
import { measuredQuality, modelName, retrievalQuality } from '../embeddings/embedding-fields.ts';
import { registeredName } from '../jobs/registration.ts';

const record = z.record(z.string().max(128), z.unknown());
const count = z.int().min(1).max(1_000_000);

const create = z.strictObject({
  name: registeredName,
  task: z
    .enum(['embedding', 'sparse-embedding', 'cross-encoder', 'classifier', 'graph'])
    .optional()
    .meta(
      about(
        'What the model does. This and the fields down to `prompts` say how it is used: what is left out is read from the files, as Hugging Face lays them out; what is stated wins.',
      ),
    ),
  files: z
    .array(
      z.strictObject({
        path: z
          .string()
          .max(MODEL_LIMITS.modelPathCharsMax)
          .regex(/^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w. /-]+$/, 'must be a path within the folder of the model, without . or ..')
          .meta(about('Within the folder of the model, as Hugging Face lays it out.', 'onnx/model.onnx')),
        file: fileId,
      }),
    )
    .min(1)
    .max(MODEL_LIMITS.modelFilesMaxCount)
    .meta(
      about('Files of the tenant (`POST /v1/files`, or `/v1/uploads` for large ones). They are copied: the uploads may be deleted then.'),
    ),
  graph: z
    .string()
    .max(MODEL_LIMITS.modelPathCharsMax)
    .optional()
    .meta(about('Which of the files is the ONNX graph that serves.', 'onnx/model.onnx')),
  external_data: z.array(z.string().max(MODEL_LIMITS.modelPathCharsMax)).max(MODEL_LIMITS.modelFilesMaxCount).optional(),
  tokens_max: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .meta(about('The longest text in tokens, special ones included. 0: it takes no text.')),
  dimensions: count.optional().meta(about('Length of its vectors; of embedding models only, of sparse ones the size of the vocabulary.')),
  pooling: z.enum(['cls', 'mean', 'max', 'mean-sqrt-len', 'last-token', 'sum', 'none']).optional(),
  normalised: z.boolean().optional().meta(about('Whether its vectors are scaled to length 1.')),
  labels: z.array(z.string().max(256)).max(10_000).optional(),
  activation: z.enum(['none', 'sigmoid', 'softmax', 'log1p-relu', 'log1p-log1p-relu']).optional(),
  prompts: z
    .strictObject({ query: z.string().max(4_096).optional(), passage: z.string().max(4_096).optional() })
    .optional()
    .meta(about('What is put in front of a text, by `input_type`.')),
  licence: z.string().max(256).optional(),
  owner: ownerOrCallers,
  recipe: record.optional().meta(about('How it was made: kept and shown as it is.')),
  evaluation: record.optional().meta(about('What was measured of it: kept and shown as it is.')),
  retrieval_quality: measuredQuality.optional(),
  parents: z
    .array(z.string().max(256))
    .max(64)
    .default([])
    .meta(about('What it was made of.', ['all-minilm-l6@1'])),
  compatible_with: count
    .optional()
    .meta(
      about(
        'A version of the same model whose vectors it is to reproduce, such as its int8 variant. If the vectors of probe texts agree, it serves under ' +
          'the embedding contract of that version.',
      ),
    ),
  tenant: tenantId.optional().meta(about('With the admin key, which registers models of the platform: the tenant whose files these are.')),
});

export type CreateModelBody = z.output<typeof create>;

const model = named('Model', {
  id: z.string().meta(about('The name of the newest version; of an older one `name@version`.')),
  object: z.literal('model'),
  created: unixSeconds,
  owned_by: z
    .string()
    .meta(
      about('`sluice`: of the deployment; `platform`: of its operator; the team that registered it; the name of its upstream; or `route`.'),
    ),
  task: z.string(),
  version: z
    .string()
    .nullable()
    .meta(about('The version that serves; the newest, while none does; null for a model of an upstream, whose version is unknown.')),
  stage: z.string(),
  canary: z.object({ version: z.int(), share }).nullable(),
  aliases: z.array(z.string()),
  dimensions: z.int().min(1).nullable().meta(about('Length of its vectors.')),
  max_input_tokens: z.int().min(0).meta(about('The longest text it takes, in tokens.')),
  vocabulary_size: z.int().min(1).nullable().meta(about('Token ids run from 0 to one less; null: it takes texts only.')),
  contract_hash: z
    .string()
    .nullable()
    .meta(about('Vectors of models with the same hash may be compared; null for a model of an upstream, whose vectors are unknown.')),
  retrieval_quality: retrievalQuality,
});

export type ModelReply = z.infer<typeof model>;

const instant = z.string().meta(about('As RFC 3339 has it.', '2026-01-31T12:00:00Z'));

/** A model as Anthropic's clients read it. What is unknown of it is null. */
const anthropicModel = named('AnthropicModel', {
  type: z.literal('model'),
  id: z.string(),
  display_name: z.string(),
  created_at: instant,
  max_input_tokens: z.int().min(0).nullable(),
  max_tokens: z.int().min(1).nullable(),
  capabilities: z.null(),
  lifecycle: z.literal('active'),
  line: z.null(),
  deprecated_at: z.null(),
  retires_at: z.null(),
});

export type AnthropicModelReply = z.infer<typeof anthropicModel>;

const anthropicModels = named('AnthropicModelPage', {
  data: z.array(anthropicModel),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});

const anthropicHeaders = z.object({ [ANTHROPIC_VERSION_HEADER]: anthropicVersion });

const common = { tag: 'Models', meters: [], status: 200 } as const;
const reading = { ...common, access: tenantOrAdmin('inference') } as const;
const writing = { ...common, access: tenantOrAdmin('models:write') } as const;
/** The name of a model of any kind. */
const params = z.strictObject({ model: modelName });

export const modelEndpoints = {
  listModels: {
    ...reading,
    ...call('GET', '/v1/models'),
    summary: 'List the models',
    description:
      "The models of the deployment come first; then those of the tenant and of the platform, their upstreams' included, which `after` and `limit` page through by name. With `anthropic-version` the page has Anthropic's shape, and `after_id` or `before_id` say where it begins or ends.",
    query: pageQuery.extend({
      after_id: z.string().max(256).optional().meta(about("As `after`, in requests of Anthropic's clients.")),
      before_id: z.string().max(256).optional().meta(about("The page before this model, in requests of Anthropic's clients.")),
      beta: anthropicBeta,
    }),
    headers: anthropicHeaders,
    reply: json(z.union([page(model), anthropicModels])),
  },
  getModel: {
    ...reading,
    ...call('GET', '/v1/models/:model'),
    summary: 'Describe a model, by its name or an alias; also a model of an upstream, or a route',
    description: "With `anthropic-version` in Anthropic's shape.",
    params,
    headers: anthropicHeaders,
    reply: json(z.union([model, anthropicModel])),
  },
  createModel: {
    ...writing,
    ...call('POST', '/v1/models', json(create)),
    summary: 'Register a version of a model',
    description: apiLines(
      'The first registration under a name makes the model, each further one its next version. The inference Worker then loads the version and runs it once: it is `verified`, or the answer says in `checks` why not. Nothing serves before it is promoted.',
      '',
      "A tenant's models are its own. With the admin key a model of the platform is registered, which all tenants may use.",
    ),
    status: 201,
    reply: json(modelVersionReply),
    idempotent: true,
  },
  deleteModel: {
    ...writing,
    ...call('DELETE', '/v1/models/:model'),
    summary: 'Delete a model with all its versions and aliases',
    description: 'Refused (`state_conflict`) while an index of the tenant is pinned to it.',
    params,
    reply: json(z.object({ id: z.string(), object: z.literal('model'), deleted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;

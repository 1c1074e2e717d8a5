import * as z from 'zod';

import { sha256 } from '../pools/agent-protocol.ts';
import { about, apiLines, named } from '../api/api-text.ts';
import { page, pageQuery, unixSeconds, versionNumber } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { modelName, retrievalQuality } from '../embeddings/embedding-fields.ts';
import { MODEL_LIMITS } from './model-limits.ts';
import { wholeText } from '../api/text-number.ts';

// The versions of a registered model: what they are, which of them serves, and under which other names.

export const share = z
  .number()
  .min(0.000001)
  .max(1)
  .meta(about('Of the requests: below 1 the version is the canary of the one that serves; at 1 it serves alone.', 0.1));

export const modelVersionReply = named('ModelVersion', {
  object: z.literal('model.version'),
  model: z.string(),
  version: z.int(),
  stage: z.enum(['registered', 'verified', 'canary', 'serving', 'retired']),
  created: unixSeconds,
  owner: z.string(),
  task: z.string(),
  contract_hash: z.string().meta(about('Its embedding contract: that of the version that it is compatible with, once measured.')),
  compatible_with: z.int().nullable(),
  files: z.array(z.object({ path: z.string(), bytes: z.int(), sha256: z.string() })),
  graph: z.string(),
  external_data: z.array(z.string()),
  tokens_max: z.int(),
  dimensions: z.int().nullable(),
  pooling: z.string(),
  normalised: z.boolean(),
  labels: z.array(z.string()),
  activation: z.string(),
  prompts: z.object({ query: z.string().optional(), passage: z.string().optional() }),
  licence: z.string().nullable(),
  recipe: z.record(z.string(), z.unknown()).nullable(),
  evaluation: z.record(z.string(), z.unknown()).nullable(),
  retrieval_quality: retrievalQuality,
  parents: z.array(z.string()),
  checks: z
    .object({
      at: unixSeconds,
      passed: z.boolean(),
      error: z.object({ code: z.string(), message: z.string() }).nullable(),
      measured: z.record(z.string(), z.union([z.number(), z.string()])),
    })
    .nullable()
    .meta(about('What the inference Worker found when it loaded and ran the version; null: it has not yet.')),
});

export type ModelVersionReply = z.infer<typeof modelVersionReply>;

const modelEvent = z.object({
  id: z.string(),
  at: unixSeconds,
  by: z.string().meta(about('The id of a key, of the job that registered a version, or `admin`.')),
  action: z.enum(['register', 'verify', 'refuse', 'promote', 'rollback', 'retire', 'alias', 'unalias']),
  version: z.int().nullable(),
  detail: z.string(),
});

const aliasReply = z.object({
  object: z.literal('model.alias'),
  alias: z.string(),
  model: z.string(),
  version: z.int().nullable(),
});

const common = { tag: 'Models', meters: [], status: 200 } as const;
const reading = { ...common, access: tenantOrAdmin('inference') } as const;
const writing = { ...common, access: tenantOrAdmin('models:write') } as const;

const ofModel = z.strictObject({ model: modelName });
const ofVersion = z.strictObject({ model: modelName, version: versionNumber });
const ofAlias = z.strictObject({
  model: modelName,
  model_alias: z
    .string()
    .regex(/^[a-zA-Z0-9][\w.-]{0,63}$/, 'must begin with a letter or a digit and have up to 64 of letters, digits, _ . and -')
    .meta(about('Another name of the model.', 'text-embedding-3-small')),
});

const promote = z.strictObject({
  version: z.int().min(1),
  share: share.default(1),
  override: z
    .strictObject({ reason: z.string().min(1).max(MODEL_LIMITS.promotionReasonCharsMax) })
    .optional()
    .meta(about('Why a version is to serve alone that its gate refused: it stands in the history of the model, and in the audit trail.')),
});
const alias = z.strictObject({ version: z.int().min(1).optional().meta(about('Absent: the alias stands for whichever version serves.')) });

export const modelVersionEndpoints = {
  listModelVersions: {
    ...reading,
    ...call('GET', '/v1/models/:model/versions'),
    summary: 'List the versions of a registered model',
    description: 'By number; to get the next page, pass the last `version` as `after`.',
    params: ofModel,
    query: pageQuery.extend({ after: versionNumber.optional() }),
    reply: json(page(modelVersionReply)),
  },
  getModelVersion: {
    ...reading,
    ...call('GET', '/v1/models/:model/versions/:version'),
    summary: 'A version: its manifest, its checks and what it was made of',
    params: ofVersion,
    reply: json(modelVersionReply),
  },
  readModelVersionFile: {
    ...common,
    access: tenantOrAdmin('models:read'),
    ...call('GET', '/v1/models/:model/versions/:version/file'),
    summary: 'Download a file of a version, such as its weights',
    description:
      '`sha256` must be that of one of its `files`; any other, and those of a version that is retired, are refused with `file_not_found`. Pages load models with it: keys have the ' +
      'scope `models:read` only if they were given it.',
    params: ofVersion,
    query: z.strictObject({ sha256 }),
    reply: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  retireModelVersion: {
    ...writing,
    ...call('DELETE', '/v1/models/:model/versions/:version'),
    summary: 'Retire a version: its files go, its manifest and history stay',
    description: 'Refused (`state_conflict`) while it serves, is the canary, or an alias stands for it.',
    params: ofVersion,
    reply: json(modelVersionReply),
  },
  promoteModel: {
    ...writing,
    ...call('POST', '/v1/models/:model/promote', json(promote)),
    summary: 'Have a version serve, or a share of the requests',
    description: apiLines(
      'A version that is not verified yet is verified first. All isolates follow within a second, and no request fails meanwhile.',
      '',
      'Refused with `state_conflict` if it is to serve alone and a check of `evaluation.gate` misses its bound, unless `override` says why.',
      '',
      'Refused with `contract_mismatch` while another version serves whose vectors are others: indexes are pinned to those.',
    ),
    params: ofModel,
    reply: json(modelVersionReply),
  },
  rollbackModel: {
    ...writing,
    ...call('POST', '/v1/models/:model/rollback'),
    summary: 'End the canary or, without one, have the version before serve again',
    params: ofModel,
    reply: json(modelVersionReply),
  },
  setModelAlias: {
    ...writing,
    ...call('PUT', '/v1/models/:model/aliases/:model_alias', json(alias)),
    summary: 'Give a model another name, or an alias another model',
    description:
      'Such as the name that clients of OpenAI send. Indexes that were created through the alias stay with the model that it stood for.',
    params: ofAlias,
    reply: json(aliasReply),
  },
  removeModelAlias: {
    ...writing,
    ...call('DELETE', '/v1/models/:model/aliases/:model_alias'),
    summary: 'Remove an alias',
    params: ofAlias,
    reply: json(z.object({ alias: z.string(), object: z.literal('model.alias'), deleted: z.literal(true) })),
  },
  listModelEvents: {
    ...reading,
    ...call('GET', '/v1/models/:model/events'),
    summary: 'What happened to a registered model, newest first: what, when and by which key',
    params: ofModel,
    query: pageQuery.extend({ after: wholeText(1).optional() }),
    reply: json(page(modelEvent)),
  },
} as const satisfies Record<string, Endpoint>;

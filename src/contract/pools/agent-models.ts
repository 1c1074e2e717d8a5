import * as z from 'zod';

import { agentCommon, attemptParams, fenceOfQuery, sha256 } from './agent-protocol.ts';
import { about } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json } from '../api/endpoint.ts';

// What an attempt reads of the registered model that its job works with. Models of the deployment are under `/models/`, for all to read.

const served = z.object({
  model: z.string().meta(about('The name of the model itself, even if the job names an alias.')),
  version: z.string(),
  task: z.enum(['embedding', 'sparse-embedding', 'cross-encoder', 'classifier', 'graph']),
  graph: z.string(),
  external_data: z.array(z.string()),
  tokens_max: z.int(),
  dimensions: z.int(),
  pooling: z.enum(['cls', 'mean', 'max', 'mean-sqrt-len', 'last-token', 'sum', 'none']),
  normalised: z.boolean(),
  labels: z.array(z.string()),
  activation: z.enum(['none', 'sigmoid', 'softmax', 'log1p-relu', 'log1p-log1p-relu']),
  prompts: z.object({ query: z.string().optional(), passage: z.string().optional() }),
  files: z.array(z.object({ path: z.string(), bytes: z.int(), sha256: z.string() })),
  contract_hash: z.string().meta(about('Hash of the fields above and of the files that the model computes with; the agent verifies it.')),
});

const deployed = z.object({
  deployed: z.string().meta(about('The model of the deployment that the name in the assignment is an alias of.', 'glove-sif-100')),
});

export type RegisteredModelReply = z.infer<typeof served>;

/** A model that agents read elsewhere. */
export type DeployedModel = z.infer<typeof deployed>;

export const agentModelEndpoints = {
  readAttemptModel: {
    ...agentCommon,
    ...call('GET', '/v1/pools/:pool/attempts/:attempt/model'),
    summary: 'The model that an attempt works with',
    description:
      'The version that serves now under the name in the assignment, for the tenant of the job; of an alias of a model of the deployment, the name of that. `model_not_found` where the name is neither that of a registered model nor an alias.',
    params: attemptParams,
    query: z.strictObject({ fence: fenceOfQuery }),
    reply: json(z.union([served, deployed])),
  },
  readAttemptModelFile: {
    ...agentCommon,
    ...call('GET', '/v1/pools/:pool/attempts/:attempt/model/file'),
    summary: 'Download a file of the registered model that an attempt works with',
    description: '`sha256` must be that of one of its `files`; any other is refused with `file_not_found`.',
    params: attemptParams,
    query: z.strictObject({ fence: fenceOfQuery, sha256 }),
    reply: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
} as const satisfies Record<string, Endpoint>;

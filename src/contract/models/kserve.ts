import * as z from 'zod';

import { about, apiLines } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { json, JSON_BYTES_HEADER, NO_BODY, PUBLIC, tenant } from '../api/endpoint.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { MODEL_LIMITS } from './model-limits.ts';
import { MODEL_NAME_CHARS_MAX, modelName } from '../embeddings/embedding-fields.ts';

/** Element types of tensors as KServe's Open Inference Protocol v2 names them. Half precision has no form in JSON, and none here. */
export const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP32',
  'FP64',
  'BYTES',
] as const;

const tensorName = z.string().max(API_LIMITS.tensorNameCharsMax);
const datatype = z.enum(DATATYPES);

/** What clients of Triton may ask for and is not done here: refused, since an answer that leaves it out would be another one. */
const notOffered = (why: string) => z.never({ error: `is not offered: ${why}` }).optional();
const NO_SHARED_MEMORY = 'values come as JSON, or as bytes behind it';
const sharedMemory = {
  shared_memory_region: notOffered(NO_SHARED_MEMORY),
  shared_memory_byte_size: notOffered(NO_SHARED_MEMORY),
  shared_memory_offset: notOffered(NO_SHARED_MEMORY),
};

const input = z.strictObject({
  name: tensorName,
  shape: z.array(z.int().min(0)).max(MODEL_LIMITS.tensorRankMax),
  datatype,
  parameters: z
    .looseObject({
      ...sharedMemory,
      binary_data_size: z.int().min(0).optional().meta(about('So many bytes behind the JSON are its values.')),
    })
    .optional(),
  data: z.unknown().optional().meta(about('The values, row by row, in nested arrays or in one.')),
});

const wanted = z.strictObject({
  name: tensorName,
  parameters: z
    .looseObject({
      ...sharedMemory,
      classification: notOffered('`POST /v1/classify` answers the labels of texts').meta(about('Not offered.')),
      binary_data: z.boolean().optional().meta(about('Whether its values come behind the JSON.')),
    })
    .optional(),
});

const infer = z.strictObject({
  id: z.string().max(API_LIMITS.tensorNameCharsMax).optional().meta(about('Repeated in the answer.')),
  model_name: z.string().max(MODEL_NAME_CHARS_MAX).optional().meta(about('The path names the model: not read.')),
  model_version: z.string().max(MODEL_NAME_CHARS_MAX).optional().meta(about('The path names the version: not read.')),
  parameters: z
    .looseObject({
      sequence_id: notOffered('calls are independent of each other'),
      binary_data_output: z.boolean().optional().meta(about('Whether the values of all outputs come behind the JSON.')),
    })
    .optional(),
  inputs: z.array(input).min(1).max(MODEL_LIMITS.inferTensorsMaxCount),
  outputs: z.array(wanted).max(MODEL_LIMITS.inferTensorsMaxCount).optional().meta(about('Those that are wanted. Absent: all.')),
});

const port = z.object({ name: z.string(), datatype, shape: z.array(z.int()).meta(about('-1: chosen by each call.')) });
const ofModel = { model_name: z.string(), model_version: z.string() };

/** `sluice_text`: a model of the deployment, whose input is texts. */
const platform = z.enum(['onnxruntime_onnx', 'sluice_text']);

const metadata = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform,
  inputs: z.array(port),
  outputs: z.array(port),
});

const configPort = z.object({
  name: z.string(),
  data_type: z.string().meta(about('As Triton names it.', 'TYPE_FP32')),
  dims: z.array(z.int()).meta(about('-1: chosen by each call.')),
});

/** A model as Triton's clients read its configuration. No dimension is left out: a call has all of them, the batch too. */
const config = z.object({
  name: z.string(),
  platform,
  backend: z.string(),
  max_batch_size: z.literal(0),
  input: z.array(configPort),
  output: z.array(configPort),
});

const indexed = z.object({ name: z.string(), version: z.string(), state: z.literal('READY'), reason: z.literal('') });

const output = z.object({
  name: z.string(),
  shape: z.array(z.int()),
  datatype,
  data: z.unknown().optional().meta(about('Row by row in one array; a number that is not finite is null.')),
  parameters: z.object({ binary_data_size: z.int() }).optional(),
});

const common = { tag: 'KServe', meters: [], status: 200, body: NO_BODY } as const;
const health = { ...common, method: 'GET', access: PUBLIC } as const;
const reading = { ...common, method: 'GET', access: tenant('inference') } as const;
const model = z.object({ model: modelName });
const version = z.object({ model: modelName, version: z.string().min(1).max(16) });
const ready = json(z.object({ name: z.string(), ready: z.literal(true) }));

const inferring = {
  tag: 'KServe',
  method: 'POST',
  access: tenant('inference'),
  meters: ['embedding_tokens', 'embedding_cached_tokens'],
  body: { ...json(infer), exactIntegers: true, hasBytesBehind: true, bytesMax: MODEL_LIMITS.inferBodyBytesMax },
  status: 200,
  reply: {
    ...json(z.object({ ...ofModel, id: z.string().optional(), outputs: z.array(output) })),
    bytesBehind: `With \`binary_data\` or \`binary_data_output\`: as many bytes of JSON as \`${JSON_BYTES_HEADER}\` says, then the data of the outputs.`,
  },
} as const;

/** KServe's Open Inference Protocol v2, with what Triton's clients ask for beyond it. */
export const kserveEndpoints = {
  kserveServer: {
    ...common,
    method: 'GET',
    path: '/v2',
    access: PUBLIC,
    summary: 'What the server is',
    reply: json(z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })),
  },
  kserveLive: {
    ...health,
    path: '/v2/health/live',
    summary: 'Whether the server answers',
    reply: json(z.object({ live: z.literal(true) })),
  },
  kserveReady: {
    ...health,
    path: '/v2/health/ready',
    summary: 'Whether the server can answer for its models',
    reply: json(z.object({ ready: z.literal(true) })),
  },
  kserveModels: {
    ...common,
    method: 'POST',
    path: '/v2/repository/index',
    access: tenant('inference'),
    summary: 'Models that answer',
    description:
      "As Triton's repository extension has it: of the deployment, the tenant and the platform, each with the version that serves.",
    reply: json(z.array(indexed)),
  },
  kserveModel: {
    ...reading,
    path: '/v2/models/:model',
    params: model,
    summary: 'Inputs and outputs of a model',
    reply: json(metadata),
  },
  kserveModelReady: {
    ...reading,
    path: '/v2/models/:model/ready',
    params: model,
    summary: 'Whether a model answers',
    reply: ready,
  },
  kserveModelConfig: {
    ...reading,
    path: '/v2/models/:model/config',
    params: model,
    summary: 'The configuration of a model, as Triton has it',
    reply: json(config),
  },
  kserveVersionConfig: {
    ...reading,
    path: '/v2/models/:model/versions/:version/config',
    params: version,
    summary: 'The configuration of a version, as Triton has it',
    reply: json(config),
  },
  kserveVersion: {
    ...reading,
    path: '/v2/models/:model/versions/:version',
    params: version,
    summary: 'Inputs and outputs of a version',
    reply: json(metadata),
  },
  kserveVersionReady: {
    ...reading,
    path: '/v2/models/:model/versions/:version/ready',
    params: version,
    summary: 'Whether a version answers',
    reply: ready,
  },
  kserveInfer: {
    ...inferring,
    path: '/v2/models/:model/infer',
    params: model,
    summary: 'Run the graph of a model on tensors',
    description: apiLines(
      'Tensors are JSON, or bytes behind the JSON (`binary_data_size`, and the header `Inference-Header-Content-Length`), as the binary tensor data extension has it. Whole numbers of 64 bits keep all of their digits. A body without a content type is read so, too.',
      '',
      'Registered models take what their graph does. A model of the deployment takes texts: `text`, of `BYTES`, of the shape `[n]` or `[n, 1]`; its answer is `embedding`, a vector for each.',
      '',
      'Metered as `embedding_tokens`: the tokens of texts; of a graph the values of its largest input, which for ids of texts are their tokens, padding included.',
    ),
  },
  kserveVersionInfer: {
    ...inferring,
    path: '/v2/models/:model/versions/:version/infer',
    params: version,
    summary: 'Run the graph of a version on tensors',
  },
} as const satisfies Record<string, Endpoint>;

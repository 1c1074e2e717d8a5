import * as z from 'zod';

import type { FileId } from '../../kernel/ids.ts';
import { about } from '../api/api-text.ts';
import { indexName } from '../api/common.ts';
import { fileId } from '../files/files.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';
import type { ModelBuild } from './model-builds.ts';
import { distill, prune, quantize } from './model-builds.ts';
import { PROGRAM_FIELDS } from './program.ts';
import { registration } from './registration.ts';

// What a job does, as the wire has it: a kind is here only if agents have a runner for it. What holds for the jobs of a kind: job-facts.ts.

const batchEmbedding = z.strictObject({
  kind: z.literal('batch_embedding'),
  model: z.string().min(1).max(API_LIMITS.nameCharsMax),
  input_file: fileId.meta(about('JSONL: OpenAI batch lines for `/v1/embeddings`, or `{"id","text"}` lines.')),
  format: z
    .literal('openai_batch')
    .optional()
    .meta(
      about(
        'By the rules of OpenAI batches: every line is a request with an id of its own, or the job fails with `input_invalid`; the answers to ' +
          'requests that fail are an output of their own, `errors.jsonl`. If absent, bad lines are answered among the others.',
      ),
    ),
});

const command = z.strictObject({ kind: z.literal('command'), ...PROGRAM_FIELDS });
const training = z.strictObject({
  kind: z.literal('training'),
  ...PROGRAM_FIELDS,
  register: registration
    .extend({
      folder: z
        .string()
        .max(JOB_LIMITS.artifactPathCharsMax)
        .optional()
        .meta(about('The outputs below it are the files of the model, in the layout of Hugging Face; absent: all outputs.', 'model')),
      parents: z
        .array(z.string().max(256))
        .max(64)
        .default([])
        .meta(about('What it was made of.', ['minilm@1'])),
    })
    .optional(),
});

const onlineInference = z.strictObject({
  kind: z.literal('online_inference'),
  model: z.string().min(1).max(API_LIMITS.nameCharsMax).meta(about('What each of its replicas serves, one on each node.', 'glove-sif-100')),
  server: z
    .literal('openai')
    .optional()
    .meta(
      about(
        'Each replica passes calls on to a server with the API of OpenAI that its operator runs beside the agent, such as vLLM, and that lists `model`. An upstream with `replicas:JOB` as its base URL calls them. If absent, the agent itself embeds with a model of the gateway.',
      ),
    ),
  scaling: z
    .strictObject({
      outstanding_per_replica: z
        .number()
        .min(JOB_LIMITS.replicaOutstandingMin)
        .max(JOB_LIMITS.replicaOutstandingMax)
        .default(JOB_LIMITS.replicaOutstandingDefault)
        .meta(about('Requests under way that a replica is to have on average: with more there are more replicas.')),
      scale_down_delay_s: z
        .int()
        .min(0)
        .max(JOB_LIMITS.replicaScaleDownDelaySMax)
        .default(JOB_LIMITS.replicaScaleDownDelayS)
        .meta(about('The load must have asked for fewer replicas for so long before there are fewer.')),
      min: z
        .literal(0)
        .optional()
        .meta(
          about(
            'Without calls for `scale_down_delay_s` it gives all of its nodes back and costs nothing; the first call gets it one again, and waits for it.',
          ),
        ),
    })
    .optional()
    .meta(
      about(
        'There are as many replicas as the load asks for, from `min` to `max` of `nodes`. If absent, as many as are free, up to `max`, or as `resize` says.',
      ),
    ),
});

const indexBuild = z.strictObject({
  kind: z.literal('index_build'),
  index: indexName.meta(about('The index whose lists are trained anew, or an alias of it.', 'articles')),
  shard: z
    .int()
    .min(0)
    .max(JOB_LIMITS.shardOrdinalMax)
    .default(0)
    .meta(about('Which of its shards; 0 is the only one of an index that was never split.')),
});

/** One schema for each kind. */
export const WORK_SCHEMAS = {
  batch_embedding: batchEmbedding,
  command,
  training,
  online_inference: onlineInference,
  index_build: indexBuild,
  quantize,
  prune,
  distill,
} as const;

export type JobKind = keyof typeof WORK_SCHEMAS;
export const JOB_KINDS = Object.keys(WORK_SCHEMAS) as [JobKind, ...JobKind[]];

export type WorkRequest = z.output<(typeof WORK_SCHEMAS)[JobKind]>;
export type Program = z.output<typeof command> | z.output<typeof training>;

interface BatchEmbedding {
  readonly kind: 'batch_embedding';
  readonly model: string;
  readonly inputFile: FileId;
  /** Absent: bad lines are answered among the others. */
  readonly format?: 'openai_batch';
}

type OnlineInference = z.output<typeof onlineInference>;

type IndexBuild = z.output<typeof indexBuild>;

/** What a job does, as its runner sees it. */
export type Work = BatchEmbedding | Program | OnlineInference | IndexBuild | ModelBuild;

/** The work that a request asks for; its other fields are left out. */
export function workOf(request: WorkRequest): Work {
  if (request.kind === 'batch_embedding') {
    const { kind, model, input_file, format } = request;
    return { kind, model, inputFile: input_file as FileId, ...(format === undefined ? {} : { format }) };
  }
  if (request.kind === 'index_build') return { kind: request.kind, index: request.index, shard: request.shard };
  if (request.kind === 'online_inference') {
    const { kind, model, server, scaling } = request;
    return { kind, model, ...(server === undefined ? {} : { server }), ...(scaling === undefined ? {} : { scaling }) };
  }
  if (request.kind !== 'command' && request.kind !== 'training') return buildOf(request);
  const { argv, environment, inputs, outputs, checkpoint, limits } = request;
  const program = { argv, environment, inputs, outputs, ...(checkpoint === undefined ? {} : { checkpoint }), limits };
  if (request.kind === 'command') return { kind: request.kind, ...program };
  return { kind: request.kind, ...program, ...(request.register === undefined ? {} : { register: request.register }) };
}

/** Its own fields alone: a request has those of the scheduler beside them. */
const buildOf = (request: ModelBuild): ModelBuild =>
  Object.fromEntries(Object.keys(WORK_SCHEMAS[request.kind].shape).flatMap((field) => fieldOf(request, field))) as unknown as ModelBuild;

const fieldOf = (request: object, field: string): [string, unknown][] => {
  const value = (request as Readonly<Record<string, unknown>>)[field];
  return value === undefined ? [] : [[field, value]];
};

/** The work as the wire has it. */
export function workReply(work: Work): WorkRequest {
  if (work.kind !== 'batch_embedding') return work;
  const { kind, model, inputFile, format } = work;
  return { kind, model, input_file: inputFile, ...(format === undefined ? {} : { format }) };
}

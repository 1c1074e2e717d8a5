import * as z from 'zod';

import type { FileId } from '../kernel/ids.ts';
import { about } from './api-text.ts';
import type { FieldPath } from './field-path.ts';
import { fileId } from './files.ts';
import { LIMITS } from './limits.ts';
import { PROGRAM_FIELDS } from './program.ts';

// What a job does. A kind is here only if agents have a runner for it: its fields as the wire has them, the same as runners get them, and
// what the rest of the system has to know of it.

const batchEmbedding = z.strictObject({
  kind: z.literal('batch_embedding'),
  model: z.string().min(1).max(LIMITS.nameCharsMax),
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
const training = z.strictObject({ kind: z.literal('training'), ...PROGRAM_FIELDS });

/** One schema for each kind. */
export const WORK_SCHEMAS = { batch_embedding: batchEmbedding, command, training } as const;

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

/** What a job does, as its runner sees it. */
export type Work = BatchEmbedding | Program;

/** What holds for all jobs of a kind. */
interface KindFacts {
  /** What the scheduler's policies call such jobs. */
  readonly schedulerKind: 'training' | 'batch_inference' | 'online_inference' | 'index_build' | 'distillation' | 'command';
  /** On how many nodes its runner can run one job. */
  readonly nodesMax: number;
  /** Whether an agent runs such jobs only if its operator says so: they run code of tenants. */
  readonly isOptIn: boolean;
  /** Whether it embeds the items of its input, and is charged for their tokens. */
  readonly embedsInput: boolean;
}

export const KIND_FACTS: Readonly<Record<JobKind, KindFacts>> = {
  batch_embedding: { schedulerKind: 'batch_inference', nodesMax: 1, isOptIn: false, embedsInput: true },
  command: { schedulerKind: 'command', nodesMax: 1, isOptIn: true, embedsInput: false },
  training: { schedulerKind: 'training', nodesMax: LIMITS.gangNodesMaxCount, isOptIn: true, embedsInput: false },
};

/** The work that a request asks for; its other fields are left out. */
export function workOf(request: WorkRequest): Work {
  if (request.kind === 'batch_embedding') {
    const { kind, model, input_file, format } = request;
    return { kind, model, inputFile: input_file as FileId, ...(format === undefined ? {} : { format }) };
  }
  const { kind, argv, environment, inputs, outputs, checkpoint, limits } = request;
  return { kind, argv, environment, inputs, outputs, ...(checkpoint === undefined ? {} : { checkpoint }), limits };
}

/** The work as the wire has it. */
export function workReply(work: Work): WorkRequest {
  if (work.kind !== 'batch_embedding') return work;
  const { kind, model, inputFile, format } = work;
  return { kind, model, input_file: inputFile, ...(format === undefined ? {} : { format }) };
}

/** The model that the work needs a pool to have; null: none. */
export const modelOf = (work: Work): string | null => (work.kind === 'batch_embedding' ? work.model : null);

/** The paths of the files that the work writes, in the order in which attempts number them. */
export function outputPathsOf(work: Work): readonly string[] {
  if (work.kind !== 'batch_embedding') return work.outputs;
  return work.format === 'openai_batch' ? [OUTPUT_PATH, ERRORS_PATH] : [OUTPUT_PATH];
}

/** What the answers to a file of requests are written to, and in an OpenAI batch the answers to requests that fail. */
export const OUTPUT_PATH = 'output.jsonl';
export const ERRORS_PATH = 'errors.jsonl';

/** Whether an attempt may leave an output out, which then would be empty. */
export const isOptional = (work: Work, path: string): boolean => work.kind === 'batch_embedding' && path === ERRORS_PATH;

/** The files that the work reads, by the fields of the request that name them, in the order in which attempts number them. */
export const inputFilesOf = (work: Work): readonly { readonly field: FieldPath; readonly id: FileId }[] =>
  work.kind === 'batch_embedding'
    ? [{ field: ['input_file'], id: work.inputFile }]
    : work.inputs.map(({ file }, at) => ({ field: ['inputs', at, 'file'], id: file as FileId }));

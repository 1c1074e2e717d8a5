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
    const { kind, model, input_file } = request;
    return { kind, model, inputFile: input_file as FileId };
  }
  const { kind, argv, environment, inputs, outputs, checkpoint, limits } = request;
  return { kind, argv, environment, inputs, outputs, ...(checkpoint === undefined ? {} : { checkpoint }), limits };
}

/** The work as the wire has it. */
export const workReply = (work: Work): WorkRequest =>
  work.kind === 'batch_embedding' ? { kind: work.kind, model: work.model, input_file: work.inputFile } : work;

/** The model that the work needs a pool to have; null: none. */
export const modelOf = (work: Work): string | null => (work.kind === 'batch_embedding' ? work.model : null);

/** The paths of the files that the work writes, in the order in which attempts number them. */
export const outputPathsOf = (work: Work): readonly string[] => (work.kind === 'batch_embedding' ? ['output.jsonl'] : work.outputs);

/** The files that the work reads, by the fields of the request that name them, in the order in which attempts number them. */
export const inputFilesOf = (work: Work): readonly { readonly field: FieldPath; readonly id: FileId }[] =>
  work.kind === 'batch_embedding'
    ? [{ field: ['input_file'], id: work.inputFile }]
    : work.inputs.map(({ file }, at) => ({ field: ['inputs', at, 'file'], id: file as FileId }));

import * as z from 'zod';

import type { FileId } from '../kernel/ids.ts';
import { about } from './api-text.ts';
import { fileId } from './files.ts';
import { LIMITS } from './limits.ts';

// What a job does. A kind is here only if agents have a runner for it: its fields as the wire has them, the same as runners get them, and
// what the rest of the system has to know of it.

const batchEmbedding = z.strictObject({
  kind: z.literal('batch_embedding'),
  model: z.string().min(1).max(LIMITS.nameCharsMax),
  input_file: fileId.meta(about('JSONL: OpenAI batch lines for `/v1/embeddings`, or `{"id","text"}` lines.')),
});

/** One schema for each kind. */
export const WORK_SCHEMAS = { batch_embedding: batchEmbedding } as const;

export type JobKind = keyof typeof WORK_SCHEMAS;
export const JOB_KINDS = Object.keys(WORK_SCHEMAS) as [JobKind, ...JobKind[]];

export type WorkRequest = z.output<(typeof WORK_SCHEMAS)[JobKind]>;

interface BatchEmbedding {
  readonly kind: 'batch_embedding';
  readonly model: string;
  readonly inputFile: FileId;
}

/** What a job does, as its runner sees it. */
export type Work = BatchEmbedding;

/** What holds for all jobs of a kind. */
interface KindFacts {
  /** What the scheduler's policies call such jobs. */
  readonly schedulerKind: 'training' | 'batch_inference' | 'online_inference' | 'index_build' | 'distillation' | 'command';
  /** On how many nodes its runner can run one job. */
  readonly nodesMax: number;
}

export const KIND_FACTS: Readonly<Record<JobKind, KindFacts>> = {
  batch_embedding: { schedulerKind: 'batch_inference', nodesMax: 1 },
};

/** The work that a request asks for. */
export const workOf = ({ kind, model, input_file }: WorkRequest): Work => ({ kind, model, inputFile: input_file as FileId });

/** The work as the wire has it. */
export const workReply = ({ kind, model, inputFile }: Work): WorkRequest => ({ kind, model, input_file: inputFile });

/** The model that the work needs a pool to have; null: none. */
export const modelOf = ({ model }: Work): string | null => model;

/** The paths of the files that the work writes, in the order in which attempts number them. */
export const outputPathsOf = (_work: Work): readonly string[] => ['output.jsonl'];

/** The files that the work reads, by the fields of the request that name them. */
export const inputFilesOf = ({ inputFile }: Work): readonly { readonly field: string; readonly id: FileId }[] => [
  { field: 'input_file', id: inputFile },
];

import type { FileId } from '../../kernel/ids.ts';
import type { FieldPath } from '../api/field-path.ts';
import type { JobKind, Program, Work } from './job-work.ts';
import type { ModelBuild } from './model-builds.ts';
import type { Registration } from './registration.ts';
import { JOB_LIMITS } from './job-limits.ts';

// What the rest of the system has to know of jobs: what holds for all jobs of a kind, and what names of priorities stand for. Without
// schemas: the Worker of the scheduler validates nothing, and does not carry the library for it.

export const PRIORITY_NAMES = ['low', 'normal', 'high'] as const;
export type Priority = (typeof PRIORITY_NAMES)[number] | number;

/** What the names stand for. */
export const NAMED_PRIORITIES: Readonly<Record<(typeof PRIORITY_NAMES)[number], number>> = { low: 10, normal: 50, high: 100 };

/** What holds for all jobs of a kind. */
interface KindFacts {
  /** What the scheduler's policies call such jobs. */
  readonly schedulerKind: 'training' | 'batch_inference' | 'online_inference' | 'index_build' | 'distillation' | 'command';
  /** On how many nodes its runner can run one job. */
  readonly nodesMax: number;
  /** Whether an agent runs such jobs only if its operator says so: they run code of tenants, open a port, or keep its cores busy. */
  readonly isOptIn: boolean;
  /** Whether its members work by themselves: one that is lost is replaced, while the others go on. */
  readonly isReplicated?: true;
  /** Whether it embeds the items of its input, and is charged for their tokens. */
  readonly embedsInput: boolean;
}

export const KIND_FACTS: Readonly<Record<JobKind, KindFacts>> = {
  batch_embedding: { schedulerKind: 'batch_inference', nodesMax: 1, isOptIn: false, embedsInput: true },
  command: { schedulerKind: 'command', nodesMax: 1, isOptIn: true, embedsInput: false },
  training: { schedulerKind: 'training', nodesMax: JOB_LIMITS.gangNodesMaxCount, isOptIn: true, embedsInput: false },
  online_inference: {
    schedulerKind: 'online_inference',
    nodesMax: JOB_LIMITS.gangNodesMaxCount,
    isOptIn: true,
    isReplicated: true,
    embedsInput: false,
  },
  index_build: { schedulerKind: 'index_build', nodesMax: 1, isOptIn: true, embedsInput: false },
  quantize: { schedulerKind: 'distillation', nodesMax: 1, isOptIn: true, embedsInput: false },
  prune: { schedulerKind: 'distillation', nodesMax: 1, isOptIn: true, embedsInput: false },
  distill: { schedulerKind: 'distillation', nodesMax: 1, isOptIn: true, embedsInput: false },
};

/** A job that runs a program of its tenant. */
export const isProgram = (work: Work): work is Program => work.kind === 'command' || work.kind === 'training';

/** The model that the work needs a pool to have; null: none. */
export const modelOf = (work: Work): string | null => ('model' in work ? (work.model ?? null) : null);

/** A job whose replicas pass calls on to servers that agents have beside them: none of the gateway's models takes part. */
export const hasServers = (work: Work): boolean => work.kind === 'online_inference' && work.server !== undefined;

/** A job that makes one model of another. */
export const isBuild = (work: Work): work is ModelBuild => work.kind === 'quantize' || work.kind === 'prune' || work.kind === 'distill';

/** What the job is to register once it has succeeded. */
export const registrationOf = (
  work: Work,
): (Registration & { readonly folder?: string | undefined; readonly parents?: readonly string[] }) | undefined =>
  'register' in work ? work.register : undefined;

/** Whether the load of its replicas decides how many there are. */
export const followsLoad = (work: Work): boolean => work.kind === 'online_inference' && work.scaling !== undefined;

/** The paths of the files that the work writes, in the order in which attempts number them. */
export function outputPathsOf(work: Work): readonly string[] {
  if (isProgram(work)) return work.outputs;
  if (isBuild(work)) return BUILD_OUTPUTS;
  if (work.kind !== 'batch_embedding') return [];
  return work.format === 'openai_batch' ? [OUTPUT_PATH, ERRORS_PATH] : [OUTPUT_PATH];
}

/** What the answers to a file of requests are written to, and in an OpenAI batch the answers to requests that fail. */
export const OUTPUT_PATH = 'output.jsonl';
export const ERRORS_PATH = 'errors.jsonl';

/** What a job that makes one model of another leaves: the graph, how it was made, and what was measured. */
export const BUILD_OUTPUTS = ['model.onnx', 'recipe.json', 'report.json'] as const;

/** The fields of such a job, and of its gate, that name files, in the order in which attempts number them. */
const BUILD_FILE_FIELDS = ['calibration_file', 'corpus_file', 'texts_file', 'vectors_file'] as const;
const GATE_FILE_FIELDS = ['retrieval_file', 'sts_file'] as const;

/** Whether an attempt may leave an output out, which then would be empty. */
export const isOptional = (work: Work, path: string): boolean => work.kind === 'batch_embedding' && path === ERRORS_PATH;

/** The files that the work reads, by the fields of the request that name them, in the order in which attempts number them. */
export function inputFilesOf(work: Work): readonly { readonly field: FieldPath; readonly id: FileId }[] {
  if (isProgram(work)) return work.inputs.map(({ file }, at) => ({ field: ['inputs', at, 'file'], id: file as FileId }));
  if (isBuild(work)) return buildFilesOf(work);
  return work.kind === 'batch_embedding' ? [{ field: ['input_file'], id: work.inputFile }] : [];
}

type InputFile = { readonly field: FieldPath; readonly id: FileId };

const buildFilesOf = (build: ModelBuild): InputFile[] => [
  ...filesNamedIn(build, BUILD_FILE_FIELDS, []),
  ...('gate' in build ? filesNamedIn(build.gate, GATE_FILE_FIELDS, ['gate']) : []),
];

const filesNamedIn = (of: object, fields: readonly string[], at: FieldPath): InputFile[] =>
  fields.flatMap((field) => {
    const id = (of as Readonly<Record<string, unknown>>)[field];
    return typeof id === 'string' ? [{ field: [...at, field], id: id as FileId }] : [];
  });

import type { AttemptId, FileId, JobId, TenantId } from '../../kernel/ids.ts';
import type { Work } from './job-work.ts';
import type { LineFault, Progress } from './attempt-report.ts';

/** Why an attempt ended without output. What follows from each is the scheduler's retry policy. */
export const FAILURE_REASONS = [
  'input_missing',
  'input_too_large',
  /** A line of an OpenAI batch is no request, or shares its id with another. */
  'input_invalid',
  'output_too_large',
  'model_unavailable',
  'agent_error',
  /** The agent has no runner for the kind of job. */
  'kind_not_offered',
  /** What arrived is not what is stored. */
  'input_corrupt',
  /** The program ended otherwise than with the exit code 0. */
  'command_failed',
  /** A process of the program used more than it may. */
  'resource_exceeded',
  /** The program ended without a file that it has to leave behind. */
  'output_missing',
  /** The index was deleted, rebuilt or trained otherwise while its lists were built: nothing of it was taken. */
  'index_changed',
  /** The model that the job has made is too far from the one it was made of: nothing was registered. */
  'gate_refused',
  /** What the job has made is no version of the model that it was to be: its files are the outputs of no job. */
  'registration_refused',
  /** The agent stopped in good order and gave the work back. */
  'released',
  /** The agent stopped because the job is being cancelled. */
  'cancelled',
  /** The agent, or its whole pool, fell silent. */
  'lease_expired',
  /** No agent ever confirmed the attempt. */
  'never_started',
  /** The quotas and budgets above the job, or what the job itself may cost, are used up. */
  'budget_exhausted',
  /** The agent claimed to have used more than the input can come to: nothing of it was accepted. */
  'claim_refused',
] as const;

export type FailureReason = (typeof FAILURE_REASONS)[number];

/** One attempt at a job, handed by the scheduler to a pool. The fence is higher than that of any earlier attempt at the job. */
export interface Grant {
  readonly attemptId: AttemptId;
  readonly jobId: JobId;
  readonly fence: number;
  readonly tenantId: TenantId;
  /** The team that owns the job, and so its output. */
  readonly owner: string;
  readonly work: Work;
  /** How long what it makes is kept; null: until it is deleted. Absent in attempts that were handed out before files could expire. */
  readonly outputLifeMs?: number | null;
  /** Id under which the attempt's output is stored; it becomes the job's if the attempt's completion is accepted. */
  readonly outputFile: FileId;
  /** How long it may take to stop. As the next two, absent in attempts from before programs could be run. */
  readonly graceMs?: number;
  readonly checkpointIntervalMs?: number | null;
  /** What the attempt begins with; absent or null: nothing was saved. */
  readonly checkpoint?: Checkpoint | null;
  /** Of an attempt on several nodes: which of them, and how many there are. Rank 0 speaks for the job. */
  readonly rank?: number;
  readonly worldSize?: number;
  /** How often the members of the attempt had changed; absent: never. */
  readonly version?: number;
  /** Which accelerators of its node it has, from 0; absent: none. [J281] */
  readonly devices?: readonly number[];
  /** So many thousandths of that accelerator; absent: all of each. */
  readonly deviceMilli?: number;
}

/** What an attempt has saved of its work, stored in the name of the job. */
export interface Checkpoint {
  readonly file: FileId;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** Where a replica of online inference is reached, and whether it answers. */
export interface Serving {
  readonly url: string;
  /** What a caller has to show. */
  readonly key: string;
  readonly isHealthy: boolean;
  /** Thousandths of requests that it has had under way of late, on average; absent: not measured. */
  readonly outstandingMilli?: number;
}

/** Whether a replica says that it serves elsewhere than is known, or that its health is another. */
export const isNews = (known: Serving | undefined, said: Serving | undefined): said is Serving =>
  said !== undefined && (known?.url !== said.url || known.key !== said.key || known.isHealthy !== said.isHealthy);

/** Whether a replica says that it has more or less to do than is known. */
export const hasOtherLoad = (known: Serving | undefined, said: Serving | undefined): said is Serving =>
  said !== undefined && known?.outstandingMilli !== said.outstandingMilli;

/** So many thousandths of its own unit of work an attempt has done in that time. */
export interface Throughput {
  readonly workMilli: number;
  readonly overMs: number;
}

/** News of an attempt, from a pool to the scheduler. */
export type AttemptReport = {
  readonly jobId: JobId;
  readonly fence: number;
  /** The number of the member, where several nodes run the attempt; absent: 0. */
  readonly rank?: number | undefined;
} & AttemptNews;

export type AttemptNews =
  /** Alive; `throughput`: how fast it has been since it last said so. */
  | { readonly kind: 'progress'; readonly progress: Progress; readonly throughput?: Throughput; readonly serving?: Serving }
  | { readonly kind: 'saved'; readonly checkpoint: Checkpoint }
  | AttemptEnding;

/** How an attempt ended. */
export type AttemptEnding =
  | {
      readonly kind: 'completed';
      readonly progress: Progress;
      readonly tokens: number;
      /** Absent in what was stored before outputs were named. */
      readonly outputs?: readonly JobOutput[];
      /** The version that the outputs were registered as, such as `minilm@2`. */
      readonly registeredModel?: string;
    }
  | {
      readonly kind: 'failed';
      readonly reason: FailureReason;
      readonly message: string;
      /** Of a program that ended by itself. */
      readonly exitCode?: number;
      /** Of an input that is invalid. */
      readonly lines?: readonly LineFault[];
    };

/** A file that a job has made. */
export interface JobOutput {
  readonly path: string;
  readonly file: FileId;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/**
 * What the scheduler makes of a report: go on; stop, since the job is being cancelled, or will run again later; the end is on record (again,
 * for a duplicate); or the fence is not the job's newest, and nothing changed.
 */
export type ReportVerdict = 'continue' | 'cancel' | 'stop' | 'accepted' | 'stale';

// `job_X` at fence 3 is tried as `att_X_3` and writes `file_X_3`: names that no other attempt can have, and that need no look-up.

const suffix = (id: JobId): string => id.slice('job_'.length);

/** `rank`: the number of the member, where several nodes run the attempt: its rank when the attempt began, and another for each that joins later. */
export const attemptIdOf = (id: JobId, fence: number, rank = 0): AttemptId =>
  `att_${suffix(id)}_${fence}${rank === 0 ? '' : `_${rank}`}` as AttemptId;

export const rankOfAttempt = (id: AttemptId): number => Number(id.split('_')[3] ?? 0);

/** The attempt, or the member of one, that a report is about. */
export const attemptOfReport = ({ jobId, fence, rank }: AttemptReport): AttemptId => attemptIdOf(jobId, fence, rank);

/** `index`: which of its outputs. */
/** Of the content: the same content is the same file. No agent's fence is in it, as it outlives the attempt. */
export const checkpointFileOf = (id: JobId, sha256: string): FileId => `${checkpointPrefixOf(id)}${sha256.slice(0, 32)}` as FileId;

export const checkpointPrefixOf = (id: JobId): string => `file_${suffix(id)}_c`;

export const outputFileOf = (id: JobId, fence: number, index = 0): FileId =>
  `file_${suffix(id)}_${fence}${index === 0 ? '' : `_${index}`}` as FileId;

/** The job that an attempt is at. */
export const jobOfAttempt = (id: AttemptId): JobId => `job_${id.split('_')[1]}` as JobId;

/** The job whose attempt writes this file, or undefined for an uploaded file. */
export function jobOfOutput(id: FileId): JobId | undefined {
  const [, stem, fence] = id.split('_');
  return fence === undefined ? undefined : (`job_${stem}` as JobId);
}

/** The id of an attempt as a whole, without the rank of a member. */
export const ATTEMPT_ID = /^att_[0-9a-z]{26}_\d{1,9}$/;

/** The attempt that a job of a cluster is named after. */
export const attemptIdIn = (name: string): AttemptId | undefined => (ATTEMPT_ID.test(name) ? (name as AttemptId) : undefined);

/** The fencing token in an attempt's id: `att_X_3` has 3. */
export const fenceOf = (id: AttemptId): number => Number(id.split('_')[2]);

import * as z from 'zod';

import type { AttemptId, FileId, JobId, TenantId } from '../kernel/ids.ts';
import { about } from './api-text.ts';
import type { Work } from './job-work.ts';

/** Why an attempt ended without output. What follows from each is the scheduler's retry policy. */
export const FAILURE_REASONS = [
  'input_missing',
  'input_too_large',
  'output_too_large',
  'model_unavailable',
  'agent_error',
  /** The agent stopped in good order and gave the work back. */
  'released',
  /** The agent stopped because the job is being cancelled. */
  'cancelled',
  /** The agent, or its whole pool, fell silent. */
  'lease_expired',
  /** No agent ever confirmed the attempt. */
  'never_started',
] as const;

export type FailureReason = (typeof FAILURE_REASONS)[number];

/** Items of the input by how they ended: no item counts twice, so `completed + failed` are done. `total` is null until it is known. */
export const progress = z.strictObject({
  completed: z.int().min(0).meta(about('Items that succeeded.')),
  failed: z.int().min(0).meta(about('Items that failed; `completed` does not count them.')),
  total: z.int().min(0).nullable().meta(about('Items of the input; null until they have been counted.')),
});

export type Progress = z.infer<typeof progress>;

/** One attempt at a job, handed by the scheduler to a pool. The fence is higher than that of any earlier attempt at the job. */
export interface Grant {
  readonly attemptId: AttemptId;
  readonly jobId: JobId;
  readonly fence: number;
  readonly tenantId: TenantId;
  /** The team that owns the job, and so its output. */
  readonly owner: string;
  readonly work: Work;
  /** Id under which the attempt's output is stored; it becomes the job's if the attempt's completion is accepted. */
  readonly outputFile: FileId;
}

/** So many thousandths of its own unit of work an attempt has done in that time. */
export interface Throughput {
  readonly workMilli: number;
  readonly overMs: number;
}

/** News of an attempt, from a pool to the scheduler. */
export type AttemptReport = { readonly jobId: JobId; readonly fence: number } & AttemptNews;

export type AttemptNews =
  /** Alive; `throughput`: how fast it has been since it last said so. */
  { readonly kind: 'progress'; readonly progress: Progress; readonly throughput?: Throughput } | AttemptEnding;

/** How an attempt ended. */
export type AttemptEnding =
  | {
      readonly kind: 'completed';
      readonly progress: Progress;
      readonly tokens: number;
      /** Absent in what was stored before outputs were named. */
      readonly outputs?: readonly JobOutput[];
    }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly message: string };

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

export const attemptIdOf = (id: JobId, fence: number): AttemptId => `att_${suffix(id)}_${fence}` as AttemptId;

/** `index`: which of its outputs. */
export const outputFileOf = (id: JobId, fence: number, index = 0): FileId =>
  `file_${suffix(id)}_${fence}${index === 0 ? '' : `_${index}`}` as FileId;

/** The job that an attempt is at. */
export const jobOfAttempt = (id: AttemptId): JobId => `job_${id.split('_')[1]}` as JobId;

/** The job whose attempt writes this file, or undefined for an uploaded file. */
export function jobOfOutput(id: FileId): JobId | undefined {
  const [, stem, fence] = id.split('_');
  return fence === undefined ? undefined : (`job_${stem}` as JobId);
}

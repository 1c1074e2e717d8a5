import type { AttemptId, FileId, JobId } from '../kernel/ids.ts';

// `job_X` at fence 3 is tried as `att_X_3` and writes `file_X_3`: names that no other attempt can have, and that need no look-up.

const suffix = (id: JobId): string => id.slice('job_'.length);

export const attemptIdOf = (id: JobId, fence: number): AttemptId => `att_${suffix(id)}_${fence}` as AttemptId;
export const outputFileOf = (id: JobId, fence: number): FileId => `file_${suffix(id)}_${fence}` as FileId;

/** The job that an attempt is at. */
export const jobOfAttempt = (id: AttemptId): JobId => `job_${id.split('_')[1]}` as JobId;

/** The job whose attempt writes this file, or undefined for an uploaded file. */
export function jobOfOutput(id: FileId): JobId | undefined {
  const [, stem, fence] = id.split('_');
  return fence === undefined ? undefined : (`job_${stem}` as JobId);
}

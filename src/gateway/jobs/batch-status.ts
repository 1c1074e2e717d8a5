import type { BatchStatus } from '../../contract/jobs/batches.ts';
import { ERRORS_PATH, OUTPUT_PATH } from '../../contract/jobs/job-facts.ts';
import type { LineFault } from '../../contract/jobs/attempt-report.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { FileId } from '../../kernel/ids.ts';
import type { Job } from '../../scheduler/served/jobs/job.ts';

/** The status of a batch, by the state of its job. An attempt that is lost does not take it back to `validating`. [J153] */
export function statusOf({ state, error, progress, countedAtMs }: Job): BatchStatus {
  switch (state) {
    case 'succeeded':
      return 'completed';
    case 'failed':
      return error?.reason === 'deadline_exceeded' ? 'expired' : 'failed';
    case 'cancelling':
    case 'cancelled':
      return state;
    case 'pending':
    case 'suspended':
    case 'starting':
    case 'running':
    case 'stopping':
      if (countedAtMs === null) return 'validating';
      return progress.completed + progress.failed === progress.total ? 'finalizing' : 'in_progress';
    default:
      return unreachable(state);
  }
}

/** Why a batch failed: the faults of its input, or that of its job. Null: it has not failed. */
export function faultsOf(job: Job): readonly LineFault[] | null {
  const { error } = job;
  if (error === null || statusOf(job) !== 'failed') return null;
  return error.lines ?? [{ code: error.reason, line: null, message: error.message, param: null }];
}

/** The answers to the requests that succeeded, and to those that failed; null where there are none. */
export function filesOf({ outputs = [], progress }: Job): { readonly output: FileId | null; readonly errors: FileId | null } {
  const fileAt = (path: string): FileId | null => outputs.find((output) => output.path === path)?.file ?? null;
  return { output: progress.completed > 0 ? fileAt(OUTPUT_PATH) : null, errors: fileAt(ERRORS_PATH) };
}

/** When each status began, in ms; null: it has not, or something else came of the batch. */
export function momentsOf(job: Job) {
  const { countedAtMs, doneAtMs, cancelAskedAtMs, finishedAtMs } = job;
  const status = statusOf(job);
  const ended = (as: BatchStatus): number | null => (status === as ? finishedAtMs : null);
  const isCancelled = status === 'cancelling' || status === 'cancelled';
  return {
    inProgress: countedAtMs,
    finalizing: status === 'finalizing' || status === 'completed' ? doneAtMs : null,
    completed: ended('completed'),
    failed: ended('failed'),
    expired: ended('expired'),
    cancelling: isCancelled ? cancelAskedAtMs : null,
    cancelled: ended('cancelled'),
  };
}

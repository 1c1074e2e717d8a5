import type { FailureReason } from '../../contract/attempt.ts';
import type { Job } from './job.ts';

/** `permanent`: retrying cannot help. `counted`: retried, up to the job's limit. `free`: not the job's fault, always retried. */
type Policy = 'permanent' | 'counted' | 'free';

const POLICY = {
  input_missing: 'permanent',
  input_too_large: 'permanent',
  output_too_large: 'permanent',
  model_unavailable: 'counted',
  agent_error: 'counted',
  // An attempt that was confirmed and then fell silent may be killing its agents: it counts.
  lease_expired: 'counted',
  never_started: 'free',
  released: 'free',
  // Only right for a job that is being cancelled, which is never tried again; otherwise the agent is confused.
  cancelled: 'counted',
} as const satisfies Record<FailureReason, Policy>;

/** Whether an attempt that ended for this reason counts against the job. */
export const counts = (reason: FailureReason): boolean => POLICY[reason] !== 'free';

/** Whether a job with `failures` counted failures is tried again after one for `reason`. */
export const triesAgain = (job: Pick<Job, 'attemptsMax'>, failures: number, reason: FailureReason): boolean =>
  POLICY[reason] !== 'permanent' && failures < job.attemptsMax;

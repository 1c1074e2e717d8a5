import type { FailureReason } from '../../contract/attempt.ts';
import type { AttemptNews } from '../engine/cell/event.ts';

/**
 * `permanent`: retrying cannot help. `counted`: retried, up to the job's limit. `free`: not the job's fault, always retried. `unpaid`: as
 * `free`, once its payer can pay.
 */
type Policy = 'permanent' | 'counted' | 'free' | 'unpaid';

const POLICY = {
  input_missing: 'permanent',
  input_too_large: 'permanent',
  output_too_large: 'permanent',
  input_invalid: 'permanent',
  index_changed: 'permanent',
  gate_refused: 'permanent',
  registration_refused: 'permanent',
  model_unavailable: 'counted',
  agent_error: 'counted',
  kind_not_offered: 'counted',
  input_corrupt: 'counted',
  command_failed: 'counted',
  resource_exceeded: 'counted',
  output_missing: 'counted',
  // An attempt that was confirmed and then fell silent may be killing its agents: it counts.
  lease_expired: 'counted',
  never_started: 'free',
  // The job waits until its tokens are paid.
  budget_exhausted: 'unpaid',
  claim_refused: 'counted',
  released: 'free',
  // Only right for a job that is being cancelled, which is never tried again; otherwise the agent is confused.
  cancelled: 'counted',
} as const satisfies Record<FailureReason, Policy>;

const NEWS = {
  permanent: { kind: 'failed', isPermanent: true },
  counted: { kind: 'failed', isPermanent: false },
  free: { kind: 'released' },
  unpaid: { kind: 'unpaid' },
} as const satisfies Record<Policy, AttemptNews>;

/** The event by which the engine learns that an attempt ended without output. */
export const newsOfFailure = (reason: FailureReason): AttemptNews => NEWS[POLICY[reason]];

export const policyOf = (reason: FailureReason): Policy => POLICY[reason];

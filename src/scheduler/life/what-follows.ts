import type { EvictionReason } from '../machine/job-record.ts';

/** What becomes of a job that has left its place, by why it had to. */
export const AFTER_LEAVING = {
  priority: 'evicted',
  reclaim: 'evicted',
  fair_share: 'evicted',
  spot_notice: 'evicted',
  node_drain: 'evicted',
  node_lost: 'evicted',
  tenant_suspended: 'evicted',
  scaled_to_zero: 'evicted',
  max_duration: 'failed',
  cost_cap: 'failed',
  deadline: 'expired',
  cancelled: 'cancelled',
} as const satisfies Record<EvictionReason, 'evicted' | 'failed' | 'expired' | 'cancelled'>;

/** Whether a job that is leaving for one reason shall leave for the other instead: it must not come back when the other forbids it. */
export const overrides = (reason: EvictionReason, former: EvictionReason): boolean =>
  AFTER_LEAVING[former] === 'evicted' && AFTER_LEAVING[reason] !== 'evicted';

import type { EndReason, EvictionReason } from '../machine/job-record.ts';

/** The state of a job that has left its nodes: it waits again, or is over. */
type Aftermath = { readonly state: 'evicted' } | { readonly state: 'failed' | 'expired' | 'cancelled'; readonly endReason: EndReason };

const WAITS: Aftermath = { state: 'evicted' };

/** The state of a job that has left its nodes, by the reason of its eviction. */
export const AFTER_LEAVING: Readonly<Record<EvictionReason, Aftermath>> = {
  priority: WAITS,
  reclaim: WAITS,
  fair_share: WAITS,
  spot_notice: WAITS,
  node_drain: WAITS,
  node_lost: WAITS,
  tenant_suspended: WAITS,
  scaled_to_zero: WAITS,
  max_duration: { state: 'failed', endReason: 'max_duration' },
  cost_cap: { state: 'failed', endReason: 'cost_cap' },
  deadline: { state: 'expired', endReason: 'deadline' },
  cancelled: { state: 'cancelled', endReason: 'cancelled' },
};

/** Whether a job that is leaving for one reason shall leave for the other instead: it must not come back when the other forbids it. */
export const overrides = (reason: EvictionReason, former: EvictionReason): boolean =>
  AFTER_LEAVING[former].state === 'evicted' && AFTER_LEAVING[reason].state !== 'evicted';

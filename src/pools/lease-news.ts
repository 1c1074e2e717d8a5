import type { AttemptReport, ReportVerdict } from '../contract/attempt.ts';
import type { AgentLease } from './agent-lease.ts';

/** The report on a lease for the scheduler, if any: an attempt that no agent has confirmed is not reported. */
export function newsOf({ grant, progress, lost }: AgentLease): AttemptReport | undefined {
  const { jobId, fence } = grant;
  if (lost) {
    return progress === null
      ? { jobId, fence, kind: 'failed', reason: 'never_started', message: 'no agent confirmed the attempt' }
      : { jobId, fence, kind: 'failed', reason: 'lease_expired', message: 'the agent fell silent' };
  }
  return progress === null ? undefined : { jobId, fence, kind: 'progress', progress };
}

/** The lease after the scheduler's verdict on its news; undefined when the pool has no more business with it. */
export function afterVerdict(lease: AgentLease, verdict: ReportVerdict): AgentLease | undefined {
  switch (verdict) {
    case 'continue':
      return lease;
    case 'cancel':
      return { ...lease, command: 'cancel' };
    case 'accepted':
    case 'stale':
      return undefined;
  }
}

import type { AttemptReport } from '../../contract/attempt.ts';
import type { Job, LiveAttempt } from './job.ts';

/**
 * A gang is one attempt. It runs once all its members do; rank 0 speaks for it: its progress, what it saves and its completion are the
 * attempt's. Any member that fails ends it. What this returns is the job after a report that changes nothing for the attempt as a whole;
 * undefined for a report that is the attempt's. [J139]
 */
export function afterMember(job: Job, attempt: LiveAttempt, report: AttemptReport): Job | undefined {
  const { nodes, isConfirmed, confirmedRanks = [] } = attempt;
  const { rank = 0 } = report;
  if (nodes === 1 || report.kind === 'failed') return undefined;
  if (report.kind !== 'progress') return rank === 0 ? undefined : job;
  if (isConfirmed) return rank === 0 ? undefined : job;
  const ranks = [...new Set([...confirmedRanks, rank])];
  // The last of them confirms the attempt.
  if (ranks.length === nodes) return undefined;
  return { ...job, attempt: { ...attempt, confirmedRanks: ranks } };
}

import type { AttemptReport, ReportVerdict } from '../../contract/attempt.ts';
import type { AttemptNews } from '../engine/machine/event.ts';
import { membersOf } from './attempt-effects.ts';
import type { Job, LiveAttempt } from './job.ts';

/** What a report of a member comes to that is not one of the attempt as a whole. */
interface MemberReport {
  readonly job: Job;
  /** For the engine. */
  readonly news: readonly AttemptNews[];
  /** Undefined: what its attempt is to do. */
  readonly verdict?: ReportVerdict;
}

/**
 * A gang is one attempt. It runs once all its members do; rank 0 speaks for it: its progress, what it saves and its completion are the
 * attempt's. Any member that fails ends it, but for one that was to leave: with the last of these, the attempt has left the nodes that it
 * gave up. Undefined for a report that is the attempt's. [J139] [J211]
 */
export function readMember(job: Job, attempt: LiveAttempt, report: AttemptReport): MemberReport | undefined {
  const { group, isConfirmed, confirmedRanks = [] } = attempt;
  const { rank: number = 0 } = report;
  if (group?.leaving.includes(number) === true) return readLeaving(job, attempt, report);
  const members = membersOf(attempt);
  if (group === undefined && members.length === 1) return undefined;
  if (!members.includes(number)) return { job, news: [], verdict: 'stale' };
  if (report.kind === 'failed') return undefined;
  const isFirst = members[0] === number;
  if (report.kind !== 'progress') return isFirst ? undefined : { job, news: [] };
  if (isConfirmed) return isFirst ? undefined : { job, news: [] };
  const confirmed = [...new Set([...confirmedRanks, number])];
  // The last of them confirms the attempt.
  if (members.every((member) => confirmed.includes(member))) return undefined;
  return { job: { ...job, attempt: { ...attempt, confirmedRanks: confirmed } }, news: [] };
}

/** Of a member that was to leave, only that it has is news. */
function readLeaving(job: Job, attempt: LiveAttempt, { kind, rank = 0 }: AttemptReport): MemberReport {
  const { group } = attempt;
  if (group === undefined || kind === 'progress') return { job, news: [], verdict: 'continue' };
  if (kind === 'saved') return { job, news: [], verdict: 'stale' };
  const leaving = group.leaving.filter((number) => number !== rank);
  const left: Job = { ...job, attempt: { ...attempt, group: { ...group, leaving } } };
  return { job: left, verdict: 'accepted', news: leaving.length === 0 ? [{ kind: 'shed' }] : [] };
}

import type { AttemptReport, ReportVerdict, Serving } from '../../contract/attempt.ts';
import { hasOtherLoad, isNews } from '../../contract/attempt.ts';
import { followsLoad, KIND_FACTS } from '../../contract/job-facts.ts';
import type { Load, AttemptNews } from '../engine/cell/event.ts';
import { membersOf } from './attempt-effects.ts';
import type { AttemptGroup } from './attempt-group.ts';
import { policyOf } from './failure-policy.ts';
import type { Job, LiveAttempt } from './job.ts';

/** What a report of a member comes to that is not one of the attempt as a whole. */
interface MemberReport {
  readonly job: Job;
  /** For the engine. */
  readonly news: readonly AttemptNews[];
  /** Of all replicas together, where it has changed; for the engine. */
  readonly load?: Load;
  /** Undefined: what its attempt is to do. */
  readonly verdict?: ReportVerdict;
}

/**
 * A gang is one attempt. It runs once all its members do; rank 0 speaks for it: its progress, what it saves and its completion are the
 * attempt's. Any member that fails ends it, but for one that was to leave: with the last of these, the attempt has left the nodes that it
 * gave up. Undefined for a report that is the attempt's. [J139] [J211]
 */
export function readMember(job: Job, attempt: LiveAttempt, report: AttemptReport): MemberReport | undefined {
  const { group } = attempt;
  const { rank: number = 0 } = report;
  if (group?.leaving.includes(number) === true) return readLeaving(job, attempt, report);
  const members = membersOf(attempt);
  if (group === undefined && members.length === 1) return undefined;
  if (!members.includes(number)) return { job, news: [], verdict: 'stale' };
  if (group !== undefined && KIND_FACTS[job.work.kind].isReplicated === true) return readReplica(job, { ...attempt, group }, report);
  return readGang(job, attempt, report, members);
}

function readGang(job: Job, attempt: LiveAttempt, report: AttemptReport, members: readonly number[]): MemberReport | undefined {
  const { isConfirmed, confirmedRanks = [] } = attempt;
  const { rank: number = 0 } = report;
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

/**
 * Replicas run by themselves: the attempt runs once one of them does, and goes on without one that has ended, unless that was the last, or no
 * other could do better. [J213]
 */
function readReplica(job: Job, attempt: Grouped, report: AttemptReport): MemberReport | undefined {
  const { rank: number = 0 } = report;
  const { members } = attempt.group;
  if (report.kind === 'failed') {
    const replica = members.find((member) => member.number === number);
    const policy = policyOf(report.reason);
    if (members.length === 1 || replica === undefined || policy === 'permanent') return undefined;
    const others = members.filter((member) => member !== replica);
    // That an agent fell silent is no fault of the job: it has others.
    const isCounted = policy === 'counted' && report.reason !== 'lease_expired';
    const news: AttemptNews = { kind: 'replica_lost', nodeId: replica.nodeId, isCounted };
    return { ...withMembers(job, attempt, others), news: [news], verdict: 'accepted' };
  }
  if (report.kind !== 'progress') return { job, news: [], verdict: 'stale' };
  const { serving } = report;
  const isOther = (known: Serving | undefined): boolean =>
    isNews(known, serving) || (followsLoad(job.work) && hasOtherLoad(known, serving));
  const now = members.map((member) =>
    serving !== undefined && member.number === number && isOther(member.serving) ? { ...member, serving } : member,
  );
  return { ...withMembers(job, attempt, now), news: attempt.isConfirmed ? [] : [{ kind: 'running' }] };
}

type Grouped = LiveAttempt & { readonly group: AttemptGroup };

/** The job with these members, and what they have to do together where the engine knows otherwise. [J219] */
function withMembers(job: Job, attempt: Grouped, members: AttemptGroup['members']): Pick<MemberReport, 'job' | 'load'> {
  const { group } = attempt;
  const outstandingMilli = followsLoad(job.work) ? loadOf(members) : undefined;
  const isKnown = outstandingMilli === undefined || outstandingMilli === group.outstandingMilli;
  if (isKnown && members.every((member, at) => member === group.members[at]) && members.length === group.members.length) return { job };
  const next = { ...group, members, ...(isKnown ? {} : { outstandingMilli }) };
  return { job: { ...job, attempt: { ...attempt, group: next } }, ...(isKnown ? {} : { load: { outstandingMilli } }) };
}

/** Undefined while no member has said how much it has to do. */
function loadOf(members: AttemptGroup['members']): number | undefined {
  const loads = members.flatMap(({ serving }) => serving?.outstandingMilli ?? []);
  return loads.length === 0 ? undefined : loads.reduce((sum, load) => sum + load, 0);
}

import type { AttemptReport, ReportVerdict, Serving, FailureReason } from '../../contract/jobs/attempt.ts';
import type { Progress } from '../../contract/jobs/attempt-report.ts';
import { KIND_FACTS, followsLoad } from '../../contract/jobs/job-facts.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { JobId, PoolId } from '../../kernel/ids.ts';
import type { AttemptNews, CellEvent, EndedMember, Load } from '../engine/cell/event.ts';
import type { Job, LiveAttempt } from './jobs/job.ts';
import { tokensMaxOf, withProgress } from './jobs/job.ts';
import type { AttemptEnd, AttemptFailure } from './project-job.ts';
import { hasOtherLoad, isNews } from '../../contract/jobs/attempt.ts';
import { membersOf } from './attempt-effects.ts';
import type { AttemptGroup } from './jobs/attempt-group.ts';

/** What the reports of a pool come to, before anything is changed. */
export interface ReadReports {
  readonly events: readonly CellEvent[];
  /** In the order of the reports. */
  readonly verdicts: readonly ReportVerdict[];
  /** How attempts ended, by job. */
  readonly ends: ReadonlyMap<JobId, AttemptEnd>;
  /** Jobs whose progress is all that was reported, with it. */
  readonly progressed: readonly Job[];
}

/**
 * Reads the reports of a pool. One about an attempt that is not the job's live one in that pool changes nothing (J4), nor does one that has
 * been read before (J5).
 */
export function readReports(poolId: PoolId, reports: readonly AttemptReport[], asked: Asked): ReadReports {
  const reader = new ReportReader(poolId, asked);
  const verdicts = reports.map((report) => reader.read(report));
  const { events, ends, progressed } = reader;
  const changed = [...progressed.values()].flatMap((job) => {
    const before = asked.find(job.id);
    if (!ends.has(job.id)) return job === before ? [] : [job];
    // What an attempt saved before it ended is where the next one begins, though both came with one message. [J138]
    return before === undefined || job.checkpoint === undefined || job.checkpoint === before.checkpoint
      ? []
      : [{ ...before, checkpoint: job.checkpoint }];
  });
  return { events, verdicts, ends, progressed: changed };
}

/** Reads one report after the other. */
class ReportReader {
  readonly events: CellEvent[] = [];
  readonly ends = new Map<JobId, AttemptEnd>();
  readonly progressed = new Map<JobId, Job>();
  readonly #poolId: PoolId;
  readonly #asked: Asked;

  constructor(poolId: PoolId, asked: Asked) {
    this.#poolId = poolId;
    this.#asked = asked;
  }

  read(report: AttemptReport): ReportVerdict {
    const job = this.progressed.get(report.jobId) ?? this.#asked.find(report.jobId);
    const end = this.ends.get(report.jobId);
    if (end?.fence === report.fence) return end.outcome === outcomeOf(report) ? 'accepted' : 'stale';
    if (job === undefined) return 'stale';
    const attempt = liveAttempt(job, report, this.#poolId);
    if (attempt === null) return isRecorded(job, report, this.#poolId) ? 'accepted' : 'stale';
    const member = readMember(job, attempt, report);
    if (member === undefined) return this.#readAttempt(job, attempt, report);
    this.progressed.set(job.id, member.job);
    for (const news of member.news) this.#note(report, news);
    if (member.load !== undefined) this.events.push({ kind: 'load', jobId: job.id, load: member.load });
    return member.verdict ?? this.#asked.commandOf(job);
  }

  /** A report that is of the attempt as a whole. */
  #readAttempt(job: Job, attempt: LiveAttempt, report: AttemptReport): ReportVerdict {
    const { nowMs, commandOf, tokensPaid } = this.#asked;
    switch (report.kind) {
      case 'progress':
        for (const news of newsOfProgress(report, attempt.isConfirmed)) this.#note(report, news);
        if (!isOnRecord(job, attempt, report.progress))
          this.progressed.set(job.id, { ...withProgress(job, report.progress, nowMs), attempt: { ...attempt, isConfirmed: true } });
        return commandOf(job);
      case 'saved':
        // An agent saves one checkpoint after the other: this one is its newest.
        this.#note(report, { kind: 'saved' });
        this.progressed.set(job.id, { ...job, checkpoint: report.checkpoint });
        return 'accepted';
      case 'completed': {
        const completion = completionOf(job, report, tokensPaid(job.id, report.fence));
        this.ends.set(job.id, completion);
        this.#note(report, newsOfEnd(completion));
        return verdictOn(job, completion);
      }
      case 'failed':
        this.#note(report, newsOfFailure(report.reason, memberOf(attempt, report)));
        this.ends.set(job.id, failureOf(report));
        return 'accepted';
      default:
        return unreachable(report);
    }
  }

  #note({ jobId, fence }: AttemptReport, news: AttemptNews): void {
    this.events.push({ kind: 'report', jobId, fence, news });
  }
}

/** Which of the nodes of an attempt a report of its end is about. */
const memberOf = ({ group }: LiveAttempt, { rank = 0, reason }: Report<'failed'>): EndedMember => ({
  place: group?.members.findIndex(({ number }) => number === rank) ?? rank,
  isSilent: SILENT.has(reason),
});

/** Ends that no agent reports. */
const SILENT: ReadonlySet<FailureReason> = new Set(['lease_expired', 'never_started']);

/** What is on record already is not written again. [J200] */
const isOnRecord = ({ progress }: Job, { isConfirmed }: LiveAttempt, { completed, failed, total }: Progress): boolean =>
  isConfirmed && progress.completed === completed && progress.failed === failed && progress.total === total;

function newsOfProgress({ throughput }: Extract<AttemptReport, { kind: 'progress' }>, isConfirmed: boolean): readonly AttemptNews[] {
  const running: AttemptNews[] = isConfirmed ? [] : [{ kind: 'running' }];
  return throughput === undefined ? running : [...running, { kind: 'progress', ...throughput }];
}

type Report<Kind extends AttemptReport['kind']> = Extract<AttemptReport, { kind: Kind }>;

function failureOf(report: Report<'failed'>): AttemptEnd {
  const { fence, reason, exitCode, lines } = report;
  const details = { ...(exitCode === undefined ? {} : { exitCode }), ...(lines === undefined ? {} : { lines }) };
  return { fence, outcome: reason, message: report.message, ...details };
}

/** What a pool's reports are read with. */
interface Asked {
  readonly nowMs: number;
  readonly find: (id: JobId) => Job | undefined;
  /** What the agent of a live attempt should do. */
  readonly commandOf: (job: Job) => 'continue' | 'cancel' | 'stop';
  /** The tokens that are paid for an attempt; undefined when it began before tokens were. */
  readonly tokensPaid: (jobId: JobId, fence: number) => number | undefined;
}

const newsOfEnd = ({ outcome }: AttemptEnd): AttemptNews => (outcome === 'succeeded' ? { kind: 'completed' } : newsOfFailure(outcome));

function verdictOn({ state }: Job, { outcome }: AttemptEnd): ReportVerdict {
  if (outcome !== 'succeeded') return 'stale';
  // Its output comes too late.
  return state === 'cancelling' ? 'cancel' : 'accepted';
}

/** How an attempt ends that its agent has completed. */
function completionOf(job: Job, report: Extract<AttemptReport, { kind: 'completed' }>, paid: number | undefined): AttemptEnd {
  const { fence, progress, tokens, outputs, registeredModel } = report;
  const fault = claimFault(job, report, paid);
  const made = { ...(outputs === undefined ? {} : { outputs }), ...(registeredModel === undefined ? {} : { registeredModel }) };
  return fault ?? { fence, outcome: 'succeeded', progress, tokens, ...made };
}

/** Why a completion is not accepted: it claims what its input cannot come to (J117), or more than is paid (J116). */
function claimFault(
  job: Job,
  { fence, tokens, progress }: Extract<AttemptReport, { kind: 'completed' }>,
  paid: number | undefined,
): AttemptFailure | undefined {
  const items = progress.completed + progress.failed;
  // Only items that succeeded were embedded.
  const tokensMax = progress.completed === 0 ? 0 : tokensMaxOf(job);
  // An item of an input is a byte at least.
  const itemsMax = KIND_FACTS[job.work.kind].embedsInput ? tokensMaxOf(job) : items;
  if (tokens > tokensMax || items > itemsMax || items > (progress.total ?? items)) {
    const message = `${tokens} tokens of ${items} items were claimed; the input comes to ${tokensMax} tokens at most`;
    return { fence, outcome: 'claim_refused', message };
  }
  if (tokens <= (paid ?? tokens)) return undefined;
  return { fence, outcome: 'budget_exhausted', message: `${tokens} tokens were used and ${paid} are paid`, tokensNeeded: tokens };
}

const outcomeOf = (report: AttemptReport): AttemptEnd['outcome'] | undefined =>
  report.kind === 'completed' ? 'succeeded' : report.kind === 'failed' ? report.reason : undefined;

/** The attempt that the report is about, if the pool has it. */
const liveAttempt = ({ attempt }: Job, { fence }: AttemptReport, poolId: PoolId): LiveAttempt | null =>
  attempt?.fence === fence && attempt.poolId === poolId ? attempt : null;

/** Whether this very end of the attempt is on record: its report was delivered twice. */
function isRecorded(job: Job, report: AttemptReport, poolId: PoolId): boolean {
  const outcome = outcomeOf(report);
  return job.ended.some((ended) => ended.fence === report.fence && ended.poolId === poolId && ended.outcome === outcome);
}

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
    const news: AttemptNews = { kind: 'replica_lost', nodeId: replica.nodeId, isCounted, isSilent: SILENT.has(report.reason) };
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

/** The event by which the engine learns that an attempt ended without output; `by`: the member that it is of. */
function newsOfFailure(reason: FailureReason, by?: EndedMember): AttemptNews {
  const news = NEWS[POLICY[reason]];
  return by === undefined || news.kind === 'unpaid' ? news : { ...news, by };
}

const policyOf = (reason: FailureReason): Policy => POLICY[reason];

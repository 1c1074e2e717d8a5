import type { AttemptReport, ReportVerdict } from '../../contract/attempt.ts';
import type { Progress } from '../../contract/attempt-report.ts';
import { KIND_FACTS } from '../../contract/job-facts.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { JobId, PoolId } from '../../kernel/ids.ts';
import type { AttemptNews, CellEvent } from '../engine/cell/event.ts';
import { newsOfFailure } from './failure-policy.ts';
import type { Job, LiveAttempt } from './job.ts';
import { tokensMaxOf, withProgress } from './job.ts';
import { readMember } from './member-reports.ts';
import type { AttemptEnd, AttemptFailure } from './project-job.ts';

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
  return { events, verdicts, ends, progressed: [...progressed.values()].filter((job) => !ends.has(job.id) && job !== asked.find(job.id)) };
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
        this.#note(report, newsOfFailure(report.reason));
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

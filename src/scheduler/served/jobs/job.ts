import type { Checkpoint, FailureReason, JobOutput } from '../../../contract/jobs/attempt.ts';
import type { Progress, LineFault } from '../../../contract/jobs/attempt-report.ts';
import type { Priority } from '../../../contract/jobs/job-facts.ts';
import type { Work } from '../../../contract/jobs/job-work.ts';
import type { JobErrorReason, JobState, StopReason } from '../../../contract/jobs/jobs.ts';
import type { AttemptId, FileId, JobId, OrganisationId, PoolId, ProjectId, TenantId } from '../../../kernel/ids.ts';
import type { AttemptGroup } from './attempt-group.ts';
import type { ModelWeights, ResourceOption } from '../../engine/model/job-spec.ts';
import { DEFAULT_QUEUE } from '../../../contract/queues/queue-record.ts';
import { JOB_LIMITS } from '../../../contract/jobs/job-limits.ts';
import { DAY_MS } from '../../../kernel/time-units.ts';
import type { LedgerEvent } from '../../engine/cell/segment.ts';
import { NAMED_PRIORITIES } from '../../../contract/jobs/job-facts.ts';

/** The submitter of a job, and its payer. */
interface JobOwner {
  readonly organisationId: OrganisationId;
  readonly tenantId: TenantId;
  readonly projectId: ProjectId;
  /** The team. */
  readonly owner: string;
}

/** What a job asks of the scheduler, whatever it does. Null is no limit. */
export interface JobTerms {
  /** The owner's name of the queue it waits in. */
  readonly queue: string;
  readonly priority: Priority;
  /** At least one. */
  readonly options: readonly ResourceOption[];
  readonly attemptsMax: number;
  readonly deadlineAtMs: number | null;
  /** How much work it is, as its owner states it: the time that one node of throughput 1 takes. Absent: nothing is said. */
  readonly workMs?: number;
  /** Whether it is taken though it cannot be done by its deadline. */
  readonly isBestEffort?: boolean;
  /** Of one attempt. */
  readonly runtimeMaxMs: number | null;
  readonly checkpointIntervalMs: number | null;
  readonly graceMs: number;
  readonly costMaxNanoDollars: number | null;
  readonly priceMaxNanoDollarsPerHour: number | null;
  /** Jobs of the same tenant that must have succeeded first. */
  readonly dependsOn: readonly JobId[];
}

/** What a job that was submitted as an OpenAI batch was asked for besides. */
export interface BatchTerms {
  readonly endpoint: string;
  /** As it was given, such as `24h`; it ends at the job's deadline. */
  readonly completionWindow: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** How long the files that it makes are kept; null: until they are deleted. */
  readonly outputLifeMs: number | null;
}

/** A job as submitted. */
export interface JobRequest extends JobOwner, JobTerms {
  readonly id: JobId;
  /** Digest of the request: the same id with another digest is another request. */
  readonly digest: string;
  readonly work: Work;
  /** What its owner calls it. */
  readonly name: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The most tokens that its input can have; absent in jobs that were stored before it was known. */
  readonly tokensMax?: number;
  /** Of the model that it works with, as its files say; absent: it needs none, or was stored before that was known. */
  readonly weights?: ModelWeights;
  /** Null: the job was not submitted as a batch. */
  readonly batch: BatchTerms | null;
}

/** A job as its owner sees it, beside the record of the engine. Plain data: it is stored as one row, in the same transaction. */
export interface Job extends JobRequest {
  /** Order of submission in the cell, as the engine numbers it. */
  readonly sequence: number;
  readonly state: JobState;
  /** Fence of the newest attempt; 0 before the first. */
  readonly fence: number;
  /** The attempt that a pool was given: present exactly in `starting`, `running`, `stopping` and `cancelling`. */
  readonly attempt: LiveAttempt | null;
  /** Attempts that ended, oldest first; the newest `jobAttemptsKeptCount` of them. */
  readonly ended: readonly EndedAttempt[];
  /** Failures that count against `attemptsMax`. */
  readonly failures: number;
  readonly progress: Progress;
  readonly outputFile: FileId | null;
  /** Absent while there are none, and in jobs that ended before outputs were named. */
  readonly outputs?: readonly JobOutput[];
  /** The version that they were registered as, such as `minilm@2`; absent: none was asked for, or not yet. */
  readonly registeredModel?: string;
  /** What its attempts have saved last. */
  readonly checkpoint?: Checkpoint;
  readonly error: JobError | null;
  /** What the owner pays for. */
  readonly tokens: number;
  /** Of an attempt that was not accepted because its tokens were not paid: so many have to be, before there is another. */
  readonly tokensNeeded?: number;
  readonly acceleratorMs: number;
  /** The same by what it is priced by. */
  readonly charged: readonly Charged[];
  /** The newest of its segments. */
  readonly lastSegment: JobSegment | null;
  /** Events of its history so far. */
  readonly eventCount: number;
  /** Nodes that its owner lets it have; null: as many as there are. */
  readonly nodesWanted: number | null;
  /** When the items of the input were first known, when all of them were first done, and when it was first asked to be cancelled. */
  readonly countedAtMs: number | null;
  readonly doneAtMs: number | null;
  readonly cancelAskedAtMs: number | null;
  /** Since when it waits too long to be done by its deadline; absent: it does not. */
  readonly lateAtMs?: number;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
}

export interface LiveAttempt {
  readonly id: AttemptId;
  readonly fence: number;
  readonly poolId: PoolId;
  /** Which of the job's options it runs by, and on how many nodes. */
  readonly option: number;
  readonly nodes: number;
  readonly startedAtMs: number;
  /** Why it was asked to stop; null when it was not. */
  readonly stopping: StopReason | null;
  /** The job that it makes room for, if it does. */
  readonly stoppingFor?: JobId;
  /** When it is made to stop, at the latest; absent while it is not asked to, and in records of before. */
  readonly stopByMs?: number;
  /** On several nodes: the members whose agents have given a sign of life, while some have not. */
  readonly confirmedRanks?: readonly number[];
  /** Of one whose nodes may change; absent: it has as many members as nodes, numbered from 0. */
  readonly group?: AttemptGroup;
  /** Whether its agent has given a sign of life; of a gang, whether all have. */
  readonly isConfirmed: boolean;
}

export interface EndedAttempt {
  readonly fence: number;
  readonly poolId: PoolId;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly outcome: 'succeeded' | FailureReason;
  /** Of a program that ended by itself. */
  readonly exitCode?: number;
  /** Why it had been asked to stop; null, or absent of attempts from before that was recorded, when it had not. */
  readonly stoppedFor?: StopReason | null;
  /** The job that it made room for, if it did. */
  readonly stoppedForJob?: JobId;
}

interface JobError {
  readonly reason: JobErrorReason;
  readonly message: string;
  readonly exitCode?: number;
  /** Of an input that is invalid. */
  readonly lines?: readonly LineFault[];
}

export const NO_PROGRESS: Progress = { completed: 0, failed: 0, total: null };

/** A job that was just submitted. */
export const newJob = (request: JobRequest, sequence: number, nowMs: number): Job => ({
  ...request,
  sequence,
  state: 'pending',
  fence: 0,
  attempt: null,
  ended: [],
  failures: 0,
  progress: NO_PROGRESS,
  outputFile: null,
  error: null,
  tokens: 0,
  acceleratorMs: 0,
  charged: [],
  lastSegment: null,
  eventCount: 0,
  nodesWanted: null,
  countedAtMs: null,
  doneAtMs: null,
  cancelAskedAtMs: null,
  createdAtMs: nowMs,
  startedAtMs: null,
  finishedAtMs: null,
});

/** The job after its agent has reported so much of its progress. */
export function withProgress(job: Job, progress: Progress, nowMs: number): Job {
  const { completed, failed, total } = progress;
  const isDone = completed + failed === total;
  return {
    ...job,
    progress,
    countedAtMs: total === null ? job.countedAtMs : (job.countedAtMs ?? nowMs),
    doneAtMs: isDone ? (job.doneAtMs ?? nowMs) : job.doneAtMs,
  };
}

/** Whether nothing can happen to the job any more. */
export const isFinished = (job: Pick<Job, 'state'>): boolean =>
  job.state === 'succeeded' || job.state === 'failed' || job.state === 'cancelled';

/** No file was longer while jobs were stored without a bound of their tokens. */
const STORED_INPUT_BYTES_MAX = 16 * 1024 * 1024;

/** A token is a byte of its input at least. */
export const tokensMaxOf = ({ tokensMax }: JobRequest): number => tokensMax ?? STORED_INPUT_BYTES_MAX;

/** An agent as a node, and what a job asks of it that names nothing else. */
export const ONE_ATTEMPT = { cpuMilli: 1_000, memoryMib: 1_024 };

/** A node anywhere, without accelerators. */
export const ANY_NODE: ResourceOption = {
  accelerator: null,
  perNode: { ...ONE_ATTEMPT, acceleratorCount: 0, milliEach: 0 },
  nodes: { min: 1, max: 1, step: 1 },
  markets: ['reserved', 'on_demand', 'spot'],
  regions: null,
  topology: null,
  throughputHintMilli: 1_000,
};

/** What a job asks for that says nothing of it; jobs from before they could say it have the same. */
export const DEFAULT_TERMS = {
  queue: DEFAULT_QUEUE,
  options: [ANY_NODE],
  deadlineAtMs: null,
  runtimeMaxMs: null,
  checkpointIntervalMs: null,
  graceMs: JOB_LIMITS.jobGraceMs,
  costMaxNanoDollars: null,
  priceMaxNanoDollarsPerHour: null,
  dependsOn: [],
  name: null,
  labels: {},
  batch: null,
} as const satisfies Partial<JobRequest>;

/** Time of one type of accelerator that was charged at one price. Plain data. */
export interface Charged {
  readonly accelerator: string | null;
  /** Absent of what was charged before prices were recorded: by the price book of its day. */
  readonly priceId?: string;
  /** The first on which it was charged: since the epoch, in UTC. */
  readonly day: number;
  readonly acceleratorMs: number;
}

/** What was charged, with what was charged at that time. */
export function withCharge(
  charged: readonly Charged[],
  { accelerator, priceId }: Pick<LedgerEvent, 'accelerator' | 'priceId'>,
  atMs: number,
  acceleratorMs: number,
): readonly Charged[] {
  const named = priceId === undefined ? {} : { priceId };
  const time = { accelerator, ...named, day: Math.floor(atMs / DAY_MS), acceleratorMs };
  const isSame = (one: Charged): boolean => priceKeyOf(one) === priceKeyOf(time);
  if (!charged.some(isSame)) return [...charged, time];
  return charged.map((one) => (isSame(one) ? { ...one, acceleratorMs: one.acceleratorMs + acceleratorMs } : one));
}

/** The same for what has one price, and is rounded as a whole. */
export const priceKeyOf = ({ accelerator, priceId, day }: Pick<Charged, 'accelerator' | 'priceId' | 'day'>): string =>
  `${priceId ?? day} ${accelerator ?? ''}`;

/** A stretch of an attempt on the same nodes, as it was charged. Plain data. */
export interface JobSegment {
  /** 1 is the first of the job. */
  readonly sequence: number;
  readonly fence: number;
  readonly poolId: PoolId;
  readonly nodes: number;
  readonly accelerator: string | null;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly acceleratorMs: number;
  /** As in `Charged`. */
  readonly priceId?: string;
  /** Since the epoch, in UTC: that of its end, or the one on which it was paid in advance. */
  readonly day: number;
}

/** The newest segment once this was charged at that time: a new one, or the one before going on while its prices hold. */
export function segmentAfter(last: JobSegment | null, event: LedgerEvent, acceleratorMs: number, atMs: number): JobSegment {
  const day = Math.floor(atMs / DAY_MS);
  const { fence, poolId, nodes, accelerator, priceId, fromMs, untilMs } = event;
  const isAtItsPrice = last?.priceId === priceId && (priceId !== undefined || last?.day === day);
  const goesOn = last !== null && last.fence === fence && last.nodes === nodes && last.untilMs === fromMs && isAtItsPrice;
  if (goesOn) return { ...last, untilMs, acceleratorMs: last.acceleratorMs + acceleratorMs };
  const named = priceId === undefined ? {} : { priceId };
  return { sequence: (last?.sequence ?? 0) + 1, fence, poolId, nodes, accelerator, fromMs, untilMs, acceleratorMs, ...named, day };
}

/** A priority as the engine counts it. */
export const priorityNumber = (priority: Priority): number => (typeof priority === 'number' ? priority : NAMED_PRIORITIES[priority]);

import type { JobExplanationReply } from '../../../src/contract/jobs/job-explanation.ts';
import { UsageError } from '../command/command.ts';

/** What the commands show of a job, of all that the API answers. */
export interface JobView {
  readonly id: string;
  readonly kind: string;
  readonly name?: string | null;
  readonly queue?: string;
  readonly state: string;
  readonly priority: string | number;
  readonly max_attempts: number;
  readonly attempts: readonly { readonly pool: string; readonly ended_at: number | null }[];
  readonly progress: { readonly completed: number; readonly failed: number; readonly total: number | null };
  readonly error: { readonly reason: string; readonly message: string } | null;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly cost_usd: string | null;
  readonly deadline?: JobExplanationReply['deadline'];
}

export const JOB_HEADINGS = ['job', 'kind', 'state', 'priority', 'attempts', 'items', 'waited', 'ran', 'USD'] as const;

/** A row of a table of jobs, at a time in seconds. */
export function rowOf(job: JobView, nowS: number): readonly string[] {
  const { progress, attempts } = job;
  const items = progress.total === null ? '-' : `${progress.completed + progress.failed}/${progress.total}`;
  return [
    job.id,
    job.kind,
    job.error === null ? job.state : `${job.state}: ${job.error.reason}`,
    String(job.priority),
    `${attempts.length}/${job.max_attempts}`,
    items,
    spanOf(job.created_at, job.started_at ?? job.finished_at ?? nowS),
    job.started_at === null ? '-' : spanOf(job.started_at, job.finished_at ?? nowS),
    job.cost_usd ?? '-',
  ];
}

/** What is left to a finished job is to be read. */
export const isOver = ({ finished_at: finishedAt }: JobView): boolean => finishedAt !== null;

/** Why a job waits, in a line; undefined: it does not. */
export function waitingText({
  reason,
  position,
  waits_for: waitsFor,
  retry_at: retryAtS,
  room_at: roomAtS,
  starts_between: starts,
  agents_lacking: lacking,
}: Pick<JobExplanationReply, 'reason' | 'position' | 'waits_for' | 'retry_at' | 'room_at' | 'starts_between' | 'agents_lacking'>):
  | string
  | undefined {
  if (reason === 'not_waiting') return undefined;
  return [
    `waits: ${reason.replaceAll('_', ' ')}`,
    ...(position === null ? [] : [`number ${position} of its queue`]),
    ...(waitsFor.length === 0 ? [] : [`for ${waitsFor.join(', ')}`]),
    ...(lacking === null ? [] : [`${lacking} agents more would help`]),
    ...(retryAtS === null ? [] : [`tried again at ${timeOf(retryAtS)}`]),
    ...(starts === null ? [] : startOf(starts)),
    ...(roomAtS === null ? [] : [`room by ${timeOf(roomAtS)}`]),
  ].join(', ');
}

/** When it starts, in words; nothing where that could be any time. */
function startOf({ earliest, latest, confidence, basis }: Starts): readonly string[] {
  if (earliest === null || latest === null) return [];
  const sure = basis === 'limits' ? 'by limits alone' : `${Math.round(confidence * 100)} %`;
  return [`starts between ${timeOf(earliest)} and ${timeOf(latest)} (${sure})`];
}

/** Whether a job meets its deadline, in lines: the verdict, and why by each of its resources. */
export const deadlineRows = ({ verdict, deadline_at: atS, options }: Deadline): readonly (readonly string[])[] => [
  ['deadline', `${verdict.replaceAll('_', ' ')}: ${timeOf(atS)}`],
  ...options.map((option) => [`by resources ${option.option}`, optionText(option)]),
];

function optionText({ verdict, runtime_s: runtimeS, source, start_at: startS, end_at: endS }: Deadline['options'][number]): string {
  if (runtimeS === null || source === null || endS === null) return `${verdict}: nothing says how long it runs`;
  const most = source === 'stated' ? '' : ' at most';
  return `${verdict.replaceAll('_', ' ')}: ${spanOf(0, runtimeS)}${most} (${source.replaceAll('_', ' ')}), from ${timeOf(startS)} to ${timeOf(endS)}`;
}

type Starts = NonNullable<JobExplanationReply['starts_between']>;
type Deadline = NonNullable<JobExplanationReply['deadline']>;

const timeOf = (atS: number): string => new Date(atS * 1000).toISOString().replace('.000Z', 'Z');

/** The time between two points in seconds, as people read it: 41 s, 3 min 20 s, 2 h 5 min. */
export function spanOf(fromS: number, toS: number): string {
  const s = Math.max(0, Math.round(toS - fromS));
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  return min < 60 ? `${min} min ${s % 60} s` : `${Math.floor(min / 60)} h ${min % 60} min`;
}

/** The path of a job; a mistyped id must not lead to another endpoint. */
export function jobPath(id: string, below = ''): string {
  if (!/^job_[0-9a-z]+$/.test(id)) throw new UsageError(`"${id}" is not the id of a job, such as job_01j9...`);
  return `/v1/jobs/${id}${below}`;
}

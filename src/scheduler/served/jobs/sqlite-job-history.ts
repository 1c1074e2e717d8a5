import { JOB_LIMITS } from '../../../contract/jobs/job-limits.ts';
import type { JobId } from '../../../kernel/ids.ts';
import type { SqlStorage } from '../../../kernel/sql/sql-storage.ts';
import type { JobSegment, EndedAttempt, Job, LiveAttempt } from './job.ts';
import type { DeadlineVerdict } from '../../engine/explain/deadline-outlook.ts';
import type { JobEventKind } from '../../../contract/jobs/job-events.ts';
import type { StopReason } from '../../../contract/jobs/jobs.ts';

/** Something of a job's history. */
export interface OfJob<Entry> {
  readonly jobId: JobId;
  readonly entry: Entry;
}

export const JOB_HISTORY = `
  CREATE TABLE IF NOT EXISTS job_segments (job_id TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job_id, sequence)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS job_events (job_id TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job_id, sequence)) WITHOUT ROWID;`;

/** Rows of one statement, some 500 bytes each: far below the 2 MB of a binding. */
const ROWS_AT_ONCE = 1_000;

type Table = 'job_segments' | 'job_events';

/** What has happened to jobs, and what they have held. Every write belongs in the transaction of the step. */
export class SqliteJobHistory {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** Records what a step has changed. Segments that go on replace themselves; the oldest events beyond `jobEventsKeptCount` are forgotten. */
  append(events: readonly OfJob<JobEvent>[], segments: readonly OfJob<JobSegment>[]): void {
    this.#insert('job_events', events);
    this.#insert('job_segments', segments);
    for (const { jobId, entry } of events) {
      const last = entry.sequence - JOB_LIMITS.jobEventsKeptCount;
      if (last > 0) this.#sql.exec('DELETE FROM job_events WHERE job_id = ? AND sequence <= ?', jobId, last);
    }
  }

  /** The events of a job after one, oldest first. */
  events(jobId: JobId, after: number): readonly JobEvent[] {
    return this.#sql
      .exec<{ body: string }>('SELECT body FROM job_events WHERE job_id = ? AND sequence > ? ORDER BY sequence', jobId, after)
      .toArray()
      .map(({ body }) => JSON.parse(body) as JobEvent);
  }

  /** The newest segments of a job, at most `count`, oldest first. */
  segments(jobId: JobId, count: number): readonly JobSegment[] {
    return this.#sql
      .exec<{ body: string }>('SELECT body FROM job_segments WHERE job_id = ? ORDER BY sequence DESC LIMIT ?', jobId, count)
      .toArray()
      .map(({ body }) => JSON.parse(body) as JobSegment)
      .reverse();
  }

  erase(jobId: JobId): void {
    for (const table of ['job_segments', 'job_events'] as const) this.#sql.exec(`DELETE FROM ${table} WHERE job_id = ?`, jobId);
  }

  #insert(table: Table, entries: readonly OfJob<JobEvent | JobSegment>[]): void {
    const insert = `INSERT OR REPLACE INTO ${table} SELECT value ->> 0, value ->> 1, value -> 2 FROM json_each(?)`;
    for (let from = 0; from < entries.length; from += ROWS_AT_ONCE) {
      const rows = entries.slice(from, from + ROWS_AT_ONCE).map(({ jobId, entry }) => [jobId, entry.sequence, entry]);
      this.#sql.exec(insert, JSON.stringify(rows));
    }
  }
}

/** What happened to a job: its state after that, and what else has changed. Plain data. */
export interface JobEvent {
  /** 1 is the first of the job. */
  readonly sequence: number;
  readonly atMs: number;
  readonly kind: JobEventKind;
  readonly state: Job['state'];
  readonly priority: Job['priority'];
  readonly attempt: Pick<LiveAttempt, 'fence' | 'poolId' | 'nodes'> | null;
  readonly stopping: StopReason | null;
  /** When it is made to stop, at the latest; absent where it is not asked to, and in events of before. */
  readonly stopByMs?: number;
  /** The attempt that ended with this. */
  readonly ended: EndedAttempt | null;
  readonly error: Job['error'];
  /** Of a job that waits too long to be done by its deadline: surely, or by what it may take; absent: nothing was said of that. */
  readonly deadline?: Exclude<DeadlineVerdict, 'met' | 'unknown'>;
}

/** The event of a change of a job that its owner can see; undefined: nothing but progress (J96). */
export function eventOf(before: Job | undefined, after: Job, atMs: number): JobEvent | undefined {
  const kind = kindOf(before, after);
  if (kind === undefined) return undefined;
  const { attempt, state, priority, error } = after;
  const ended = after.ended.at(-1);
  return {
    sequence: after.eventCount + 1,
    atMs,
    kind,
    state,
    priority,
    attempt: attempt === null ? null : { fence: attempt.fence, poolId: attempt.poolId, nodes: attempt.nodes },
    stopping: attempt?.stopping ?? null,
    ...(attempt?.stopByMs === undefined ? {} : { stopByMs: attempt.stopByMs }),
    ended: ended !== undefined && ended.fence !== before?.ended.at(-1)?.fence ? ended : null,
    error,
    ...(kind === 'deadline' ? { deadline: after.workMs === undefined ? 'at_risk' : 'missed' } : {}),
  };
}

/** Whether its attempt is asked to stop as a node of it will be taken away. */
const isNoticed = ({ attempt }: Job): boolean => attempt?.stopping === 'spot_notice';

function kindOf(before: Job | undefined, after: Job): JobEventKind | undefined {
  if (before === undefined) return 'submitted';
  if (isNoticed(after) && (!isNoticed(before) || before.attempt?.stopByMs !== after.attempt?.stopByMs)) return 'termination_notice';
  if (before.state !== after.state) return 'state';
  if (before.attempt?.fence !== after.attempt?.fence || before.attempt?.stopping !== after.attempt?.stopping) return 'attempt';
  if (before.lateAtMs !== after.lateAtMs) return 'deadline';
  if (before.priority !== after.priority) return 'reprioritised';
  return before.attempt?.nodes === after.attempt?.nodes && before.nodesWanted === after.nodesWanted ? undefined : 'resized';
}

import type { PoolRecord } from '../../contract/pool-record.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import { NONE_SEEN } from '../engine/placement/work-cost.ts';
import { SharedSpecs } from '../engine/cell/shared-specs.ts';
import type { EndedAttempt, Job } from './job.ts';
import { NO_PROGRESS } from './job.ts';
import { DEFAULT_TERMS } from './default-terms.ts';
import { poolSpecOf } from './pool-spec-of.ts';
import { queueOf } from './quotas/cohort-tree.ts';
import { specOf } from './spec-of.ts';
import { SqliteCellStore } from './sqlite-cell-store.ts';
import { SqliteJobStore } from './sqlite-job-store.ts';

/** A job as it was stored before the engine decided on it. */
type EarlierJob = Omit<Job, 'attempt' | 'charged' | 'nodesWanted' | 'lastSegment' | 'eventCount'> & {
  readonly attempt: Omit<EndedAttempt, 'endedAtMs' | 'outcome'> | null;
};

const JOBS_A_READ = 500;

/**
 * Carries unfinished jobs of the former queue over to the engine. Those that ran wait again: what their agents report about the attempts is
 * stale from now on, since none is live. Those that were being cancelled are. Finished ones stay as they are.
 */
export function carryOver(storage: SqlStorage): void {
  const [cells, jobs, shapes] = [new SqliteCellStore(storage), new SqliteJobStore(storage), new SharedSpecs()];
  for (const { body } of storage.sql.exec<{ body: string }>('SELECT body FROM pools ORDER BY id').toArray()) {
    const spec = poolSpecOf(JSON.parse(body) as PoolRecord);
    cells.save({ kind: 'save_pool', pool: { spec, comingCount: 0, askedAtMs: null, interruptions: NONE_SEEN } });
  }
  let sequence = 0;
  for (let page; (page = pageAfter(storage, sequence)).length > 0;) {
    for (const earlier of page) {
      ({ sequence } = earlier);
      const job = released(earlier);
      jobs.saveAll([job]);
      if (job.state === 'cancelled') continue;
      cells.save({ kind: 'save_cohort', spec: queueOf(job.tenantId) });
      cells.saveJob(recordOf(job, shapes));
    }
  }
  const { next } = storage.sql.exec<{ next: number }>('SELECT coalesce(max(sequence), 0) + 1 AS next FROM jobs').one();
  cells.nextSequence(next);
}

function pageAfter(storage: SqlStorage, sequence: number): readonly EarlierJob[] {
  const query = `SELECT body FROM jobs WHERE sequence > ? AND state IN ('pending', 'starting', 'running', 'cancelling')
    ORDER BY sequence LIMIT ${JOBS_A_READ}`;
  return storage.sql
    .exec<{ body: string }>(query, sequence)
    .toArray()
    .map(({ body }) => ({ ...DEFAULT_TERMS, ...(JSON.parse(body) as EarlierJob) }));
}

/** The job without the attempt that was under way. */
function released({ attempt, ...job }: EarlierJob): Job {
  const isCancelled = job.state === 'cancelling';
  const ended = attempt === null ? [] : [endedAt(attempt, isCancelled ? 'cancelled' : 'released')];
  const rest = { ...job, charged: [], nodesWanted: null, lastSegment: null, eventCount: 0, attempt: null, ended: [...job.ended, ...ended] };
  return isCancelled
    ? { ...rest, state: 'cancelled', finishedAtMs: job.startedAtMs ?? job.createdAtMs }
    : { ...rest, state: 'pending', progress: NO_PROGRESS };
}

/** No clock is at hand; when the attempt really ended is not known either. */
const endedAt = ({ fence, poolId, startedAtMs }: NonNullable<EarlierJob['attempt']>, outcome: EndedAttempt['outcome']): EndedAttempt => ({
  fence,
  poolId,
  startedAtMs,
  endedAtMs: startedAtMs,
  outcome,
});

/** A waiting job as the engine records it: its next attempt has a higher fence than any before. */
function recordOf(job: Job, shapes: SharedSpecs): JobRecord {
  const { spec, classKey } = shapes.shared(specOf(job));
  return {
    spec,
    classKey,
    sequence: job.sequence,
    state: 'pending',
    fence: job.fence,
    attempt: null,
    failures: job.failures,
    evictions: 0,
    costNanoDollars: 0,
    avoids: [],
    submittedAtMs: job.createdAtMs,
    finishedAtMs: null,
    endReason: null,
    nodesWanted: null,
    fewerSinceMs: null,
    fewerNodes: null,
    isHeld: false,
  };
}

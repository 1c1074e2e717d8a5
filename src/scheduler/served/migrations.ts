import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { typeOf, poolSpecOf } from './agents-as-nodes.ts';
import { NODE_ENDS, NODE_FALLS, NODE_TABLE } from './sqlite-node-registry.ts';
import { NAMED_SETTINGS_TABLE } from './quotas/sqlite-named-settings.ts';
import { CELL_TABLES, SqliteCellStore } from './sqlite-cell-store.ts';
import { GRANT_TABLE } from './jobs/sqlite-grant-store.ts';
import { JOB_HISTORY } from './jobs/sqlite-job-history.ts';
import { JOB_TAGS } from './jobs/sqlite-job-index.ts';
import type { PoolRecord } from '../../contract/pools/pool-record.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import { NONE_SEEN } from '../engine/placement/work-cost.ts';
import { SharedSpecs } from '../engine/cell/shared-specs.ts';
import type { EndedAttempt, Job } from './jobs/job.ts';
import { NO_PROGRESS, DEFAULT_TERMS } from './jobs/job.ts';
import { queueOf } from './quotas/cohort-tree.ts';
import { specOf } from './spec-of.ts';
import { SqliteJobStore } from './jobs/sqlite-job-store.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { DAY_MS } from '../../kernel/time-units.ts';

/** Nodes are on record as their pools describe them; of those that were there before, no more is known than that they are. */
function nodesOnRecord({ sql }: SqlStorage): void {
  sql.exec(NODE_TABLE);
  sql.exec('CREATE TABLE removed_pools (id TEXT PRIMARY KEY) WITHOUT ROWID');
  sql.exec(`INSERT INTO pool_nodes SELECT body ->> '$.spec.id', body ->> '$.spec.poolId', 0, NULL,
    json_object('id', body ->> '$.spec.id', 'name', body ->> '$.spec.id', 'capacity', NULL, 'attemptsMax', 1, 'domains', json('{}'),
      'ordinal', 0, 'address', NULL, 'weights', json('[]'))
    FROM cell_records WHERE kind = 'nodes'`);
}

/** Until then a type that only the template of a pool named was not known. [J113] */
function typesOfTemplates({ sql }: SqlStorage): void {
  const query = "SELECT DISTINCT body ->> '$.settings.elasticity.template.accelerator' AS name FROM pools";
  for (const { name } of sql.exec<{ name: string | null }>(query).toArray())
    if (name !== null)
      sql.exec("INSERT INTO cell_records VALUES ('accelerators', ?, ?) ON CONFLICT DO NOTHING", name, JSON.stringify(typeOf(name)));
}

/** Jobs from before they could be held, had a history, and were charged by the type of accelerator. */
export const RICHER_JOBS = `
  UPDATE cell_records SET body = json_insert(body, '$.isHeld', json('false')) WHERE kind = 'jobs';
  UPDATE jobs SET body = json_insert(body, '$.nodesWanted', NULL, '$.lastSegment', NULL, '$.eventCount', 0, '$.charged',
    CASE WHEN body ->> '$.acceleratorMs' = 0 THEN json_array()
    ELSE json_array(json_object('accelerator', NULL, 'day', (coalesce(body ->> '$.finishedAtMs', body ->> '$.createdAtMs')) / ${DAY_MS},
      'acceleratorMs', body ->> '$.acceleratorMs')) END);
  UPDATE jobs SET body = json_insert(body, '$.attempt.option', 0, '$.attempt.nodes', 1, '$.attempt.stopping', NULL)
    WHERE body ->> '$.attempt.fence' IS NOT NULL;`;

/** The tables of a scheduler cell. The first two steps are of a queue that granted work by priority and knew no engine. */
export const JOB_MIGRATIONS: Migrations = [
  `CREATE TABLE jobs (
     id TEXT PRIMARY KEY,
     organisation_id TEXT NOT NULL, tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, owner TEXT NOT NULL,
     state TEXT NOT NULL, priority INTEGER NOT NULL, sequence INTEGER NOT NULL UNIQUE, lease_until_ms INTEGER,
     body TEXT NOT NULL
   ) WITHOUT ROWID;
   CREATE INDEX queue ON jobs (priority DESC, sequence) WHERE state = 'pending';
   CREATE INDEX leases ON jobs (lease_until_ms) WHERE lease_until_ms IS NOT NULL;
   CREATE INDEX jobs_by_tenant ON jobs (tenant_id, sequence DESC);
   CREATE TABLE open_jobs (tenant_id TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE outbox (id TEXT PRIMARY KEY, organisation_id TEXT NOT NULL, due_ms INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE INDEX outbox_by_due ON outbox (due_ms);
   CREATE TABLE pools (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL) WITHOUT ROWID;`,
  // Failed items were counted as completed ones, too.
  `CREATE INDEX jobs_by_state ON jobs (tenant_id, state, sequence DESC);
   UPDATE jobs SET body = json_set(body, '$.progress.completed', body ->> '$.progress.completed' - body ->> '$.progress.failed')
   WHERE body ->> '$.progress.failed' > 0;`,
  // Jobs are decided on by the engine.
  `DROP INDEX queue; DROP INDEX leases; ${CELL_TABLES}`,
  carryOver,
  'CREATE TABLE erased_tenants (tenant_id TEXT PRIMARY KEY) WITHOUT ROWID;',
  widenRequests,
  nodesOnRecord,
  // Attempts are paid in advance; those that run already are charged afterwards, up to their end.
  `${GRANT_TABLE}
   UPDATE cell_records SET body = json_set(body, '$.attempt.funds', NULL) WHERE kind = 'jobs' AND body ->> '$.attempt' IS NOT NULL;`,
  `${RICHER_JOBS} ${JOB_TAGS} ${JOB_HISTORY}`,
  // Some jobs are batches; none was before.
  `UPDATE jobs SET body = json_insert(body, '$.batch', NULL, '$.countedAtMs', NULL, '$.doneAtMs', NULL, '$.cancelAskedAtMs', NULL);`,
  // A pool that was changed is still the one that its first request made.
  `ALTER TABLE pools ADD COLUMN asked TEXT; UPDATE pools SET asked = body;`,
  // Until then a tenant had one queue, below the root.
  NAMED_SETTINGS_TABLE,
  typesOfTemplates,
  NODE_FALLS,
  NODE_ENDS,
  // What a partition has to do about nodes is counted with each of its messages: without the starts that wait for it.
  'CREATE INDEX IF NOT EXISTS effects_about_nodes ON effects (pool_id, fence) WHERE fence < 0;',
];

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

/** Jobs and queues from before a job could say what it asks for. Of the recorded events only the latest time stays: they led to other queues. */
export function widenRequests(storage: SqlStorage): void {
  const fields = Object.entries(DEFAULT_TERMS);
  const places = fields.map(([name]) => `'$.${name}', json(?)`).join(', ');
  storage.sql.exec(`UPDATE jobs SET body = json_insert(body, ${places})`, ...fields.map(([, value]) => JSON.stringify(value)));
  storage.sql.exec(
    "UPDATE cell_records SET body = json_set(body, '$.eviction.graceMaxMs', ?) WHERE kind = 'cohorts'",
    JOB_LIMITS.jobGraceMaxS * 1_000,
  );
  storage.sql.exec('DELETE FROM cell_events WHERE sequence < (SELECT max(sequence) FROM cell_events)');
  storage.sql.exec("UPDATE cell_events SET body = '[]'");
}

import type { JobState } from '../../src/contract/jobs.ts';
import type { UsageEvent } from '../../src/contract/usage-event.ts';
import type { JobId, TenantId } from '../../src/kernel/ids.ts';
import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';
import type { JobStore } from '../../src/scheduler/first-form-queue/job-store.ts';
import type { Job } from '../../src/scheduler/first-form-queue/job.ts';
import { isFinished } from '../../src/scheduler/first-form-queue/job.ts';
import type { Migrations } from '../../src/kernel/sql/migrate.ts';

/** One row a job: the columns that queries need, and the job as JSON. Every query below is answered by an index. */
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
];

const RANK = { low: 0, normal: 1, high: 2 } as const;

type Body = { body: string };

export class SqliteJobStore implements JobStore {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  find(id: JobId): Job | undefined {
    return this.#jobs('SELECT body FROM jobs WHERE id = ?', id)[0];
  }

  nextPending(count: number): readonly Job[] {
    return this.#jobs(`SELECT body FROM jobs WHERE state = 'pending' ORDER BY priority DESC, sequence LIMIT ?`, count);
  }

  expired(nowMs: number, count: number): readonly Job[] {
    return this.#jobs('SELECT body FROM jobs WHERE lease_until_ms <= ? ORDER BY lease_until_ms LIMIT ?', nowMs, count);
  }

  openCount(tenantId: TenantId): number {
    return this.#sql.exec<{ count: number }>('SELECT count FROM open_jobs WHERE tenant_id = ?', tenantId).toArray()[0]?.count ?? 0;
  }

  nextSequence(): number {
    return this.#sql.exec<{ next: number }>('SELECT coalesce(max(sequence), 0) + 1 AS next FROM jobs').one().next;
  }

  /** Jobs of a tenant, newest first, that were submitted before `before`; in one state, or all. */
  newest(tenantId: TenantId, before: number, count: number, state?: JobState): readonly Job[] {
    const order = 'sequence < ? ORDER BY sequence DESC LIMIT ?';
    if (state === undefined) return this.#jobs(`SELECT body FROM jobs WHERE tenant_id = ? AND ${order}`, tenantId, before, count);
    return this.#jobs(`SELECT body FROM jobs WHERE tenant_id = ? AND state = ? AND ${order}`, tenantId, state, before, count);
  }

  /** When the next lease ends, if there is one. */
  nextLeaseEndMs(): number | undefined {
    const query = 'SELECT lease_until_ms AS at FROM jobs WHERE lease_until_ms IS NOT NULL ORDER BY lease_until_ms LIMIT 1';
    return this.#sql.exec<{ at: number }>(query).toArray()[0]?.at;
  }

  save(job: Job): void {
    this.#countOpen(job);
    this.#sql.exec(
      `INSERT INTO jobs (id, organisation_id, tenant_id, project_id, owner, state, priority, sequence, lease_until_ms, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, lease_until_ms = excluded.lease_until_ms, body = excluded.body`,
      job.id,
      job.organisationId,
      job.tenantId,
      job.projectId,
      job.owner,
      job.state,
      RANK[job.priority],
      job.sequence,
      job.attempt?.leaseUntilMs ?? null,
      JSON.stringify(job),
    );
  }

  charge(usage: UsageEvent): void {
    const { id, organisationId, atMs } = usage;
    this.#sql.exec('INSERT INTO outbox VALUES (?, ?, ?, ?)', id, organisationId, atMs, JSON.stringify(usage));
  }

  #countOpen(job: Job): void {
    const known = this.find(job.id);
    const change = Number(!isFinished(job)) - Number(known !== undefined && !isFinished(known));
    if (change === 0) return;
    this.#sql.exec(
      'INSERT INTO open_jobs VALUES (?1, ?2) ON CONFLICT (tenant_id) DO UPDATE SET count = count + excluded.count',
      job.tenantId,
      change,
    );
  }

  #jobs(query: string, ...bindings: (string | number)[]): readonly Job[] {
    return this.#sql
      .exec<Body>(query, ...bindings)
      .toArray()
      .map(({ body }) => JSON.parse(body) as Job);
  }
}

import type { JobState } from '../../contract/jobs.ts';
import type { UsageEvent } from '../../contract/meter.ts';
import type { JobId, OrganisationId, TenantId } from '../../kernel/ids.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { JobStore } from './job-store.ts';
import type { Job } from './job.ts';
import { isFinished } from './job.ts';

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

/** Usage that is charged but not yet acknowledged by the ledger. Rows are put in by `SqliteJobStore.charge`. */
export class SqliteOutbox {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** When something is next to be delivered, if anything waits. */
  nextDueMs(): number | undefined {
    return this.#sql.exec<{ due: number | null }>('SELECT min(due_ms) AS due FROM outbox').one().due ?? undefined;
  }

  /** At most `count` events that are due, longest first, by the organisation whose ledger they belong to. */
  due(nowMs: number, count: number): ReadonlyMap<OrganisationId, readonly UsageEvent[]> {
    const byOrganisation = new Map<OrganisationId, UsageEvent[]>();
    const rows = this.#sql.exec<{ body: string }>('SELECT body FROM outbox WHERE due_ms <= ? ORDER BY due_ms LIMIT ?', nowMs, count);
    for (const { body } of rows) {
      const usage = JSON.parse(body) as UsageEvent;
      byOrganisation.set(usage.organisationId, [...(byOrganisation.get(usage.organisationId) ?? []), usage]);
    }
    return byOrganisation;
  }

  remove(events: readonly UsageEvent[]): void {
    this.#sql.exec('DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))', idsOf(events));
  }

  /** Postpones events, so that one ledger that cannot be reached does not delay the others. */
  postpone(events: readonly UsageEvent[], dueMs: number): void {
    this.#sql.exec('UPDATE outbox SET due_ms = ? WHERE id IN (SELECT value FROM json_each(?))', dueMs, idsOf(events));
  }
}

const idsOf = (events: readonly UsageEvent[]): string => JSON.stringify(events.map(({ id }) => id));

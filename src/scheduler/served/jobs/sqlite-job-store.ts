import { jobOfOutput } from '../../../contract/jobs/attempt.ts';
import { must } from '../../../kernel/assert.ts';
import type { FileId, JobId, TenantId } from '../../../kernel/ids.ts';
import { jsonParts } from '../../../kernel/sql/bulk-statements.ts';
import type { SqlStorage } from '../../../kernel/sql/sql-storage.ts';
import type { Job } from './job.ts';
import { isFinished, priorityNumber } from './job.ts';
import { dropOldest } from '../../../kernel/drop-oldest.ts';

type Body = { body: string };

/** Some 2 kB each. */
const RECENT_MAX = 2_000;

/** Jobs as their owners see them: the columns that queries need, and the job as JSON. Every query is answered by an index. */
export class SqliteJobStore {
  readonly #sql: SqlStorage['sql'];
  /**
   * Jobs as stored that were read or saved lately, oldest first; null for one that is not stored. A job that is submitted, starts, runs and
   * ends is looked up several times in each step.
   */
  readonly #recent = new Map<JobId, Job | null>();

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  find(id: JobId): Job | undefined {
    const recent = this.#recent.get(id);
    const job = recent === undefined ? (this.#jobs('SELECT body FROM jobs WHERE id = ?', id)[0] ?? null) : recent;
    this.#remember(id, job);
    return job ?? undefined;
  }

  /** What was read or saved may not be what is stored: a transaction failed. */
  forget(): void {
    this.#recent.clear();
  }

  /** Whether the file is the output of a job of the tenant, and not of an attempt that was not accepted. */
  isAccepted(tenantId: TenantId, file: FileId): boolean {
    const job = this.find(must(jobOfOutput(file), 'the id of an output'));
    return job?.tenantId === tenantId && (job.outputFile === file || (job.outputs ?? []).some((output) => output.file === file));
  }

  /** Jobs of the tenant that are not finished. */
  openCount(tenantId: TenantId): number {
    return this.#sql.exec<{ count: number }>('SELECT count FROM open_jobs WHERE tenant_id = ?', tenantId).toArray()[0]?.count ?? 0;
  }

  /** What there is of a tenant that submits a job: whether no job of it is taken, and how many are not finished. */
  submitter(tenantId: TenantId): { readonly isBarred: boolean; readonly openCount: number } {
    const query = `SELECT EXISTS (SELECT 1 FROM erased_tenants WHERE tenant_id = ?1) AS barred,
      coalesce((SELECT count FROM open_jobs WHERE tenant_id = ?1), 0) AS open`;
    const { barred, open } = this.#sql.exec<{ barred: number; open: number }>(query, tenantId).one();
    return { isBarred: barred === 1, openCount: open };
  }

  /** How many jobs of the tenant are on record. */
  count(tenantId: TenantId): number {
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM jobs WHERE tenant_id = ?', tenantId).one().count;
  }

  /** From now on no job of the tenant is taken. */
  bar(tenantId: TenantId): void {
    this.#sql.exec('INSERT INTO erased_tenants VALUES (?) ON CONFLICT (tenant_id) DO NOTHING', tenantId);
  }

  isBarred(tenantId: TenantId): boolean {
    return this.#sql.exec('SELECT 1 AS one FROM erased_tenants WHERE tenant_id = ?', tenantId).toArray().length > 0;
  }

  /** At most `count` unfinished jobs of the tenant that are not being cancelled. */
  uncancelled(tenantId: TenantId, count: number): readonly Job[] {
    const isOpen = "state IN ('pending', 'suspended', 'starting', 'running', 'stopping')";
    return this.#jobs(`SELECT body FROM jobs WHERE tenant_id = ? AND ${isOpen} LIMIT ?`, tenantId, count);
  }

  /** Erases at most `count` finished jobs of the tenant: those that it has erased. */
  eraseFinished(tenantId: TenantId, count: number): readonly Job[] {
    this.forget();
    const isFinal = "state IN ('succeeded', 'failed', 'cancelled')";
    const erased = this.#jobs(`SELECT body FROM jobs WHERE tenant_id = ? AND ${isFinal} LIMIT ?`, tenantId, count);
    for (const { id } of erased) this.#sql.exec('DELETE FROM jobs WHERE id = ?', id);
    this.#sql.exec('DELETE FROM open_jobs WHERE tenant_id = ? AND count = 0', tenantId);
    return erased;
  }

  /** Saves jobs, each named once, as they are now. */
  saveAll(jobs: readonly Job[]): void {
    this.#countOpen(jobs);
    const rows = jobs.map((job) => [
      job.id,
      job.organisationId,
      job.tenantId,
      job.projectId,
      job.owner,
      job.state,
      priorityNumber(job.priority),
      job.sequence,
      job,
    ]);
    for (const part of jsonParts(rows)) {
      this.#sql.exec(
        `INSERT INTO jobs (id, organisation_id, tenant_id, project_id, owner, state, priority, sequence, body)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value -> 8
         FROM json_each(?) WHERE true
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body`,
        part,
      );
    }
    for (const job of jobs) this.#remember(job.id, job);
  }

  #remember(id: JobId, job: Job | null): void {
    this.#recent.delete(id);
    this.#recent.set(id, job);
    dropOldest(this.#recent, RECENT_MAX);
  }

  #countOpen(jobs: readonly Job[]): void {
    const changes = new Map<TenantId, number>();
    for (const job of jobs) {
      const known = this.find(job.id);
      const change = Number(!isFinished(job)) - Number(known !== undefined && !isFinished(known));
      if (change !== 0) changes.set(job.tenantId, (changes.get(job.tenantId) ?? 0) + change);
    }
    for (const part of jsonParts([...changes])) {
      this.#sql.exec(
        `INSERT INTO open_jobs SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true
         ON CONFLICT (tenant_id) DO UPDATE SET count = count + excluded.count`,
        part,
      );
    }
  }

  #jobs(query: string, ...bindings: (string | number)[]): readonly Job[] {
    return this.#sql
      .exec<Body>(query, ...bindings)
      .toArray()
      .map(({ body }) => JSON.parse(body) as Job);
  }
}

import type { JobState } from '../../contract/jobs.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { Job } from './job.ts';
import { isFinished } from './job.ts';

const RANK = { low: 0, normal: 1, high: 2 } as const;

type Body = { body: string };

/** Jobs as their owners see them: the columns that queries need, and the job as JSON. Every query is answered by an index. */
export class SqliteJobStore {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  find(id: JobId): Job | undefined {
    return this.#jobs('SELECT body FROM jobs WHERE id = ?', id)[0];
  }

  /** Jobs of the tenant that are not finished. */
  openCount(tenantId: TenantId): number {
    return this.#sql.exec<{ count: number }>('SELECT count FROM open_jobs WHERE tenant_id = ?', tenantId).toArray()[0]?.count ?? 0;
  }

  /** Jobs of a tenant, newest first, that were submitted before `before`; in one state, or all. */
  newest(tenantId: TenantId, before: number, count: number, state?: JobState): readonly Job[] {
    const order = 'sequence < ? ORDER BY sequence DESC LIMIT ?';
    if (state === undefined) return this.#jobs(`SELECT body FROM jobs WHERE tenant_id = ? AND ${order}`, tenantId, before, count);
    return this.#jobs(`SELECT body FROM jobs WHERE tenant_id = ? AND state = ? AND ${order}`, tenantId, state, before, count);
  }

  save(job: Job): void {
    this.#countOpen(job);
    this.#sql.exec(
      `INSERT INTO jobs (id, organisation_id, tenant_id, project_id, owner, state, priority, sequence, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body`,
      job.id,
      job.organisationId,
      job.tenantId,
      job.projectId,
      job.owner,
      job.state,
      RANK[job.priority],
      job.sequence,
      JSON.stringify(job),
    );
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

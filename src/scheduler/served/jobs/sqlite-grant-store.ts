import type { FundRequest, FundSettlement, PricedTime } from '../../../contract/jobs/job-funds.ts';
import type { JobId, OrganisationId, TenantId } from '../../../kernel/ids.ts';
import { jsonParts } from '../../../kernel/sql/bulk-statements.ts';
import { RememberedValue } from '../../../kernel/sql/remembering-storage.ts';
import type { SqlStorage } from '../../../kernel/sql/sql-storage.ts';

/** The grants of attempts whose beginning or end has not reached the quotas yet. */
export const GRANT_TABLE = `
  CREATE TABLE grants (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, organisation_id TEXT NOT NULL, tenant_id TEXT NOT NULL,
    job_id TEXT NOT NULL, fence INTEGER NOT NULL, number INTEGER NOT NULL,
    state TEXT NOT NULL, due_ms INTEGER NOT NULL, units INTEGER NOT NULL, used INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE INDEX grants_by_job ON grants (job_id, fence);
  CREATE INDEX grants_by_tenant ON grants (tenant_id);
  CREATE INDEX grants_by_due ON grants (due_ms) WHERE state <> 'granted';`;

/**
 * `asked`: the answer is not in. `granted`: its attempt is paid from it. `settling`: what was not used of it is to be returned. `dropped`: its
 * attempt ended before the answer was in; it is asked for all the same, since that may have happened, and then returned.
 */
type GrantState = 'asked' | 'granted' | 'settling' | 'dropped';

export interface StoredGrant {
  readonly id: string;
  readonly jobId: JobId;
  readonly fence: number;
  /** `TOKENS_GRANT`, or that of a grant of accelerator time. */
  readonly number: number;
  readonly state: GrantState;
  readonly units: number;
  readonly used: number;
  readonly request: FundRequest;
}

/** What an attempt asks for. */
export type AskedGrant = Pick<StoredGrant, 'jobId' | 'fence' | 'number' | 'request'>;

/** The number of an attempt's grant of tokens. Those of accelerator time count from 0. */
export const TOKENS_GRANT = -1;

type Row = { id: string; job_id: string; fence: number; number: number; state: string; units: number; used: number; body: string };

/** What the grants of a job hold. */
interface HeldFunds {
  readonly tokens: number;
  readonly time: readonly PricedTime[];
}

/** What is due for one organisation. */
export interface DueFunds {
  readonly settled: readonly FundSettlement[];
  readonly asked: readonly FundRequest[];
}

/** Grants from when they are asked for until they are settled, written in the transaction of the step that they belong to. */
export class SqliteGrantStore {
  readonly #sql: SqlStorage['sql'];
  readonly #nextDue = new RememberedValue(
    () => this.#sql.exec<{ due: number | null }>("SELECT min(due_ms) AS due FROM grants WHERE state <> 'granted'").one().due ?? undefined,
  );

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  ask(asked: readonly AskedGrant[], nowMs: number): void {
    const rows = asked.map(({ request, jobId, fence, number }) => [
      request.id,
      request.organisationId,
      request.tenantId,
      jobId,
      fence,
      number,
      JSON.stringify(request),
    ]);
    for (const part of jsonParts(rows)) {
      this.#nextDue.forget();
      this.#sql.exec(
        `INSERT INTO grants (id, organisation_id, tenant_id, job_id, fence, number, state, due_ms, units, used, body)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, 'asked', ?, 0, 0, value ->> 6 FROM json_each(?)`,
        nowMs,
        part,
      );
    }
  }

  find(id: string): StoredGrant | undefined {
    return this.#rows('SELECT * FROM grants WHERE id = ?', id)[0];
  }

  /** Those of the ids that are known. */
  findAll(ids: readonly string[]): readonly StoredGrant[] {
    return this.#rows('SELECT * FROM grants WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }

  /** The grants of these jobs. */
  ofJobs(ids: readonly JobId[]): readonly StoredGrant[] {
    return this.#rows('SELECT * FROM grants WHERE job_id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }

  grant(granted: ReadonlyMap<string, number>): void {
    this.#nextDue.forget();
    this.#sql.exec(
      `UPDATE grants SET state = 'granted', units = answer.units
       FROM (SELECT value ->> 0 AS id, value ->> 1 AS units FROM json_each(?)) AS answer WHERE grants.id = answer.id`,
      JSON.stringify([...granted]),
    );
  }

  /** So much more of each grant was charged. */
  use(charged: ReadonlyMap<string, number>): void {
    for (const part of jsonParts([...charged])) {
      this.#sql.exec(
        `UPDATE grants SET used = used + charged.quantity
         FROM (SELECT value ->> 0 AS id, value ->> 1 AS quantity FROM json_each(?)) AS charged WHERE grants.id = charged.id`,
        part,
      );
    }
  }

  /** What is left of the grants of these jobs is returned, but for those `kept` of their live attempts; fence 0: there is none. */
  close(jobs: readonly { readonly jobId: JobId; readonly fence: number; readonly kept: readonly number[] }[], nowMs: number): void {
    for (const part of jsonParts(jobs.map(({ jobId, fence, kept }) => [jobId, fence, kept]))) {
      this.#nextDue.forget();
      this.#sql.exec(
        `UPDATE grants SET state = CASE state WHEN 'granted' THEN 'settling' ELSE 'dropped' END, due_ms = ?
         FROM (SELECT value ->> 0 AS job, value ->> 1 AS fence, value -> 2 AS kept FROM json_each(?)) AS live
         WHERE grants.job_id = live.job AND state IN ('asked', 'granted')
           AND NOT (grants.fence = live.fence AND (state = 'asked' OR number IN (SELECT value FROM json_each(live.kept))))`,
        nowMs,
        part,
      );
    }
  }

  /** The answers to grants whose attempts are over came late. */
  settle(ids: readonly string[], nowMs: number): void {
    if (ids.length === 0) return;
    this.#nextDue.forget();
    const query = "UPDATE grants SET state = 'settling', due_ms = ? WHERE id IN (SELECT value FROM json_each(?))";
    this.#sql.exec(query, nowMs, JSON.stringify(ids));
  }

  remove(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.#nextDue.forget();
    this.#sql.exec('DELETE FROM grants WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }

  /** What the grants of a job hold or were charged for, that is not settled: it counts towards what the job may cost. */
  heldBy(jobId: JobId): HeldFunds {
    let tokens = 0;
    const time: PricedTime[] = [];
    for (const { request, state, units, used } of this.#rows('SELECT * FROM grants WHERE job_id = ?', jobId)) {
      // What is charged already is counted with the job.
      const open = state === 'granted' ? units - used : state === 'asked' ? request.want : 0;
      const { meter, accelerator, priceId = null } = request;
      if (meter === 'job_tokens') tokens += open;
      else if (open > 0) time.push({ accelerator, priceId, acceleratorMs: open });
    }
    return { tokens, time };
  }

  /** Whether an attempt waits for an answer that may be had now. */
  isAsking(nowMs: number): boolean {
    const query = "SELECT 1 AS one FROM grants WHERE state <> 'granted' AND due_ms <= ? AND state = 'asked' LIMIT 1";
    return this.#sql.exec(query, nowMs).toArray().length > 0;
  }

  /** When something is next to be asked or settled, if anything waits. */
  nextDueMs(): number | undefined {
    return this.#nextDue.get();
  }

  /** What was read may not be what is stored: a transaction failed. */
  forget(): void {
    this.#nextDue.forget();
  }

  /** At most `count` that are due, longest first, by organisation. */
  due(nowMs: number, count: number): ReadonlyMap<OrganisationId, DueFunds> {
    const due = new Map<OrganisationId, { settled: FundSettlement[]; asked: FundRequest[] }>();
    const rows = this.#rows(
      "SELECT * FROM grants WHERE state <> 'granted' AND due_ms <= ? ORDER BY due_ms, sequence LIMIT ?",
      nowMs,
      count,
    );
    for (const { id, state, used, request } of rows) {
      const entry = due.get(request.organisationId) ?? { settled: [], asked: [] };
      due.set(request.organisationId, entry);
      const { meter, accelerator, priceId = null } = request;
      if (state === 'settling') entry.settled.push({ id, meter, accelerator, priceId, used });
      else entry.asked.push(request);
    }
    return due;
  }

  /** Postpones what is due, so that one organisation that cannot be reached does not delay the others. */
  postpone(ids: readonly string[], dueMs: number): void {
    this.#nextDue.forget();
    this.#sql.exec('UPDATE grants SET due_ms = ? WHERE id IN (SELECT value FROM json_each(?))', dueMs, JSON.stringify(ids));
  }

  /** Grants of a tenant that are not settled. */
  count(tenantId: TenantId): number {
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM grants WHERE tenant_id = ?', tenantId).one().count;
  }

  #rows(query: string, ...bindings: (string | number)[]): readonly StoredGrant[] {
    return this.#sql
      .exec<Row>(query, ...bindings)
      .toArray()
      .map(({ id, job_id, fence, number, state, units, used, body }) => ({
        id,
        jobId: job_id as JobId,
        fence,
        number,
        state: state as GrantState,
        units,
        used,
        request: JSON.parse(body) as FundRequest,
      }));
  }
}

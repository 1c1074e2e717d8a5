import type { JobKind } from '../../../contract/jobs/job-work.ts';
import type { JobState } from '../../../contract/jobs/jobs.ts';
import { JOB_LIMITS } from '../../../contract/jobs/job-limits.ts';
import type { JobId, TenantId } from '../../../kernel/ids.ts';
import type { SqlStorage } from '../../../kernel/sql/sql-storage.ts';
import type { Job } from './job.ts';

/** Which jobs of a tenant a list is of. An absent field leaves all. */
export interface JobFilter {
  /** Of several states, any. */
  readonly state?: JobState | readonly JobState[] | undefined;
  readonly kind?: JobKind | undefined;
  readonly queue?: string | undefined;
  /** Submitted as batches. */
  readonly isBatch?: true;
  readonly label?: { readonly name: string; readonly value: string } | undefined;
  /** Submitted then or later. */
  readonly createdFromMs?: number | undefined;
  /** Submitted before then. */
  readonly createdUntilMs?: number | undefined;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  /** The last job that was looked at, if there may be more below it. */
  readonly next: JobId | null;
}

export const JOB_TAGS = `
  CREATE TABLE IF NOT EXISTS job_tags (tenant_id TEXT NOT NULL, tag TEXT NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, tag, sequence)) WITHOUT ROWID;
  INSERT OR IGNORE INTO job_tags SELECT tenant_id, 'kind=' || (body ->> '$.work.kind'), sequence FROM jobs;
  INSERT OR IGNORE INTO job_tags SELECT tenant_id, 'queue=' || (body ->> '$.queue'), sequence FROM jobs;
  CREATE INDEX IF NOT EXISTS jobs_by_created ON jobs (tenant_id, body ->> '$.createdAtMs', sequence);`;

const kindTag = (kind: string): string => `kind=${kind}`;
const queueTag = (queue: string): string => `queue=${queue}`;
const labelTag = (name: string, value: string): string => `label=${name}=${value}`;

const BATCH_TAG = 'batch';

const tagsOf = ({ work, queue, labels, batch }: Job): readonly string[] => [
  kindTag(work.kind),
  queueTag(queue),
  ...(batch === null ? [] : [BATCH_TAG]),
  ...Object.entries(labels).map(([name, value]) => labelTag(name, value)),
];

/** The highest sequence below another of the jobs that have something; undefined when there is none. */
type Source = (below: number) => number | undefined;

/**
 * Finds jobs by what they are. Each filter has an index in the order of submission; a page walks down all of them together, leaping from what
 * one has to what the next has at most (J94).
 */
export class SqliteJobIndex {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** Takes jobs in that were just submitted. */
  add(jobs: readonly Job[]): void {
    if (jobs.length === 0) return;
    const rows = jobs.flatMap((job) => tagsOf(job).map((tag) => [job.tenantId, tag, job.sequence]));
    const insert = `INSERT OR IGNORE INTO job_tags SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)`;
    this.#sql.exec(insert, JSON.stringify(rows));
  }

  remove(job: Job): void {
    for (const tag of tagsOf(job))
      this.#sql.exec('DELETE FROM job_tags WHERE tenant_id = ? AND tag = ? AND sequence = ?', job.tenantId, tag, job.sequence);
  }

  /** Jobs of a tenant, newest first, that were submitted before the one with the sequence `before`. */
  page(tenantId: TenantId, filter: JobFilter, before: number, count: number): JobPage {
    const sources = this.#sourcesOf(tenantId, filter);
    const from = filter.createdFromMs === undefined ? 0 : (this.#createdBefore(tenantId, filter.createdFromMs) ?? 0) + 1;
    const until = filter.createdUntilMs === undefined ? Infinity : (this.#createdBefore(tenantId, filter.createdUntilMs) ?? 0) + 1;
    const jobs: Job[] = [];
    let below = Math.min(before, until);
    for (let looks = 0; ; looks += sources.length) {
      const candidate = jobs.length > count || looks > JOB_LIMITS.jobListLooksMaxCount ? undefined : lowest(sources, below);
      if (candidate === undefined || candidate.sequence < from) {
        const isCut = jobs.length > count || looks > JOB_LIMITS.jobListLooksMaxCount;
        return this.#pageOf(tenantId, jobs, count, isCut ? below : undefined);
      }
      const { sequence, isMatch } = candidate;
      if (isMatch) jobs.push(...this.#jobAt(sequence));
      below = isMatch ? sequence : sequence + 1;
    }
  }

  #pageOf(tenantId: TenantId, jobs: readonly Job[], count: number, cutAt: number | undefined): JobPage {
    const shown = jobs.slice(0, count);
    if (cutAt === undefined) return { jobs: shown, next: null };
    if (jobs.length > count) return { jobs: shown, next: shown.at(-1)?.id ?? null };
    const query = 'SELECT id FROM jobs WHERE tenant_id = ? AND sequence >= ? ORDER BY sequence LIMIT 1';
    const [last] = this.#sql.exec<{ id: JobId }>(query, tenantId, cutAt).toArray();
    return { jobs: shown, next: last?.id ?? null };
  }

  #sourcesOf(tenantId: TenantId, { state, kind, queue, label, isBatch }: JobFilter): readonly Source[] {
    const tags = [
      ...(kind === undefined ? [] : [kindTag(kind)]),
      ...(queue === undefined ? [] : [queueTag(queue)]),
      ...(isBatch === undefined ? [] : [BATCH_TAG]),
      ...(label === undefined ? [] : [labelTag(label.name, label.value)]),
    ];
    const byTag = tags.map(
      (tag): Source =>
        (below) =>
          this.#first(
            'SELECT sequence FROM job_tags WHERE tenant_id = ? AND tag = ? AND sequence < ? ORDER BY sequence DESC LIMIT 1',
            tenantId,
            tag,
            below,
          ),
    );
    if (state !== undefined) {
      const query = 'SELECT sequence FROM jobs WHERE tenant_id = ? AND state = ? AND sequence < ? ORDER BY sequence DESC LIMIT 1';
      const highest = (below: number): number | undefined => {
        const found = [state].flat().flatMap((one) => this.#first(query, tenantId, one, below) ?? []);
        return found.length === 0 ? undefined : Math.max(...found);
      };
      return [...byTag, highest];
    }
    if (byTag.length > 0) return byTag;
    return [
      (below) =>
        this.#first('SELECT sequence FROM jobs WHERE tenant_id = ? AND sequence < ? ORDER BY sequence DESC LIMIT 1', tenantId, below),
    ];
  }

  /** The last job submitted before a time: in a cell, time never runs backwards. */
  #createdBefore(tenantId: TenantId, ms: number): number | undefined {
    const created = "body ->> '$.createdAtMs'";
    const query = `SELECT sequence FROM jobs WHERE tenant_id = ? AND ${created} < ? ORDER BY ${created} DESC, sequence DESC LIMIT 1`;
    return this.#first(query, tenantId, ms);
  }

  #jobAt(sequence: number): readonly Job[] {
    const rows = this.#sql.exec<{ body: string }>('SELECT body FROM jobs WHERE sequence = ?', sequence).toArray();
    return rows.map(({ body }) => JSON.parse(body) as Job);
  }

  #first(query: string, ...bindings: (string | number)[]): number | undefined {
    const finite = bindings.map((value) => (value === Infinity ? Number.MAX_SAFE_INTEGER : value));
    return this.#sql.exec<{ sequence: number }>(query, ...finite).toArray()[0]?.sequence;
  }
}

/** What all sources have at most, below a sequence; a match if it is in all of them. */
function lowest(sources: readonly Source[], below: number): { readonly sequence: number; readonly isMatch: boolean } | undefined {
  const highest = sources[0]?.(below);
  let sequence = highest;
  for (const source of sources.slice(1)) {
    if (sequence === undefined) return undefined;
    sequence = source(sequence + 1);
  }
  return sequence === undefined ? undefined : { sequence, isMatch: sequence === highest };
}

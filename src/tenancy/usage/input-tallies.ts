import type { BucketCounts, InputTally, WatchedInput } from '../../contract/tenancy/input-tally.ts';
import { emptyHistogram } from '../../contract/tenancy/input-tally.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { PeriodCounts } from './period-counts.ts';
import { DAY_MS } from '../../kernel/time-units.ts';

/** A step of the ledger's schema. `subject`: the input, a blank, and what it is an input of. */
export const INPUT_TALLY_TABLE = `
  CREATE TABLE input_counts (
    tenant TEXT NOT NULL, subject TEXT NOT NULL, day INTEGER NOT NULL, counts TEXT NOT NULL,
    PRIMARY KEY (tenant, subject, day)) WITHOUT ROWID;
  CREATE INDEX input_counts_by_age ON input_counts (day);`;

/** The days that are compared with those before them: the last one has just begun. */
const LATELY_DAYS = 7;

/** How an input was distributed in the last week, and before: values in each bucket. */
export interface InputHistograms {
  readonly input: string;
  readonly subject: string;
  readonly before: readonly number[];
  readonly lately: readonly number[];
}

/** How the inputs of models and indexes were distributed, by tenant and day, as the isolates reported it. */
export class SqliteInputTallies extends PeriodCounts {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    super(storage, { table: 'input_counts', subject: 'subject', period: 'day', periodMs: DAY_MS });
    this.#sql = storage.sql;
  }

  /** The last week against all that is kept of before. [D80] */
  histograms(tenantId: TenantId, nowMs: number): InputHistograms[] {
    const firstDay = this.periodOf(nowMs) - LATELY_DAYS + 1;
    const rows = this.#sql
      .exec<{ subject: string; day: number; counts: string }>('SELECT subject, day, counts FROM input_counts WHERE tenant = ?', tenantId)
      .toArray();
    const all = new Map<string, { input: string; subject: string; before: number[]; lately: number[] }>();
    for (const { subject: key, day, counts } of rows) {
      const [input = '', subject = ''] = key.split(' ');
      const none = () => emptyHistogram(input as WatchedInput);
      const known = all.get(key) ?? { input, subject, before: none(), lately: none() };
      all.set(key, known);
      const sums = day < firstDay ? known.before : known.lately;
      const counted = JSON.parse(counts) as BucketCounts;
      for (const bucket of sums.keys()) sums[bucket] = (sums[bucket] ?? 0) + (counted[bucket] ?? 0);
    }
    return [...all.values()];
  }

  /** Adds tallies that were not counted before. Call in one transaction. */
  record(tallies: readonly InputTally[]): void {
    for (const tally of tallies) this.add(`${tally.input} ${tally.subject}`, tally);
  }
}

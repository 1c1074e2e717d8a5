import type { CallCounts, CallTally } from '../../contract/tenancy/call-tally.ts';
import { CALL_LATENCIES } from '../../contract/tenancy/call-tally.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { PeriodCounts } from './period-counts.ts';
import { HOUR_MS } from '../../kernel/time-units.ts';

/** A step of the ledger's schema. */
export const CALL_TALLY_TABLE = `
  CREATE TABLE call_counts (
    tenant TEXT NOT NULL, endpoint TEXT NOT NULL, hour INTEGER NOT NULL, counts TEXT NOT NULL,
    PRIMARY KEY (tenant, endpoint, hour)) WITHOUT ROWID;
  CREATE INDEX call_counts_by_age ON call_counts (hour);`;

/** How the calls of one hour went. */
export interface CallHour {
  readonly hour: number;
  /** Answered, or failed by no fault of the caller. */
  readonly valid: number;
  readonly answered: number;
  /** Of those that were answered: within the time that was asked about. */
  readonly within: number;
}

/** How calls of endpoints were answered, by tenant and hour, as the isolates reported it. */
export class SqliteCallTallies extends PeriodCounts {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    super(storage, { table: 'call_counts', subject: 'endpoint', period: 'hour', periodMs: HOUR_MS });
    this.#sql = storage.sql;
  }

  /** Adds tallies that were not counted before. Call in one transaction. */
  record(tallies: readonly CallTally[]): void {
    for (const tally of tallies) this.add(tally.endpoint, tally);
  }

  /**
   * Hour by hour, how calls of an endpoint went. Those that a Worker could not be reached for are known by the beginning of their path alone, such
   * as `POST /v1/chat/*`, and count for every endpoint below it. [SL13]
   */
  hours(tenantId: TenantId, endpoint: string, fromMs: number, withinMs: number): CallHour[] {
    const rows = this.#sql
      .exec<{ hour: number; counts: string }>(
        `SELECT hour, counts FROM call_counts
         WHERE tenant = ?1 AND endpoint IN (SELECT value FROM json_each(?2)) AND hour >= ?3
         ORDER BY hour`,
        tenantId,
        JSON.stringify([endpoint, ...pathsAbove(endpoint)]),
        this.periodOf(fromMs),
      )
      .toArray();
    const hours = new Map<number, CallHour>();
    for (const { hour, counts } of rows) {
      const { valid, answered, within } = hours.get(hour) ?? { valid: 0, answered: 0, within: 0 };
      const seen = sumsOf(JSON.parse(counts) as CallCounts, withinMs);
      hours.set(hour, { hour, valid: valid + seen.valid, answered: answered + seen.answered, within: within + seen.within });
    }
    return [...hours.values()];
  }
}

/** `POST /v1/chat/*` and so on: asked for by name, because a search for patterns would read all that is counted of the tenant, every minute. */
function pathsAbove(endpoint: string): readonly string[] {
  const parts = endpoint.split('/');
  return parts.map((_, i) => `${parts.slice(0, i + 1).join('/')}/*`);
}

function sumsOf({ failed = 0, ...latencies }: CallCounts, withinMs: number): Omit<CallHour, 'hour'> {
  const last = CALL_LATENCIES.bucketOf(withinMs);
  let [answered, within] = [0, 0];
  for (const [bucket, count] of Object.entries(latencies)) {
    answered += count;
    if (Number(bucket) <= last) within += count;
  }
  return { valid: answered + failed, answered, within };
}

import { LIMITS } from '../../contract/limits.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { DEFAULT_TERMS } from './default-terms.ts';

/** Jobs and queues from before a job could say what it asks for. Of the recorded events only the latest time stays: they led to other queues. */
export function widenRequests(storage: SqlStorage): void {
  const fields = Object.entries(DEFAULT_TERMS);
  const places = fields.map(([name]) => `'$.${name}', json(?)`).join(', ');
  storage.sql.exec(`UPDATE jobs SET body = json_insert(body, ${places})`, ...fields.map(([, value]) => JSON.stringify(value)));
  storage.sql.exec(
    "UPDATE cell_records SET body = json_set(body, '$.eviction.graceMaxMs', ?) WHERE kind = 'cohorts'",
    LIMITS.jobGraceMaxS * 1_000,
  );
  storage.sql.exec('DELETE FROM cell_events WHERE sequence < (SELECT max(sequence) FROM cell_events)');
  storage.sql.exec("UPDATE cell_events SET body = '[]'");
}

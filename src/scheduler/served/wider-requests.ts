import { LIMITS } from '../../contract/limits.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { DAY_MS } from '../../kernel/time-units.ts';
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

/** Jobs from before they could be held, had a history, and were charged by the type of accelerator. */
export const RICHER_JOBS = `
  UPDATE cell_records SET body = json_insert(body, '$.isHeld', json('false')) WHERE kind = 'jobs';
  UPDATE jobs SET body = json_insert(body, '$.nodesWanted', NULL, '$.lastSegment', NULL, '$.eventCount', 0, '$.charged',
    CASE WHEN body ->> '$.acceleratorMs' = 0 THEN json_array()
    ELSE json_array(json_object('accelerator', NULL, 'day', (coalesce(body ->> '$.finishedAtMs', body ->> '$.createdAtMs')) / ${DAY_MS},
      'acceleratorMs', body ->> '$.acceleratorMs')) END);
  UPDATE jobs SET body = json_insert(body, '$.attempt.option', 0, '$.attempt.nodes', 1, '$.attempt.stopping', NULL)
    WHERE body ->> '$.attempt.fence' IS NOT NULL;`;

import type { Migrations } from '../../kernel/sql/migrate.ts';
import { migrate } from '../../kernel/sql/migrate.ts';
import { SPENT_KEY_TABLE } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { ERASED_IDS_TABLE } from '../erased-ids.ts';
import { CACHE_TALLY_TABLES } from '../usage/cache-tallies.ts';
import { CALL_TALLY_TABLE } from '../usage/call-tallies.ts';
import { EVENT_RUN_TABLES } from '../usage/event-ids.ts';
import { INPUT_TALLY_TABLE } from '../usage/input-tallies.ts';
import { KEY_USE_TABLE } from '../usage/key-uses.ts';
import { FIRST_ROLLUPS, PRICED_ROLLUPS, WIDER_ROLLUPS } from '../usage/usage-ledger.ts';
import { BILLING_RECORD_TABLE } from './billing-records.ts';
import { ALERT_LOG_TABLE, DELIVERY_TABLES } from './delivery-store.ts';

/** Oldest first. */
export const BILLING_MIGRATIONS: Migrations = [
  FIRST_ROLLUPS,
  CACHE_TALLY_TABLES,
  ALERT_LOG_TABLE,
  `${WIDER_ROLLUPS}${EVENT_RUN_TABLES}${BILLING_RECORD_TABLE}${DELIVERY_TABLES}${KEY_USE_TABLE}`,
  SPENT_KEY_TABLE,
  ERASED_IDS_TABLE,
  CALL_TALLY_TABLE,
  INPUT_TALLY_TABLE,
  PRICED_ROLLUPS,
];

const opened = new WeakSet<SqlStorage>();

/** Brings the database of a ledger to its newest version, once while it is in memory. */
export function openBillingDatabase(storage: SqlStorage): void {
  if (opened.has(storage)) return;
  migrate(storage, BILLING_MIGRATIONS);
  opened.add(storage);
}

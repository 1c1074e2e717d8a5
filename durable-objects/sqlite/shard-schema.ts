import { WHOLE } from '../../src/ann/receipts.ts';
import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';
import type { Migrations } from '../../src/kernel/sql/migrate.ts';
import { PROPERTY_TABLE, PROPERTY_TABLES } from './property-index.ts';
import { RECEIPT_TABLE, RECEIPTS_OF_OWN_KEYS, receiptsOfParts } from './receipt-store.ts';
import { FOLLOWER_STANDING, FOLLOWER_TABLE } from './sqlite-follower-store.ts';
import { CHANGE_LOG_TABLE } from './sqlite-change-log.ts';
import { NUMBER_INDEX } from './sqlite-id-order.ts';
import { ROW_VERSION_TABLES } from './sqlite-row-versions.ts';
import { LIST_TABLES } from './sqlite-list-store.ts';
import { ROW_SET_TABLE, SqliteRowSets, UNLISTED } from './sqlite-row-sets.ts';

/** The tables of a shard. */
export const SHARD_SCHEMA: Migrations = [
  `CREATE TABLE shard (
     index_id TEXT NOT NULL, dimensions INTEGER NOT NULL, metric TEXT NOT NULL, lsn INTEGER NOT NULL, count INTEGER NOT NULL);
   CREATE TABLE namespaces (ordinal INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
   CREATE TABLE vectors (
     row INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, id TEXT NOT NULL,
     floats BLOB NOT NULL, metadata TEXT, text TEXT, lsn INTEGER NOT NULL, UNIQUE (namespace, id));${RECEIPT_TABLE}`,
  PROPERTY_TABLE,
  countRows,
  PROPERTY_TABLES,
  // What shards without a target were built for.
  'ALTER TABLE shard ADD COLUMN recall REAL NOT NULL DEFAULT 0.95',
  CHANGE_LOG_TABLE,
  NUMBER_INDEX,
  FOLLOWER_TABLE,
  `ALTER TABLE shard ADD COLUMN gate TEXT NOT NULL DEFAULT 'open';
   ALTER TABLE shard ADD COLUMN follower_run INTEGER NOT NULL DEFAULT 0;`,
  ROW_VERSION_TABLES,
  FOLLOWER_STANDING,
  // As they were billed until then.
  `${receiptsOfParts(WHOLE)}
   UPDATE receipts SET billing = json_object(
     'usageId', (SELECT index_id FROM shard) || ':' || (done ->> '$[0][2]'), 'tokens', 0, 'cachedTokens', 0);`,
  RECEIPTS_OF_OWN_KEYS,
];

/** Rows used to be numbered by SQLite, which gives a number again once the highest row is deleted. */
function countRows(storage: SqlStorage): void {
  const { sql } = storage;
  sql.exec(`${ROW_SET_TABLE}${LIST_TABLES}
    ALTER TABLE shard ADD COLUMN next_row INTEGER NOT NULL DEFAULT 1;
    UPDATE shard SET next_row = (SELECT COALESCE(MAX(row), 0) + 1 FROM vectors);`);
  const rowSets = new SqliteRowSets(storage);
  // One list a chunk, so that none outgrows a value.
  const chunks = sql
    .exec<{ namespace: number; list: string }>('SELECT namespace, json_group_array(row) AS list FROM vectors GROUP BY namespace, row >> 15')
    .toArray();
  for (const { namespace, list } of chunks) {
    const added = JSON.parse(list) as number[];
    rowSets.edit([
      { set: UNLISTED, added, removed: [] },
      { set: namespace, added, removed: [] },
    ]);
  }
}

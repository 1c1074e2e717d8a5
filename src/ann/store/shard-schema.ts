import type { Migrations } from '../../kernel/sql/migrate.ts';
import { RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { WHOLE } from '../receipts.ts';
import { CHANGE_LOG_TABLE } from './change-log.ts';
import { FOLLOWER_STANDING, FOLLOWER_TABLE } from './follower-store.ts';
import { LIST_TABLES } from './list-store.ts';
import { PROPERTY_TABLE, PROPERTY_TABLES } from './property-index.ts';
import { RECEIPTS_OF_OWN_KEYS, RECEIPT_TABLE, receiptsOfParts } from './receipt-store.ts';
import { ROW_SET_TABLE, RowSets, UNLISTED } from './row-sets.ts';
import { NUMBER_INDEX } from './vector-reader.ts';

/** Part of a shard's schema. */
const ROW_VERSION_TABLES = `
  ALTER TABLE vectors ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE tombstones (
    namespace TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (namespace, id)) WITHOUT ROWID;
  CREATE INDEX tombstones_by_age ON tombstones (at_ms);
  CREATE TABLE floors (locator INTEGER PRIMARY KEY, version INTEGER NOT NULL);
  CREATE TABLE departing (
    row INTEGER PRIMARY KEY, namespace TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, due_ms INTEGER NOT NULL);
  CREATE INDEX departing_by_time ON departing (due_ms);
  CREATE TABLE removed_ids (position INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, id TEXT NOT NULL);`;

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
  // Once more, as times without an offset have become times.
  PROPERTY_TABLES,
  `ALTER TABLE shard ADD COLUMN fields TEXT;
   ALTER TABLE vectors ADD COLUMN contents TEXT;
   ALTER TABLE vectors ADD COLUMN copy INTEGER NOT NULL DEFAULT 0;`,
];

/** Rows used to be numbered by SQLite, which gives a number again once the highest row is deleted. */
function countRows(storage: SqlStorage): void {
  const { sql } = storage;
  sql.exec(`${ROW_SET_TABLE}${LIST_TABLES}
    ALTER TABLE shard ADD COLUMN next_row INTEGER NOT NULL DEFAULT 1;
    UPDATE shard SET next_row = (SELECT COALESCE(MAX(row), 0) + 1 FROM vectors);`);
  const rowSets = new RowSets(new RememberingStorage(storage));
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

import type { DonePart } from '../../src/ann/receipts.ts';
import type { Migrations } from '../../src/kernel/sql/migrate.ts';
import { RECEIPT_TABLE, RECEIPTS_OF_OWN_KEYS, receiptsOfParts } from '../../src/ann/store/receipt-store.ts';

/**
 * The tables of a locator. `version` is the last one issued, `ids` how many there are, `writes` how many were finished, `lsn` the highest
 * that any of them has. The shards of an entry are ordinals with commas between. An operation takes as many rows as its bytes need; `key`
 * is the `Idempotency-Key` of its request. `part` identifies the locator's ids.
 */
export const locatorSchema = (part: Omit<DonePart, 'lsn'>): Migrations => [
  `CREATE TABLE locator (version INTEGER NOT NULL, ids INTEGER NOT NULL, writes INTEGER NOT NULL);
   INSERT INTO locator VALUES (0, 0, 0);
   CREATE TABLE entries (
     namespace TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, shards TEXT NOT NULL, pending INTEGER NOT NULL,
     PRIMARY KEY (namespace, id)) WITHOUT ROWID;
   CREATE TABLE operations (
     version INTEGER NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (version, part)) WITHOUT ROWID;
   CREATE TABLE arrivals (shard INTEGER PRIMARY KEY, since INTEGER NOT NULL);
   CREATE TABLE claims (key TEXT PRIMARY KEY, digest TEXT NOT NULL, count INTEGER, lsn INTEGER, at_ms INTEGER NOT NULL) WITHOUT ROWID;
   ${RECEIPT_TABLE}`,
  'ALTER TABLE locator ADD COLUMN lsn INTEGER NOT NULL DEFAULT 0',
  `${receiptsOfParts(part)}
   INSERT OR IGNORE INTO receipts (key, digest, at_ms) SELECT key, digest, at_ms FROM claims;
   DROP TABLE claims;
   ALTER TABLE operations ADD COLUMN key TEXT;`,
  RECEIPTS_OF_OWN_KEYS,
];

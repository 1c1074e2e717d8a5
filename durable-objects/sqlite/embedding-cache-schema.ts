import type { Migrations } from '../../src/kernel/sql/migrate.ts';

/** A shard of the second level. Vectors are kept apart from what is known of them, so that looking through entries reads no vectors. */
export const EMBEDDING_CACHE_MIGRATIONS: Migrations = [
  `CREATE TABLE entries (
     slot INTEGER PRIMARY KEY,
     digest TEXT NOT NULL, contract TEXT NOT NULL, vector BLOB NOT NULL,
     position INTEGER NOT NULL, stored_ms INTEGER NOT NULL, expires_ms INTEGER, used_ms INTEGER NOT NULL);
   CREATE UNIQUE INDEX entries_by_key ON entries (digest, contract);
   CREATE INDEX entries_by_use ON entries (used_ms);
   CREATE INDEX entries_by_position ON entries (position, contract);
   CREATE INDEX entries_by_end ON entries (expires_ms) WHERE expires_ms IS NOT NULL;
   CREATE TABLE totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
   INSERT INTO totals VALUES (0, 0);
   CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
     UPDATE totals SET entries = entries + 1, bytes = bytes + length(new.vector); END;
   CREATE TRIGGER entry_changed AFTER UPDATE OF vector ON entries BEGIN
     UPDATE totals SET bytes = bytes - length(old.vector) + length(new.vector); END;
   CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
     UPDATE totals SET entries = entries - 1, bytes = bytes - length(old.vector); END;`,
  // Cached entries without their model could not be found by a purge by model: they are removed.
  `DROP TABLE entries;
   DROP TABLE totals;
   CREATE TABLE origins (origin INTEGER PRIMARY KEY, model TEXT NOT NULL, version TEXT NOT NULL);
   CREATE UNIQUE INDEX origins_by_name ON origins (model, version);
   CREATE TABLE contracts (contract INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE);
   CREATE TABLE entries (
     slot INTEGER PRIMARY KEY,
     digest TEXT NOT NULL, contract INTEGER NOT NULL, origin INTEGER NOT NULL, bytes INTEGER NOT NULL,
     position INTEGER NOT NULL, known_ms INTEGER NOT NULL, tags TEXT,
     stored_ms INTEGER NOT NULL, expires_ms INTEGER, used_ms INTEGER NOT NULL);
   CREATE UNIQUE INDEX entries_by_key ON entries (digest, contract);
   CREATE INDEX entries_by_use ON entries (used_ms);
   CREATE INDEX entries_by_end ON entries (expires_ms) WHERE expires_ms IS NOT NULL;
   CREATE TABLE vectors (slot INTEGER PRIMARY KEY, vector BLOB NOT NULL);
   CREATE TABLE totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
   INSERT INTO totals VALUES (0, 0);
   CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
     UPDATE totals SET entries = entries + 1, bytes = bytes + new.bytes; END;
   CREATE TRIGGER entry_changed AFTER UPDATE OF bytes ON entries BEGIN
     UPDATE totals SET bytes = bytes - old.bytes + new.bytes; END;
   CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
     DELETE FROM vectors WHERE slot = old.slot;
     UPDATE totals SET entries = entries - 1, bytes = bytes - old.bytes; END;`,
  'ALTER TABLE entries ADD COLUMN filled_by TEXT;',
];

import { assert } from '../assert.ts';
import type { SqlStorage } from './sql-storage.ts';

/** SQL, or what SQL alone cannot do. */
export type Migration = string | ((storage: SqlStorage) => void);

/** The schema of one object class: step `n` takes a database from version `n` to `n + 1`. Steps are never edited, only added. */
export type Migrations = readonly Migration[];

/** Brings a database to the newest version, each step in its own transaction. */
export function migrate(storage: SqlStorage, migrations: Migrations): void {
  storage.sql.exec('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)');
  const rows = storage.sql.exec<{ version: number }>('SELECT version FROM schema_version').toArray();
  const version = rows[0]?.version ?? 0;
  assert(
    version <= migrations.length,
    `the database is at version ${version}, the code at ${migrations.length}: never roll back past a migration`,
  );
  migrations.slice(version).forEach((step, offset) => {
    storage.transactionSync(() => {
      if (typeof step === 'string') storage.sql.exec(step);
      else step(storage);
      storage.sql.exec('DELETE FROM schema_version');
      storage.sql.exec('INSERT INTO schema_version VALUES (?)', version + offset + 1);
    });
  });
}

/** Whether a table exists: lets a read of an object that was never written answer without creating anything. */
export function hasTable(storage: SqlStorage, table: string): boolean {
  return storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table).toArray().length > 0;
}

import type { SqlStorage } from '../../src/kernel/sql.ts';

/** Whether a table exists: lets a read of an object that was never written answer without creating anything. */
export function hasTable(storage: SqlStorage, table: string): boolean {
  return storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table).toArray().length > 0;
}

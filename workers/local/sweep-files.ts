import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** More than an empty database has: one page and its journal. */
const EMPTY_BYTES_MAX = 64 * 1024;
const ALARMS = 'metadata.sqlite';

/**
 * Removes the files of objects that store nothing: workerd keeps one for each object that was ever addressed, also once `deleteAll` has
 * emptied it. Only while nothing runs on the folder: an object that holds a removed file open would write into nowhere.
 */
export function sweepFiles(storeDir: string): number {
  let swept = 0;
  for (const folder of foldersIn(join(storeDir, 'do'))) {
    const alarmed = alarmsOf(folder);
    for (const file of readdirSync(folder)) {
      if (!/^[\da-f]{64}\.sqlite$/.test(file) || alarmed.has(file.slice(0, -'.sqlite'.length))) continue;
      const path = join(folder, file);
      if (!isEmpty(path)) continue;
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
      swept += 1;
    }
  }
  return swept;
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(folder, entry.name)] : []));
  } catch {
    // Nothing was stored yet.
    return [];
  }
}

/** Whether it has no row in any table; of what cannot be read, nobody knows. */
function isEmpty(path: string): boolean {
  try {
    if (sizeOf(path) + sizeOf(`${path}-wal`) > EMPTY_BYTES_MAX) return false;
    return reading(path, (database) => {
      const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
      return tables.every(({ name }) => name.startsWith('_cf_') && rowsOf(database, name) === 0);
    });
  } catch {
    return false;
  }
}

/** The objects that have an alarm, by the names of their files. */
function alarmsOf(folder: string): ReadonlySet<string> {
  if (sizeOf(join(folder, ALARMS)) === 0) return new Set();
  return reading(join(folder, ALARMS), (database) => {
    const hasTable = database.prepare("SELECT 1 FROM sqlite_master WHERE name = '_cf_ALARM'").get() !== undefined;
    const rows = hasTable ? (database.prepare('SELECT actor_id FROM _cf_ALARM').all() as { actor_id: string }[]) : [];
    return new Set(rows.map(({ actor_id }) => actor_id));
  });
}

function reading<T>(path: string, read: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path);
  try {
    return read(database);
  } finally {
    database.close();
  }
}

const rowsOf = (database: DatabaseSync, table: string): unknown =>
  database.prepare(`SELECT COUNT(*) AS count FROM "${table.replaceAll('"', '""')}"`).get()?.['count'];

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

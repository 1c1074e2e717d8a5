import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

/** More than an empty database has: one page and its journal. */
const EMPTY_BYTES_MAX = 64 * 1024;
const ALARMS = 'metadata.sqlite';
/** Behind the name of a file that `RunningSweep` is about to remove. */
export const ASIDE = '.aside';

export const isDatabase = (file: string): boolean => /^[\da-f]{64}\.sqlite$/.test(file);

/**
 * Removes the files of objects that store nothing: workerd keeps one for each object that was ever addressed, also once `deleteAll` has
 * emptied it. Only while nothing runs on the folder, where no file can be in use; `RunningSweep` does it meanwhile.
 */
export function sweepFiles(storeDir: string): number {
  let swept = 0;
  for (const folder of databaseFolders(storeDir)) {
    for (const file of readdirSync(folder)) if (file.endsWith(ASIDE)) takeBack(join(folder, file.slice(0, -ASIDE.length)));
    const alarmed = alarmsOf(folder);
    for (const file of readdirSync(folder)) {
      if (!isDatabase(file) || alarmed.has(file.slice(0, -'.sqlite'.length))) continue;
      const path = join(folder, file);
      if (!isEmpty(path)) continue;
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
      swept += 1;
    }
  }
  return swept;
}

/** What a pass of `RunningSweep` had set aside when it was cut off. */
function takeBack(path: string): void {
  if (!existsSync(path)) renameSync(path + ASIDE, path);
  else if (isEmpty(path + ASIDE)) rmSync(path + ASIDE);
}

/** One folder for each class of objects. */
export function databaseFolders(storeDir: string): string[] {
  const folder = join(storeDir, 'do');
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(folder, entry.name)] : []));
  } catch {
    // Nothing was stored yet.
    return [];
  }
}

/** Whether it has no row in any table; false when it cannot be read. */
function isEmpty(path: string): boolean {
  try {
    if (sizeOf(path) + sizeOf(`${path}-wal`) > EMPTY_BYTES_MAX) return false;
    return reading(path, {}, hasNoRow);
  } catch {
    return false;
  }
}

/** The same of a file that no process has open but may at any moment: neither locked nor written to. */
export function isEmptyUnopened(path: string): boolean {
  try {
    if (sizeOf(path) > EMPTY_BYTES_MAX || sizeOf(`${path}-wal`) > 0) return false;
    const immutable = pathToFileURL(path);
    immutable.searchParams.set('immutable', '1');
    return sizeOf(path) === 0 || reading(immutable, { readOnly: true }, hasNoRow);
  } catch {
    return false;
  }
}

function hasNoRow(database: DatabaseSync): boolean {
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
  return tables.every(({ name }) => name.startsWith('_cf_') && rowsOf(database, name) === 0);
}

/** The objects that have an alarm, by the names of their files. */
export function alarmsOf(folder: string, options: { readonly readOnly?: boolean } = {}): ReadonlySet<string> {
  if (sizeOf(join(folder, ALARMS)) === 0) return new Set();
  return reading(join(folder, ALARMS), options, (database) => {
    const hasTable = database.prepare("SELECT 1 FROM sqlite_master WHERE name = '_cf_ALARM'").get() !== undefined;
    const rows = hasTable ? (database.prepare('SELECT actor_id FROM _cf_ALARM').all() as { actor_id: string }[]) : [];
    return new Set(rows.map(({ actor_id }) => actor_id));
  });
}

function reading<T>(path: string | URL, options: { readonly readOnly?: boolean }, read: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path, options);
  try {
    return read(database);
  } finally {
    database.close();
  }
}

const rowsOf = (database: DatabaseSync, table: string): unknown =>
  database.prepare(`SELECT COUNT(*) AS count FROM "${table.replaceAll('"', '""')}"`).get()?.['count'];

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

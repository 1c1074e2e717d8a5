import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface StoredRow {
  /** Under which the class of the object is stored. */
  readonly key: string;
  readonly table: string;
  readonly bytes: number;
}

/** The largest row of each class in the files of objects, whose deployment is stopped; the largest first. */
export function largestRows(folder: string): readonly StoredRow[] {
  const largest = readdirSync(folder).flatMap((key) => {
    const files = readdirSync(join(folder, key)).filter((file) => file.endsWith('.sqlite'));
    return files
      .flatMap((file) => rowsOf(key, join(folder, key, file)))
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, 1);
  });
  return largest.sort((a, b) => b.bytes - a.bytes);
}

function rowsOf(key: string, path: string): StoredRow[] {
  const file = new DatabaseSync(path);
  try {
    const tables = file.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'`).all();
    return tables.map(({ name }) => {
      const table = String(name);
      const columns = file.prepare('SELECT name FROM pragma_table_info(?)').all(table);
      const bytes = columns.map((column) => `coalesce(length(cast("${String(column['name'])}" AS BLOB)), 0)`).join(' + ');
      return { key, table, bytes: Number(file.prepare(`SELECT max(${bytes}) AS bytes FROM "${table}"`).get()?.['bytes'] ?? 0) };
    });
  } finally {
    file.close();
  }
}

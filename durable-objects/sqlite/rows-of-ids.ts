import type { Row } from '../../src/ann/vector-engine.ts';
import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';
import { jsonParts } from '../../src/kernel/sql/bulk-statements.ts';

/** The rows that are stored under some ids, in no order. */
export function* rowsOfIds(
  storage: SqlStorage,
  namespace: number,
  ids: readonly string[],
): Generator<{ readonly row: Row; readonly id: string }> {
  const query = 'SELECT row, id FROM vectors WHERE namespace = ? AND id IN (SELECT value FROM json_each(?))';
  for (const part of jsonParts(ids)) yield* storage.sql.exec<{ row: number; id: string }>(query, namespace, part);
}

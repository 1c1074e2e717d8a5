import type { UsageEvent } from '../../contract/api/meter.ts';
import type { KeyId } from '../../kernel/ids.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';

/** A step of the ledger's schema. */
export const KEY_USE_TABLE = 'CREATE TABLE key_uses (key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;';

/** When each key was last used, to the minute that its usage is booked in. */
export class SqliteKeyUses {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  note(events: readonly UsageEvent[]): void {
    const latest = new Map<KeyId, number>();
    for (const { keyId, atMs } of events) if (keyId !== undefined) latest.set(keyId, Math.max(latest.get(keyId) ?? 0, atMs));
    if (latest.size === 0) return;
    this.#sql.exec(
      `INSERT INTO key_uses SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true
       ON CONFLICT DO UPDATE SET at_ms = max(at_ms, excluded.at_ms)`,
      JSON.stringify([...latest]),
    );
  }

  erase(ids: readonly string[]): void {
    this.#sql.exec('DELETE FROM key_uses WHERE key IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }

  last(ids: readonly KeyId[]): (number | null)[] {
    const rows = this.#sql.exec<{ key: string; atMs: number }>(
      'SELECT key, at_ms AS atMs FROM key_uses WHERE key IN (SELECT value FROM json_each(?))',
      JSON.stringify(ids),
    );
    const known = new Map(rows.toArray().map(({ key, atMs }) => [key, atMs]));
    return ids.map((id) => known.get(id) ?? null);
  }
}

import { SPENT_KEY_BOUNDS } from '../../contract/api/spent-key.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteVersionedStore, versionTables } from '../../kernel/sql/sqlite-versioned-store.ts';
import type { PromptRecord, PromptVersionRecord } from '../prompts/prompt-record.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE prompts (name TEXT PRIMARY KEY, deleted INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
   ${versionTables('prompt')}`,
];

/** The prompts of one tenant in SQLite. A deleted prompt keeps its record, for the numbers of its versions: `find` and `count` include it. */
export class SqlitePromptStore extends SqliteVersionedStore<PromptRecord, PromptVersionRecord> {
  constructor(storage: SqlStorage) {
    super(storage, { kind: 'prompt', migrations: MIGRATIONS, ownTables: [], spentKeys: SPENT_KEY_BOUNDS });
  }

  /** Without those that were deleted. */
  override page(after: string, count: number): readonly PromptRecord[] {
    return this.bodies('SELECT body FROM prompts WHERE name > ? AND deleted = 0 ORDER BY name LIMIT ?', after, count);
  }

  override put(prompt: PromptRecord): void {
    const deleted = prompt.isDeleted ? 1 : 0;
    this.run('INSERT OR REPLACE INTO prompts (name, deleted, body) VALUES (?, ?, ?)', prompt.name, deleted, JSON.stringify(prompt));
  }
}

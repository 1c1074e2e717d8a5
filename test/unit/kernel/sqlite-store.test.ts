import { beforeEach, describe, expect, it } from 'vitest';

import { hasTable } from '../../../src/kernel/sql/migrate.ts';
import { SqliteStore } from '../../../src/kernel/sql/sqlite-store.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const FIRST = 'CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;';
const SECOND = 'ALTER TABLE notes ADD COLUMN author TEXT;';

class NoteStore extends SqliteStore {
  add(id: string, text: string): void {
    this.run('INSERT INTO notes (id, body) VALUES (?, ?)', id, JSON.stringify({ text }));
  }

  texts(): string[] {
    return this.bodies<{ text: string }>('SELECT body FROM notes ORDER BY id').map(({ text }) => text);
  }

  authors(): (string | null)[] {
    return this.rows<{ author: string | null }>('SELECT author FROM notes').map(({ author }) => author);
  }

  count(id: string): number {
    return this.countOf('notes WHERE id = ?', id);
  }
}

let sql: NodeSql;
let store: NoteStore;

beforeEach(() => {
  sql = new NodeSql();
  store = new NoteStore(sql, [FIRST]);
});

describe('a store that has a database to itself', () => {
  it('[ST1] answers reads before the first write without creating a table', () => {
    expect([store.texts(), store.count('a'), store.exists()]).toEqual([[], 0, false]);
    expect([hasTable(sql, 'notes'), hasTable(sql, 'schema_version')]).toEqual([false, false]);
  });

  it('[ST2] creates its tables with the first write, and another store over them reads what was written', () => {
    store.add('a', 'one');
    expect([store.exists(), store.texts(), store.count('a')]).toEqual([true, ['one'], 1]);
    expect(new NoteStore(sql, [FIRST]).texts()).toEqual(['one']);
  });

  it('[ST2] brings tables of an older version up to date before it reads them', () => {
    store.add('a', 'one');
    expect(new NoteStore(sql, [FIRST, SECOND]).authors()).toEqual([null]);
  });

  it('[ST2] undoes all changes of a transaction that throws, and opens the store for one', () => {
    const failing = () =>
      store.transaction(() => {
        store.add('a', 'one');
        throw new Error('no');
      });
    expect(failing).toThrow('no');
    expect([store.exists(), store.texts()]).toEqual([true, []]);
  });
});

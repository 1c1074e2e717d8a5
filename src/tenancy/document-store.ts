import type { Outcome } from '../contract/api/outcome.ts';
import type { LimitRef } from '../contract/limits/limit-refusal.ts';
import { refuse } from '../contract/api/outcome.ts';
import { boundOf, refuseBeyond } from '../contract/limits/limit-refusal.ts';
import { keyMismatch } from '../contract/api/spent-key.ts';
import { ok } from '../kernel/result.ts';
import type { Migrations } from '../kernel/sql/migrate.ts';
import { SPENT_KEY_TABLE } from '../kernel/sql/spent-keys.ts';
import type { Clock } from '../kernel/clock.ts';
import type { PageOf } from '../kernel/page.ts';
import { pageOf } from '../kernel/page.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../kernel/sql/sqlite-store.ts';

/** One line of an organisation's audit trail: the actor, the action and the resource. */
export interface AuditEntry {
  /** Rises with every entry. */
  readonly position: number;
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
}

const MIGRATIONS: Migrations = [
  `CREATE TABLE documents (
     position INTEGER PRIMARY KEY AUTOINCREMENT,
     kind TEXT NOT NULL, id TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL);
   CREATE UNIQUE INDEX documents_by_id ON documents (kind, id);
   CREATE UNIQUE INDEX documents_by_name ON documents (kind, parent, name);
   CREATE INDEX documents_in_order ON documents (kind, parent, position);
   CREATE TABLE audit (
     position INTEGER PRIMARY KEY AUTOINCREMENT,
     at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL);`,
  SPENT_KEY_TABLE,
];

/** A new document. `name` is unique among those of one kind and parent. */
export interface NewDocument<T> {
  readonly id: string;
  readonly parent: string;
  readonly name: string;
  /** The digest of the request: the same id with another digest is another request. */
  readonly digest: string;
  readonly body: T;
}

/** Small records as JSON, with their audit trail. */
export class SqliteDocumentStore<Bodies extends Readonly<Record<string, object>>> extends SqliteStore {
  readonly #clock: Clock;
  readonly #onNote: () => void;

  /** `onNote`: called with each line of the trail, in its transaction. */
  constructor(storage: SqlStorage, clock: Clock, onNote: () => void = () => undefined) {
    super(storage, MIGRATIONS);
    this.#clock = clock;
    this.#onNote = onNote;
  }

  /** What the same request made before, if it did. Refuses with `idempotency_mismatch` when another request made it (T60). */
  known<K extends keyof Bodies & string>(kind: K, id: string, digest: string): Outcome<Bodies[K] | undefined> {
    const [known] = this.rows<{ digest: string; body: string }>('SELECT digest, body FROM documents WHERE kind = ? AND id = ?', kind, id);
    if (known === undefined) return ok(undefined);
    return known.digest === digest ? ok(JSON.parse(known.body) as Bodies[K]) : keyMismatch();
  }

  /** Refuses with `idempotency_mismatch`, `already_exists` (the name is taken) or `limit_exceeded`; a repeat answers the first. */
  insert<K extends keyof Bodies & string>(kind: K, document: NewDocument<Bodies[K]>, limit: LimitRef): Outcome<Bodies[K]> {
    const known = this.known(kind, document.id, document.digest);
    if (!known.ok) return known;
    if (known.value !== undefined) return ok(known.value);
    if (this.countOf('documents WHERE kind = ? AND parent = ? AND name = ?', kind, document.parent, document.name) > 0)
      return refuse('already_exists', `a ${kind} named "${document.name}" exists`, 'name');
    const count = this.countOf('documents WHERE kind = ? AND parent = ?', kind, document.parent);
    if (count >= boundOf(limit)) return refuseBeyond({ limit, value: count + 1, what: `there are ${count} ${kind}s here already` });
    this.run(
      'INSERT INTO documents (kind, id, parent, name, digest, body) VALUES (?, ?, ?, ?, ?, ?)',
      kind,
      document.id,
      document.parent,
      document.name,
      document.digest,
      JSON.stringify(document.body),
    );
    return ok(document.body);
  }

  /** Like `insert`, in one step with a line of the audit trail; a repeat adds none. */
  create<K extends keyof Bodies & string>(kind: K, document: NewDocument<Bodies[K]>, limit: LimitRef, actor: string): Outcome<Bodies[K]> {
    return this.transaction(() => {
      const inserted = this.insert(kind, document, limit);
      if (inserted.ok && inserted.value === document.body) {
        this.note({ atMs: this.#clock.nowMs(), actor, action: `${kind}.create`, subject: document.id });
      }
      return inserted;
    });
  }

  find<K extends keyof Bodies & string>(kind: K, id: string): Bodies[K] | undefined {
    return this.bodies<Bodies[K]>('SELECT body FROM documents WHERE kind = ? AND id = ?', kind, id)[0];
  }

  /** Replaces a document, in one step with a line of the audit trail. */
  change<K extends keyof Bodies & string>(kind: K, body: Bodies[K] & { readonly id: string }, actor: string, action: string): void {
    this.transaction(() => {
      this.replace(kind, body);
      this.note({ atMs: this.#clock.nowMs(), actor, action: `${kind}.${action}`, subject: body.id });
    });
  }

  /** The same, for actions of Sluice itself. */
  replace<K extends keyof Bodies & string>(kind: K, body: Bodies[K] & { readonly id: string }): void {
    this.run('UPDATE documents SET body = ? WHERE kind = ? AND id = ?', JSON.stringify(body), kind, body.id);
  }

  /** The page after the document `after`, in order of creation. */
  page<K extends keyof Bodies & string>(kind: K, parent: string, limit: number, after: string | undefined): PageOf<Bodies[K]> {
    const documents = this.bodies<Bodies[K]>(
      `SELECT body FROM documents WHERE kind = ?1 AND parent = ?2
         AND position > coalesce((SELECT position FROM documents WHERE kind = ?1 AND id = ?3), 0)
       ORDER BY position LIMIT ?4`,
      kind,
      parent,
      after ?? '',
      limit + 1,
    );
    return pageOf(documents, limit);
  }

  /** The ids of all documents of one parent, in order of creation. */
  idsOf(kind: keyof Bodies & string, parent: string): string[] {
    return this.rows<{ id: string }>('SELECT id FROM documents WHERE kind = ? AND parent = ? ORDER BY position', kind, parent).map(
      ({ id }) => id,
    );
  }

  /** Removes all documents of one parent; answers how many. */
  removeOf(kind: keyof Bodies & string, parent: string): number {
    return this.rows('DELETE FROM documents WHERE kind = ? AND parent = ? RETURNING 1', kind, parent).length;
  }

  /** Removes all documents of one kind and parent but the `count` newest. */
  keepNewest(kind: keyof Bodies & string, parent: string, count: number): void {
    this.run(
      `DELETE FROM documents WHERE kind = ?1 AND parent = ?2 AND position <=
         (SELECT position FROM documents WHERE kind = ?1 AND parent = ?2 ORDER BY position DESC LIMIT 1 OFFSET ?3)`,
      kind,
      parent,
      count,
    );
  }

  /** Gives a document another name, so that its own is free again. */
  rename(kind: keyof Bodies & string, id: string, name: string): void {
    this.run('UPDATE documents SET name = ? WHERE kind = ? AND id = ?', name, kind, id);
  }

  note(entry: Omit<AuditEntry, 'position'>): null {
    const { atMs, actor, action, subject } = entry;
    this.run('INSERT INTO audit (at_ms, actor, action, subject) VALUES (?, ?, ?, ?)', atMs, actor, action, subject);
    this.#onNote();
    return null;
  }

  /** The position of the newest entry; 0: there is none. */
  newest(): number {
    return this.rows<{ position: number | null }>('SELECT max(position) AS position FROM audit')[0]?.position ?? 0;
  }

  /** The position of the newest entry of an action on a subject; undefined: there is none. */
  newestOf(action: string, subject: string): number | undefined {
    const [entry] = this.rows<{ position: number }>(
      'SELECT position FROM audit WHERE action = ? AND subject = ? ORDER BY position DESC LIMIT 1',
      action,
      subject,
    );
    return entry?.position;
  }

  /** Newest first, before the entry at `before`. */
  trail(limit: number, before: number): readonly AuditEntry[] {
    return this.rows(
      'SELECT position, at_ms AS atMs, actor, action, subject FROM audit WHERE position < ? ORDER BY position DESC LIMIT ?',
      before,
      limit,
    );
  }
}

import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { DOCUMENT_STORE_LIMITS } from '../../contract/documents/document-store-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ERASED_TENANT } from '../../contract/tenancy/write-lease.ts';
import { assert } from '../../kernel/assert.ts';
import type { PageOf } from '../../kernel/page.ts';
import { pageOf } from '../../kernel/page.ts';
import { ok } from '../../kernel/result.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import type { Chunk } from '../chunks/chunk.ts';
import type { DocumentAsker, DocumentKey, DocumentRecord, DocumentState } from '../replacement/document-record.ts';
import { stateOf } from '../replacement/document-record.ts';
import type { LabelLists } from '../replacement/label-lists.ts';
import { mayChange } from '../replacement/label-lists.ts';
import type { AskedVersion, DocumentChange, WritingProgress } from '../replacement/replacement.ts';
import { asked, changed, isAlready } from '../replacement/replacement.ts';
import type { ChunkPlace, HiddenRows, NumberedDocument, PlannedRow, VisibleRow } from './document-rows.ts';
import { DocumentRows, payloadDigestOf } from './document-rows.ts';
import { DOCUMENT_TABLES } from './document-tables.ts';

/** A document as its object has it. */
export interface StoredDocument extends NumberedDocument {
  readonly record: DocumentRecord;
}

/** What a list of documents is of, and in which order. */
export interface DocumentListing {
  readonly namespace: string;
  readonly limit: number;
  /** The last id of the page before. */
  readonly after?: string | undefined;
  readonly order: 'id' | 'created' | 'updated';
  readonly isDescending: boolean;
  readonly state?: DocumentState | undefined;
  readonly prefix?: string | undefined;
  readonly label?: string | undefined;
  /** Only documents that have one of the labels of each list, or none at all. */
  readonly readable?: LabelLists;
}

/** The chunks of a served version. */
export interface ChunkPage {
  readonly version: number;
  readonly chunks: readonly ChunkPlace[];
  readonly hasMore: boolean;
}

type Row = { number: number; id: string; body: string };

/** What a key with labels is refused with that would change a document of others. [DC97] */
export const OF_OTHERS = refuse(
  'scope_denied',
  'the key changes documents that have one of its labels alone: the id is of another',
  'document',
);

/** The labels of what a reader sees of a document, or will; null: there is nothing. */
const LABELS = "coalesce(body -> '$.served.terms.labels', body -> '$.next.terms.labels')";

const ORDER_COLUMNS = { id: 'id', created: 'created_ms', updated: 'updated_ms' } as const;

/** The documents of one index: what they are, which version of each is served, and what is to be done until that is all there is. */
export class SqliteDocuments extends SqliteStore {
  readonly #rows: DocumentRows;

  constructor(storage: SqlStorage) {
    super(storage, DOCUMENT_TABLES);
    this.#rows = new DocumentRows(storage);
  }

  /** Begins to replace a document, or to make it; `isNew` is false where it is so already. Refuses with `limit_exceeded`, once it is erased, and as `mayChange` says. */
  ask(key: DocumentKey, version: AskedVersion, nowMs: number): Outcome<{ readonly record: DocumentRecord; readonly isNew: boolean }> {
    return this.transaction(() => {
      if (this.countOf('state WHERE is_erased = 1') > 0) return ERASED_TENANT;
      const known = this.#find(key);
      if (known !== undefined && !mayChange(version.by.principal, known.record)) return OF_OTHERS;
      if (known !== undefined && isAlready(known.record, version)) return ok({ record: known.record, isNew: false });
      if (known === undefined) {
        const count = this.count();
        const { documentsPerIndexMaxCount } = DOCUMENT_STORE_LIMITS;
        if (count >= documentsPerIndexMaxCount)
          return refuseBeyond({ limit: 'documentsPerIndexMaxCount', value: count + 1, what: `the index has ${count} documents` });
      }
      const record = asked(known?.record, key, version, nowMs);
      this.#put(record);
      return ok({ record, isNew: true });
    });
  }

  /** Undefined: there is none that the asker may change. From then on readers see nothing of it. [DC56] */
  remove(key: DocumentKey, by: DocumentAsker, nowMs: number): DocumentRecord | undefined {
    return this.transaction(() => {
      const known = this.#find(key);
      const isThere = known !== undefined && !known.record.isRemoved && mayChange(by.principal, known.record);
      return !isThere ? undefined : this.#change(known, { kind: 'removed', by }, nowMs);
    });
  }

  find(key: DocumentKey): DocumentRecord | undefined {
    return this.#find(key)?.record;
  }

  page(listing: DocumentListing): PageOf<DocumentRecord> {
    const { namespace, limit, after, order, isDescending, state, prefix, label, readable = [] } = listing;
    const column = ORDER_COLUMNS[order];
    const [direction, beyond] = isDescending ? ['DESC', '<'] : ['ASC', '>'];
    const records = this.bodies<DocumentRecord>(
      `SELECT body FROM documents AS d WHERE namespace = ?1
       AND (?2 IS NULL OR (${column}, id) ${beyond} (SELECT ${column}, id FROM documents WHERE namespace = ?1 AND id = ?2))
       AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR substr(id, 1, length(?4)) = ?4)
       AND (?5 IS NULL OR EXISTS (SELECT 1 FROM json_each(${LABELS}) WHERE value = ?5))
       AND NOT EXISTS (SELECT 1 FROM json_each(?6) AS list WHERE ${LABELS} IS NULL OR (json_array_length(${LABELS}) > 0
         AND NOT EXISTS (SELECT 1 FROM json_each(${LABELS}) AS own JOIN json_each(list.value) AS one ON one.value = own.value)))
       ORDER BY ${column} ${direction}, id ${direction} LIMIT ?7`,
      namespace,
      after ?? null,
      state ?? null,
      prefix ?? null,
      label ?? null,
      JSON.stringify(readable),
      limit + 1,
    );
    return pageOf(records, limit);
  }

  /** The document for which there is something to do, of several the one that waits longest; undefined: none is due. */
  due(nowMs: number): StoredDocument | undefined {
    return this.#stored('due_ms <= ? ORDER BY due_ms, number LIMIT 1', nowMs);
  }

  /** When something is to be done next. */
  nextDueMs(): number | undefined {
    return this.rows<{ at: number | null }>('SELECT min(due_ms) AS at FROM documents WHERE due_ms IS NOT NULL')[0]?.at ?? undefined;
  }

  /** Begins to write the version that is asked for; undefined: none is. */
  begin(number: number, nowMs: number): DocumentRecord | undefined {
    return this.#changeOf(number, { kind: 'begun' }, nowMs);
  }

  /** Adds the next chunks of a try, and answers those that the index has to get; undefined: the try was given up. */
  add(number: number, version: number, chunks: readonly Chunk[], bytesRead: number, nowMs: number): readonly PlannedRow[] | undefined {
    return this.transaction(() => {
      const known = this.#numbered(number);
      const next = known?.record.next;
      if (known === undefined || next?.number !== version) return undefined;
      const served = known.record.served?.number ?? 0;
      const { planned, added } = this.#rows.place(known, { number: version, served, payload: payloadDigestOf(next.terms) }, chunks);
      const progress: WritingProgress = {
        bytesRead,
        chunks: next.chunks + chunks.length,
        tokens: next.tokens + chunks.reduce((sum, { tokens }) => sum + tokens, 0),
        added: next.added + added,
      };
      this.#change(known, { kind: 'progressed', version, progress }, nowMs);
      return planned;
    });
  }

  /** The index has these rows. */
  written(rows: readonly PlannedRow[]): void {
    this.#rows.written(rows.map(({ row }) => row));
  }

  /** Readers see the version that was written, and not the one before; undefined: the try was given up. [DC50] */
  flip(number: number, version: number, nowMs: number): DocumentRecord | undefined {
    return this.transaction(() => {
      const known = this.#numbered(number);
      if (known?.record.next?.number !== version) return undefined;
      assert(this.#rows.unwritten(known, version) === 0, 'all rows of a version that is served are in the index');
      return this.#change(known, { kind: 'flipped', version }, nowMs);
    });
  }

  /** The version that is being written cannot be; undefined: the try was given up. */
  fail(number: number, fault: { readonly version: number; readonly code: string; readonly message: string }, nowMs: number) {
    return this.#changeOf(number, { kind: 'failed', fault }, nowMs);
  }

  /** Puts off what is to be done, unless something else is by now. `version`: that is being written. */
  delay(number: number, version: number | null, dueMs: number, nowMs: number): void {
    this.#changeOf(number, { kind: 'delayed', version, dueMs }, nowMs);
  }

  /** Rows that are to be deleted in the index; undefined: the document is gone, or a version of it is being written, whose rows would be among them. [DC57] */
  outdated(number: number): readonly { readonly row: number; readonly id: string }[] | undefined {
    const known = this.#numbered(number);
    return known === undefined || known.record.next !== null ? undefined : this.#rows.outdated(known, known.record.served?.number ?? 0);
  }

  /** The index does not have these rows any more. */
  deleted(rows: readonly { readonly row: number }[]): void {
    this.#rows.deleted(rows.map(({ row }) => row));
  }

  /** Nothing is left of what went, and these files are deleted: there is nothing to do until something is asked for. */
  settle(number: number, files: DocumentRecord['spent'], nowMs: number): void {
    this.transaction(() => {
      const known = this.#numbered(number);
      if (known === undefined) return;
      const record = changed(known.record, { kind: 'cleared', files }, nowMs) ?? known.record;
      // While the files were deleted, the document may have been removed, or asked for again.
      const isCleared =
        record.next === null && record.spent.length === 0 && this.#rows.outdated(known, record.served?.number ?? 0).length === 0;
      if (!isCleared) this.#put(record);
      else if (record.isRemoved) this.run('DELETE FROM documents WHERE number = ?', number);
      else this.#put({ ...record, dueMs: null });
    });
  }

  /** See `DocumentRows.visible`. */
  visible(namespace: string, rowIds: readonly string[]): readonly VisibleRow[] {
    return this.#rows.visible(namespace, rowIds);
  }

  /** Of rows of documents those that readers do not see. [DC90] */
  hidden(namespace: string, rowIds: readonly string[]): HiddenRows {
    return { ids: this.#rows.hidden(namespace, rowIds), edition: this.edition() };
  }

  /** How often what readers see of any document has changed. */
  edition(): number {
    return this.rows<{ edition: number }>('SELECT edition FROM state')[0]?.edition ?? 0;
  }

  /** See `DocumentRows.owners`. */
  owners(namespace: string, rowIds: readonly string[]): readonly string[] {
    return this.#rows.owners(namespace, rowIds);
  }

  /** Chunks of the served version; undefined: there is none, or not the one that is asked for any more. */
  chunks(key: DocumentKey, from: number, count: number, version?: number): ChunkPage | undefined {
    const known = this.#find(key);
    const served = known?.record.served ?? null;
    if (known === undefined || served === null || (version !== undefined && version !== served.number)) return undefined;
    const { items, hasMore } = pageOf(this.#rows.places(known, served.number, from, count + 1), count);
    return { version: served.number, chunks: items, hasMore };
  }

  count(): number {
    return this.countOf('documents');
  }

  /** Takes everything away, and takes nothing any more. Answers the files that were the documents' own. */
  erase(): DocumentRecord['spent'] {
    return this.transaction(() => {
      const files = this.bodies<DocumentRecord>('SELECT body FROM documents').flatMap(({ served, next, spent }) => [
        ...spent,
        ...[served?.source, next?.source].flatMap((source) => (source?.isOwn === true ? [source.file] : [])),
      ]);
      for (const table of ['documents', 'rows', 'places']) this.run(`DELETE FROM ${table}`);
      this.run('UPDATE state SET is_erased = 1');
      return [...new Set(files)];
    });
  }

  #changeOf(number: number, change: DocumentChange, nowMs: number): DocumentRecord | undefined {
    return this.transaction(() => {
      const known = this.#numbered(number);
      return known === undefined ? undefined : this.#change(known, change, nowMs);
    });
  }

  #change({ record }: StoredDocument, change: DocumentChange, nowMs: number): DocumentRecord | undefined {
    const next = changed(record, change, nowMs);
    if (next !== undefined) this.#put(next);
    return next;
  }

  #put(record: DocumentRecord): void {
    const { namespace, id, served, updatedAtMs, createdAtMs, dueMs } = record;
    this.run(
      `INSERT INTO documents (namespace, id, served, state, updated_ms, created_ms, due_ms, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (namespace, id) DO UPDATE SET
         served = excluded.served, state = excluded.state, updated_ms = excluded.updated_ms, due_ms = excluded.due_ms, body = excluded.body`,
      namespace,
      id,
      served?.number ?? 0,
      stateOf(record),
      updatedAtMs,
      createdAtMs,
      dueMs,
      JSON.stringify(record),
    );
  }

  #find({ namespace, id }: DocumentKey): StoredDocument | undefined {
    return this.#stored('namespace = ? AND id = ?', namespace, id);
  }

  #numbered(number: number): StoredDocument | undefined {
    return this.#stored('number = ?', number);
  }

  #stored(where: string, ...bindings: (string | number)[]): StoredDocument | undefined {
    const [row] = this.rows<Row>(`SELECT number, id, body FROM documents WHERE ${where}`, ...bindings);
    return row === undefined ? undefined : { number: row.number, id: row.id, record: JSON.parse(row.body) as DocumentRecord };
  }
}

import { DOCUMENT_STORE_LIMITS } from '../../contract/documents/document-store-limits.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import { shortSha256 } from '../../kernel/short-sha256.ts';
import { insertInto, jsonParts } from '../../kernel/sql/bulk-statements.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import type { Chunk } from '../chunks/chunk.ts';
import type { DocumentTerms } from '../replacement/document-record.ts';
import { DOCUMENT_TABLES } from './document-tables.ts';
import { rowIdOf, rowNameOf } from './row-id.ts';

/** A document in the tables of its object. */
export interface NumberedDocument {
  readonly number: number;
  readonly id: string;
}

/** A row that is to be written into the index. */
export interface PlannedRow {
  readonly row: number;
  /** Its id in the index. */
  readonly id: string;
  readonly chunk: Chunk;
  /** A row of the index that has the same text and context, whose vector serves; null: there is none. */
  readonly like: string | null;
}

/** Where a chunk stands in its document. */
export interface ChunkPlace extends Pick<Chunk, 'position' | 'begin' | 'end' | 'page' | 'line' | 'section' | 'tokens' | 'headings'> {
  /** The row of the index that holds it. */
  readonly rowId: string;
  readonly chunk: string;
}

/** A row that is of the served version of a document. */
export interface VisibleRow extends ChunkPlace {
  readonly document: string;
  readonly version: number;
}

type PlaceRow = {
  chunk: string;
  made: number;
  position: number;
  begin: number;
  end: number;
  page: number | null;
  line: number | null;
  section: number;
  tokens: number;
  headings: string;
};

// Statements that read what they are given begin with that: in any other order, all rows of a document are read for each. CROSS JOIN keeps the order.
const PLACE = 'r.chunk, r.version AS made, p.position, p.begin, p."end", p.page, p.line, p.section, p.tokens, p.headings';

/** Rows of documents that readers do not see, and the edition of the documents by which that is so. */
export interface HiddenRows {
  readonly ids: readonly string[];
  /** How often what readers see of any document had changed: while it is the same, so is the answer. */
  readonly edition: number;
}

/** The chunks of documents, and the rows of the index that hold them. Chunks of several versions share a row as long as they are equal, with all that it carries. [DC53] */
export class DocumentRows extends SqliteStore {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    super(storage, DOCUMENT_TABLES);
    this.#storage = storage;
  }

  /** Gives chunks their places in a version, and rows to those that have none. Answers which rows are not known to be in the index, and how many no served version had. */
  place(
    { number, id }: NumberedDocument,
    version: { readonly number: number; readonly served: number; readonly payload: string },
    chunks: readonly Chunk[],
  ): { readonly planned: readonly PlannedRow[]; readonly added: number } {
    const known = this.#rowsOf(number, chunks);
    const planned: PlannedRow[] = [];
    let added = 0;
    const places = chunks.map((chunk) => {
      const alike = known.get(chunk.id) ?? [];
      const row = alike.find(({ payload }) => payload === version.payload) ?? this.#made(number, chunk.id, version);
      if (row.version > version.served) added += 1;
      if (row.state === 0) {
        const like = alike.find(({ state }) => state === 1);
        const likeId = like === undefined ? null : rowIdOf({ document: id, chunk: chunk.id, version: like.version });
        planned.push({ row: row.number, id: rowIdOf({ document: id, chunk: chunk.id, version: row.version }), chunk, like: likeId });
      }
      const { position, begin, end, page, line, section, tokens, headings } = chunk;
      return [number, version.number, position, row.number, begin, end, page, line, section, tokens, JSON.stringify(headings)];
    });
    insertInto(
      this.#storage,
      'INSERT INTO places (document, version, position, row, begin, "end", page, line, section, tokens, headings)',
      places,
    );
    return { planned, added };
  }

  /** The index has these rows. */
  written(rows: readonly number[]): void {
    for (const part of jsonParts(rows))
      this.run('UPDATE rows SET state = 1 WHERE state = 0 AND number IN (SELECT value FROM json_each(?))', part);
  }

  /** How many chunks of a version are not known to be in the index. */
  unwritten({ number }: NumberedDocument, version: number): number {
    const where = 'places AS p JOIN rows AS r ON r.number = p.row WHERE p.document = ? AND p.version = ? AND r.state <> 1';
    return this.countOf(where, number, version);
  }

  /**
   * Gives up places that are of no version but the served one, some at a time, and with the last place of a row the row. Answers the ids of rows that are to be
   * deleted in the index; none: there is nothing left to clear. [DC57]
   */
  outdated({ number, id }: NumberedDocument, served: number): readonly { readonly row: number; readonly id: string }[] {
    const { documentSliceClearedMaxCount: countMax } = DOCUMENT_STORE_LIMITS;
    for (;;) {
      const found = this.rows<{ number: number; chunk: string; version: number }>(
        'SELECT number, chunk, version FROM rows WHERE document = ? AND state = 2 LIMIT ?',
        number,
        countMax,
      );
      if (found.length > 0) return found.map(({ number: row, chunk, version }) => ({ row, id: rowIdOf({ document: id, chunk, version }) }));
      if (!this.#giveUpPlaces(number, served, countMax)) return [];
    }
  }

  /** The index does not have these rows any more. */
  deleted(rows: readonly number[]): void {
    for (const part of jsonParts(rows)) this.run('DELETE FROM rows WHERE state = 2 AND number IN (SELECT value FROM json_each(?))', part);
  }

  /** Of these rows of the index those that are of served versions of the documents of a namespace, in no order. [DC55] */
  visible(namespace: string, rowIds: readonly string[]): readonly VisibleRow[] {
    return [...jsonParts(namesIn(rowIds))].flatMap((part) =>
      this.rows<PlaceRow & { id: string; served: number }>(
        `SELECT d.id, d.served, ${PLACE}
         FROM json_each(?) AS a
         CROSS JOIN documents AS d ON d.namespace = ? AND d.id = a.value ->> 0
         CROSS JOIN rows AS r ON r.document = d.number AND r.chunk = a.value ->> 1 AND r.version = a.value ->> 2
         CROSS JOIN places AS p ON p.row = r.number AND p.version = d.served`,
        part,
        namespace,
      ).map((row) => ({ ...placeOf(row.id, row), document: row.id, version: row.served })),
    );
  }

  /** Of these rows of the index those that are of no served version; each has the id of a row of a document. [DC90] */
  hidden(namespace: string, rowIds: readonly string[]): readonly string[] {
    const seen = new Set<string>();
    for (const part of jsonParts(namesIn(rowIds))) {
      const found = this.rows<{ document: string; chunk: string; version: number }>(
        `SELECT d.id AS document, r.chunk, r.version
         FROM json_each(?) AS a
         CROSS JOIN documents AS d ON d.namespace = ? AND d.id = a.value ->> 0
         CROSS JOIN rows AS r ON r.document = d.number AND r.chunk = a.value ->> 1 AND r.version = a.value ->> 2
         WHERE EXISTS (SELECT 1 FROM places AS p WHERE p.row = r.number AND p.version = d.served)`,
        part,
        namespace,
      );
      for (const row of found) seen.add(rowIdOf(row));
    }
    return rowIds.filter((id) => !seen.has(id));
  }

  /** The documents of a namespace, of those that rows of these ids would be of. */
  owners(namespace: string, rowIds: readonly string[]): readonly string[] {
    const ids = [...new Set(namesIn(rowIds).map(([document]) => document))];
    return [...jsonParts(ids)].flatMap((part) =>
      this.rows<{ id: string }>(
        'SELECT d.id FROM json_each(?) AS a CROSS JOIN documents AS d ON d.namespace = ? AND d.id = a.value',
        part,
        namespace,
      ).map(({ id }) => id),
    );
  }

  /** The chunks of a version from a position on, in their order. */
  places({ number, id }: NumberedDocument, version: number, from: number, count: number): readonly ChunkPlace[] {
    return this.rows<PlaceRow>(
      `SELECT ${PLACE} FROM places AS p JOIN rows AS r ON r.number = p.row WHERE p.document = ? AND p.version = ? AND p.position >= ? ORDER BY p.position LIMIT ?`,
      number,
      version,
      from,
      count,
    ).map((row) => placeOf(id, row));
  }

  /** By chunk: its rows that stay. */
  #rowsOf(document: number, chunks: readonly Chunk[]): ReadonlyMap<string, readonly KnownRow[]> {
    const known = new Map<string, KnownRow[]>();
    for (const part of jsonParts(chunks.map(({ id }) => id))) {
      const found = this.rows<KnownRow & { chunk: string }>(
        `SELECT r.number, r.chunk, r.version, r.payload, r.state FROM json_each(?) AS a CROSS JOIN rows AS r ON r.document = ? AND r.chunk = a.value
         WHERE r.state < 2 ORDER BY r.number DESC`,
        part,
        document,
      );
      for (const row of found) known.set(row.chunk, [...(known.get(row.chunk) ?? []), row]);
    }
    return known;
  }

  #made(document: number, chunk: string, { number: version, payload }: { readonly number: number; readonly payload: string }): KnownRow {
    const [row] = this.rows<KnownRow>(
      'INSERT INTO rows (document, chunk, version, payload, state) VALUES (?, ?, ?, ?, 0) RETURNING number, version, payload, state',
      document,
      chunk,
      version,
      payload,
    );
    return row!;
  }

  /** Whether there were such places. */
  #giveUpPlaces(document: number, served: number, countMax: number): boolean {
    return this.transaction(() => {
      const found = this.rows<{ at: number; row: number }>(
        `SELECT * FROM (SELECT rowid AS at, row FROM places WHERE document = ?1 AND version < ?2 LIMIT ?3)
         UNION ALL SELECT * FROM (SELECT rowid AS at, row FROM places WHERE document = ?1 AND version > ?2 LIMIT ?3)`,
        document,
        served,
        countMax,
      );
      for (const part of jsonParts(found.map(({ at }) => at)))
        this.run('DELETE FROM places WHERE rowid IN (SELECT value FROM json_each(?))', part);
      for (const part of jsonParts(found.map(({ row }) => row)))
        this.run(
          `UPDATE rows SET state = 2 WHERE number IN (SELECT value FROM json_each(?))
           AND NOT EXISTS (SELECT 1 FROM places WHERE places.row = rows.number)`,
          part,
        );
      return found.length > 0;
    });
  }
}

interface KnownRow {
  readonly number: number;
  readonly version: number;
  readonly payload: string;
  readonly state: number;
}

const namesIn = (rowIds: readonly string[]) =>
  rowIds.flatMap((id) => {
    const name = rowNameOf(id);
    return name === undefined ? [] : [[name.document, name.chunk, name.version] as const];
  });

/** What a row carries beside its chunk, as a digest. */
export const payloadDigestOf = ({ metadata, labels }: Pick<DocumentTerms, 'metadata' | 'labels'>): string =>
  shortSha256(canonicalJson([metadata, labels])).slice(0, 16);

const placeOf = (document: string, { chunk, made, headings, ...place }: PlaceRow): ChunkPlace => ({
  rowId: rowIdOf({ document, chunk, version: made }),
  chunk,
  position: place.position,
  begin: place.begin,
  end: place.end,
  page: place.page,
  line: place.line,
  section: place.section,
  tokens: place.tokens,
  headings: JSON.parse(headings) as string[],
});

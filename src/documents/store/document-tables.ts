import type { Migrations } from '../../kernel/sql/migrate.ts';

export const DOCUMENT_TABLES: Migrations = [
  // Of a document: `served`, the version that readers see, 0 for none. Of a row: `version`, the try that made it; `payload`, a digest of the metadata and labels that it
  // carries; `state`: 0, it may be in the index; 1, it is; 2, it is to be deleted there. Places belong to a version, and nothing but them says which rows it has.
  `CREATE TABLE documents (
     number INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, id TEXT NOT NULL, served INTEGER NOT NULL, state TEXT NOT NULL, updated_ms INTEGER NOT NULL,
     created_ms INTEGER NOT NULL, due_ms INTEGER, body TEXT NOT NULL, UNIQUE (namespace, id));
   CREATE INDEX documents_by_due ON documents (due_ms) WHERE due_ms IS NOT NULL;
   CREATE INDEX documents_by_update ON documents (namespace, updated_ms, id);
   CREATE INDEX documents_by_creation ON documents (namespace, created_ms, id);
   CREATE TABLE rows (
     number INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, chunk TEXT NOT NULL, version INTEGER NOT NULL, payload TEXT NOT NULL, state INTEGER NOT NULL,
     UNIQUE (document, chunk, version));
   CREATE INDEX rows_to_delete ON rows (document) WHERE state = 2;
   CREATE TABLE places (
     document INTEGER NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL, row INTEGER NOT NULL, begin INTEGER NOT NULL, "end" INTEGER NOT NULL,
     page INTEGER, line INTEGER, section INTEGER NOT NULL, tokens INTEGER NOT NULL, headings TEXT NOT NULL, UNIQUE (document, version, position));
   CREATE INDEX places_by_row ON places (row, version);
   CREATE TABLE state (is_erased INTEGER NOT NULL);
   INSERT INTO state VALUES (0);`,
  // The edition: how often what readers see of any document has changed.
  `ALTER TABLE state ADD COLUMN edition INTEGER NOT NULL DEFAULT 0;
   CREATE TRIGGER document_served AFTER UPDATE OF served ON documents WHEN new.served <> old.served BEGIN
     UPDATE state SET edition = edition + 1;
   END;`,
];

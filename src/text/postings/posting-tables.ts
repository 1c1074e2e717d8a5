/**
 * The tables of the sparse engine. A segment has rows of one namespace in order, a column each field of theirs; a column's leaves are keyed by
 * its number times `COLUMN_LEAVES`, a segment's chunks of deleted rows by its number times `SEGMENT_CHUNKS`. Numbers are never used again.
 * [TX44]
 */
export const POSTING_TABLES = `
  CREATE TABLE posting_state (flushed_row INTEGER NOT NULL);
  INSERT INTO posting_state VALUES (0);
  CREATE TABLE posting_segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, state TEXT NOT NULL, first_row INTEGER NOT NULL,
    count INTEGER NOT NULL, deleted INTEGER NOT NULL, sources TEXT NOT NULL, rows BLOB NOT NULL);
  CREATE INDEX posting_segments_by_namespace ON posting_segments (namespace, state, first_row, count, deleted);
  CREATE TABLE posting_columns (
    id INTEGER PRIMARY KEY AUTOINCREMENT, segment INTEGER NOT NULL, field INTEGER NOT NULL, documents INTEGER NOT NULL,
    total_length INTEGER NOT NULL, is_text INTEGER NOT NULL, lengths BLOB NOT NULL, UNIQUE (segment, field));
  CREATE TABLE posting_leaves (key INTEGER PRIMARY KEY, first BLOB NOT NULL, terms BLOB NOT NULL, postings BLOB NOT NULL);
  CREATE TABLE posting_deletions (key INTEGER PRIMARY KEY, ordinals BLOB NOT NULL);`;

import { assert, must } from '../../kernel/assert.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import type { LoggedPredicate, PurgeCount, PurgePredicate } from '../purge-predicate.ts';
import type { NewVector, StoredVector, StoredVectors, VectorOrigin } from '../stored-vector.ts';
import { batchRows, joinRows, withNumbers } from '../vector-rows.ts';

/** A shard of the second level. Vectors are kept apart from what is known of them, so that looking through entries reads no vectors. */
export const EMBEDDING_CACHE_MIGRATIONS: Migrations = [
  `CREATE TABLE entries (
     slot INTEGER PRIMARY KEY,
     digest TEXT NOT NULL, contract TEXT NOT NULL, vector BLOB NOT NULL,
     position INTEGER NOT NULL, stored_ms INTEGER NOT NULL, expires_ms INTEGER, used_ms INTEGER NOT NULL);
   CREATE UNIQUE INDEX entries_by_key ON entries (digest, contract);
   CREATE INDEX entries_by_use ON entries (used_ms);
   CREATE INDEX entries_by_position ON entries (position, contract);
   CREATE INDEX entries_by_end ON entries (expires_ms) WHERE expires_ms IS NOT NULL;
   CREATE TABLE totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
   INSERT INTO totals VALUES (0, 0);
   CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
     UPDATE totals SET entries = entries + 1, bytes = bytes + length(new.vector); END;
   CREATE TRIGGER entry_changed AFTER UPDATE OF vector ON entries BEGIN
     UPDATE totals SET bytes = bytes - length(old.vector) + length(new.vector); END;
   CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
     UPDATE totals SET entries = entries - 1, bytes = bytes - length(old.vector); END;`,
  // Cached entries without their model could not be found by a purge by model: they are removed.
  `DROP TABLE entries;
   DROP TABLE totals;
   CREATE TABLE origins (origin INTEGER PRIMARY KEY, model TEXT NOT NULL, version TEXT NOT NULL);
   CREATE UNIQUE INDEX origins_by_name ON origins (model, version);
   CREATE TABLE contracts (contract INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE);
   CREATE TABLE entries (
     slot INTEGER PRIMARY KEY,
     digest TEXT NOT NULL, contract INTEGER NOT NULL, origin INTEGER NOT NULL, bytes INTEGER NOT NULL,
     position INTEGER NOT NULL, known_ms INTEGER NOT NULL, tags TEXT,
     stored_ms INTEGER NOT NULL, expires_ms INTEGER, used_ms INTEGER NOT NULL);
   CREATE UNIQUE INDEX entries_by_key ON entries (digest, contract);
   CREATE INDEX entries_by_use ON entries (used_ms);
   CREATE INDEX entries_by_end ON entries (expires_ms) WHERE expires_ms IS NOT NULL;
   CREATE TABLE vectors (slot INTEGER PRIMARY KEY, vector BLOB NOT NULL);
   CREATE TABLE totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
   INSERT INTO totals VALUES (0, 0);
   CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
     UPDATE totals SET entries = entries + 1, bytes = bytes + new.bytes; END;
   CREATE TRIGGER entry_changed AFTER UPDATE OF bytes ON entries BEGIN
     UPDATE totals SET bytes = bytes - old.bytes + new.bytes; END;
   CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
     DELETE FROM vectors WHERE slot = old.slot;
     UPDATE totals SET entries = entries - 1, bytes = bytes - old.bytes; END;`,
  'ALTER TABLE entries ADD COLUMN filled_by TEXT;',
];

/** The entries that a predicate matches, as a condition on the table `entries` and its bindings. Decides as `PurgeMatcher` does. */
export interface PurgeCondition {
  readonly sql: string;
  readonly bindings: readonly (string | number)[];
}

export function purgeCondition(predicate: PurgePredicate): PurgeCondition {
  const { digests, tags, tagPrefix, models, model, modelVersion, filledBeforeMs, filledBy } = predicate;
  const selectors: readonly (readonly [string, string | number | undefined])[] = [
    ['digest IN (SELECT value FROM json_each(?))', digests && JSON.stringify(digests)],
    ['EXISTS (SELECT 1 FROM json_each(tags) WHERE value IN (SELECT value FROM json_each(?)))', tags && JSON.stringify(tags)],
    // Characters and their order, not their folding: LIKE and GLOB would give some of them a meaning.
    ['EXISTS (SELECT 1 FROM json_each(tags) AS tag, (SELECT ? AS prefix) WHERE substr(tag.value, 1, length(prefix)) = prefix)', tagPrefix],
    [
      "origin IN (SELECT origin FROM origins, json_each(?) AS name WHERE name.value IN (model, model || '@' || version))",
      models && JSON.stringify(models),
    ],
    ['origin IN (SELECT origin FROM origins WHERE model = ?)', model],
    ['origin IN (SELECT origin FROM origins WHERE version = ?)', modelVersion],
    ['known_ms < ?', filledBeforeMs],
    ['(filled_by = ? OR filled_by IS NULL)', filledBy],
  ];
  const given = selectors.flatMap(([sql, binding]) => (binding === undefined ? [] : [{ sql, binding }]));
  return { sql: ['1', ...given.map(({ sql }) => sql)].join(' AND '), bindings: given.map(({ binding }) => binding) };
}

export interface StoreBounds {
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly touchesMax: number;
  /** Rows one slice of deleting may look at. */
  readonly sweepRowsMax: number;
  /** Rows one slice of counting may look at. */
  readonly countRowsMax: number;
}

/** A slice of a walk through the entries: where the next begins, null when this was the last. */
export interface Slice {
  readonly next: number | null;
}

const SLOT_BEFORE_ALL = 0;
const NOTHING: PurgeCount = { entries: 0, bytes: 0 };

/** Vectors in SQLite, the least recently used out first. Reads are remembered in memory and written down in batches. */
export class EmbeddingCacheStore extends SqliteStore {
  readonly #bounds: StoreBounds;
  /** Slots read since uses were last written down; lost with the object's memory, which only blurs the order of eviction. */
  readonly #touched = new Set<number>();

  constructor(storage: SqlStorage, bounds: StoreBounds) {
    super(storage, EMBEDDING_CACHE_MIGRATIONS);
    this.#bounds = bounds;
  }

  get(contractHash: string, digests: readonly string[], nowMs: number): StoredVectors {
    const rows = this.rows<{
      at: number;
      slot: number;
      vector: ArrayBuffer;
      position: number;
      known_ms: number;
      filled_by: TenantId | null;
      tags: string | null;
      stored_ms: number;
      expires_ms: number | null;
    }>(
      `SELECT asked.key AS at, slot, vector, position, known_ms, filled_by, tags, stored_ms, expires_ms FROM json_each(?) AS asked
       CROSS JOIN entries ON digest = asked.value AND contract = (SELECT contract FROM contracts WHERE hash = ?)
       CROSS JOIN vectors USING (slot) WHERE expires_ms IS NULL OR expires_ms > ?`,
      JSON.stringify(digests),
      contractHash,
      nowMs,
    );
    const { vectors, lengths } = joinRows(rows.map(({ vector }) => new Float32Array(vector)));
    const entries = rows.map((row): StoredVector => {
      this.#touched.add(row.slot);
      return {
        at: row.at,
        position: row.position,
        knownMs: row.known_ms,
        ...(row.filled_by === null ? {} : { filledBy: row.filled_by }),
        tags: row.tags === null ? [] : (JSON.parse(row.tags) as string[]),
        ageMs: Math.max(0, nowMs - row.stored_ms),
        ttlMs: row.expires_ms === null ? undefined : row.expires_ms - nowMs,
      };
    });
    if (this.#touched.size >= this.#bounds.touchesMax) this.#writeTouches(nowMs);
    return { entries: withNumbers(entries, lengths), vectors };
  }

  /** Row `i` of `vectors` is the vector of `entries[i]`. What a newer fill wrote stays. */
  put(origin: VectorOrigin, entries: readonly NewVector[], vectors: Float32Array<ArrayBuffer>, nowMs: number): void {
    const rows = batchRows(entries, vectors);
    assert(rows.reduce((sum, row) => sum + row.length, 0) === vectors.length, 'one vector an entry');
    this.transaction(() => {
      this.#writeTouches(nowMs);
      const contract = this.#contract(origin.contractHash);
      const maker = this.#origin(origin.model, origin.modelVersion);
      entries.forEach((entry, i) => {
        this.#put(contract, maker, entry, must(rows[i], 'a vector for each entry'), nowMs);
      });
      this.#evict();
    });
  }

  /** Deletes what a purge took among the entries after slot `after`, as many as a slice may look at. */
  erase({ position, predicate }: LoggedPredicate, after = SLOT_BEFORE_ALL): Slice {
    if (!this.exists()) return { next: null };
    const { sql, bindings } = purgeCondition(predicate);
    // Digests lead to their entries: there are no more of them than a purge may name, times the contracts.
    if (predicate.digests !== undefined) {
      this.run(`DELETE FROM entries WHERE ${sql} AND position < ?`, ...bindings, position);
      return { next: null };
    }
    const { last, next } = this.#slice(after, this.#bounds.sweepRowsMax);
    const where = `${sql} AND position < ? AND slot > ? AND slot <= ?`;
    this.run(`DELETE FROM entries WHERE ${where}`, ...bindings, position, after, last);
    return { next };
  }

  /** How many entries after slot `after` a predicate matches, among as many as a slice may look at. */
  count(predicate: PurgePredicate, after = SLOT_BEFORE_ALL): PurgeCount & Slice {
    if (!this.exists()) return { entries: 0, bytes: 0, next: null };
    const { last, next } = this.#slice(after, this.#bounds.countRowsMax);
    const { sql, bindings } = purgeCondition(predicate);
    const [counted = NOTHING] = this.rows<PurgeCount>(
      `SELECT COUNT(*) AS entries, COALESCE(SUM(bytes), 0) AS bytes FROM entries WHERE ${sql} AND slot > ? AND slot <= ?`,
      ...bindings,
      after,
      last,
    );
    return { ...counted, next };
  }

  /** Deletes a slice of what has run out; whether there may be more. */
  sweep(nowMs: number): boolean {
    const slice = `SELECT slot FROM entries WHERE expires_ms <= ? LIMIT ${this.#bounds.sweepRowsMax}`;
    return this.rows(`DELETE FROM entries WHERE slot IN (${slice}) RETURNING slot`, nowMs).length === this.#bounds.sweepRowsMax;
  }

  /** When the next entry runs out; undefined when none ever does. */
  nextEndMs(): number | undefined {
    const next = 'SELECT expires_ms AS end FROM entries WHERE expires_ms IS NOT NULL ORDER BY expires_ms LIMIT 1';
    return this.rows<{ end: number }>(next)[0]?.end;
  }

  totals(): PurgeCount {
    return this.rows<PurgeCount>('SELECT entries, bytes FROM totals')[0] ?? NOTHING;
  }

  #slice(after: number, rowsMax: number): { readonly last: number; readonly next: number | null } {
    const [{ last, rows } = { last: null, rows: 0 }] = this.rows<{ last: number | null; rows: number }>(
      'SELECT MAX(slot) AS last, COUNT(*) AS rows FROM (SELECT slot FROM entries WHERE slot > ? ORDER BY slot LIMIT ?)',
      after,
      rowsMax,
    );
    return { last: last ?? after, next: rows === rowsMax ? last : null };
  }

  #contract(hash: string): number {
    this.run('INSERT INTO contracts (hash) VALUES (?) ON CONFLICT DO NOTHING', hash);
    return this.#number('SELECT contract AS number FROM contracts WHERE hash = ?', hash);
  }

  #origin(model: string, version: string): number {
    this.run('INSERT INTO origins (model, version) VALUES (?, ?) ON CONFLICT DO NOTHING', model, version);
    return this.#number('SELECT origin AS number FROM origins WHERE model = ? AND version = ?', model, version);
  }

  #number(query: string, ...names: string[]): number {
    return must(this.rows<{ number: number }>(query, ...names)[0], 'a name that was just written has a number').number;
  }

  #put(contract: number, origin: number, entry: NewVector, vector: Float32Array, nowMs: number): void {
    const [written] = this.rows<{ slot: number }>(
      `INSERT INTO entries (digest, contract, origin, bytes, position, known_ms, tags, stored_ms, expires_ms, used_ms, filled_by)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
       ON CONFLICT (digest, contract) DO UPDATE SET origin = excluded.origin, bytes = excluded.bytes, position = excluded.position,
         known_ms = excluded.known_ms, tags = excluded.tags, stored_ms = excluded.stored_ms, expires_ms = excluded.expires_ms,
         used_ms = excluded.used_ms, filled_by = excluded.filled_by
       WHERE excluded.position >= entries.position
       RETURNING slot`,
      entry.digest,
      contract,
      origin,
      vector.byteLength,
      entry.position,
      entry.knownMs,
      entry.tags.length === 0 ? null : JSON.stringify(entry.tags),
      nowMs - entry.ageMs,
      entry.ttlMs === undefined ? null : nowMs + entry.ttlMs,
      nowMs,
      entry.filledBy ?? null,
    );
    if (written !== undefined) this.run('INSERT OR REPLACE INTO vectors VALUES (?, ?)', written.slot, vector);
  }

  #writeTouches(nowMs: number): void {
    if (this.#touched.size === 0) return;
    const slots = JSON.stringify([...this.#touched]);
    this.run('UPDATE entries SET used_ms = ? WHERE slot IN (SELECT value FROM json_each(?))', nowMs, slots);
    this.#touched.clear();
  }

  /** Work is bounded by what was just put: before that, the store was within its bounds. */
  #evict(): void {
    for (;;) {
      const { entries, bytes } = this.totals();
      if (entries <= this.#bounds.entriesMax && bytes <= this.#bounds.bytesMax) return;
      const oldest = this.rows<{ slot: number; bytes: number }>('SELECT slot, bytes FROM entries ORDER BY used_ms, slot LIMIT 256');
      const evicted: number[] = [];
      let left = bytes;
      for (const { slot, bytes: size } of oldest) {
        if (entries - evicted.length <= this.#bounds.entriesMax && left <= this.#bounds.bytesMax) break;
        evicted.push(slot);
        left -= size;
      }
      this.run('DELETE FROM entries WHERE slot IN (SELECT value FROM json_each(?))', JSON.stringify(evicted));
    }
  }
}

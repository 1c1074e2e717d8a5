import type { LoggedPredicate } from '../../src/cache/purge-predicate.ts';
import type { NewVector, StoredVector, StoredVectors } from '../../src/cache/stored-vector.ts';
import { assert } from '../../src/kernel/assert.ts';
import type { SqlStorage } from '../../src/kernel/sql.ts';
import type { Migrations } from './migrate.ts';
import { migrate } from './migrate.ts';

const MIGRATIONS: Migrations = [
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
];

export interface StoreBounds {
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly touchesMax: number;
  readonly sweepRowsMax: number;
}

/** Vectors in SQLite, the least recently used out first. Reads are remembered in memory and written down in batches. */
export class EmbeddingCacheStore {
  readonly #storage: SqlStorage;
  readonly #bounds: StoreBounds;
  /** Slots read since uses were last written down; lost with the object's memory, which only blurs the order of eviction. */
  readonly #touched = new Set<number>();
  #ready = false;

  constructor(storage: SqlStorage, bounds: StoreBounds) {
    this.#storage = storage;
    this.#bounds = bounds;
  }

  get(contractHash: string, digests: readonly string[], nowMs: number): StoredVectors {
    if (!this.#exists()) return { entries: [], vectors: new Float32Array(0) };
    const rows = this.#storage.sql
      .exec<{ at: number; slot: number; vector: ArrayBuffer; position: number; stored_ms: number; expires_ms: number | null }>(
        `SELECT asked.key AS at, slot, vector, position, stored_ms, expires_ms FROM json_each(?) AS asked
         CROSS JOIN entries ON digest = asked.value AND contract = ? WHERE expires_ms IS NULL OR expires_ms > ?`,
        JSON.stringify(digests),
        contractHash,
        nowMs,
      )
      .toArray();
    const dimensions = (rows[0]?.vector.byteLength ?? 0) / 4;
    const vectors = new Float32Array(rows.length * dimensions);
    const entries = rows.map((row, i): StoredVector => {
      vectors.set(new Float32Array(row.vector), i * dimensions);
      this.#touched.add(row.slot);
      const ttlMs = row.expires_ms === null ? undefined : row.expires_ms - nowMs;
      return { at: row.at, position: row.position, ageMs: Math.max(0, nowMs - row.stored_ms), ttlMs };
    });
    if (this.#touched.size >= this.#bounds.touchesMax) this.#writeTouches(nowMs);
    return { entries, vectors };
  }

  /** Row `i` of `vectors` is the vector of `entries[i]`. What a newer fill wrote stays. */
  put(contractHash: string, entries: readonly NewVector[], vectors: Float32Array, nowMs: number): void {
    assert(entries.length > 0 && vectors.length % entries.length === 0, 'one vector an entry, all of one length');
    const dimensions = vectors.length / entries.length;
    this.#open();
    this.#storage.transactionSync(() => {
      this.#writeTouches(nowMs);
      entries.forEach((entry, i) => {
        const vector = vectors.subarray(i * dimensions, (i + 1) * dimensions);
        this.#put(contractHash, entry, vector, nowMs);
      });
      this.#evict();
    });
  }

  /** Deletes a slice of what a purge took; whether there may be more. */
  erase({ position, predicate }: LoggedPredicate): boolean {
    if (!this.#exists()) return false;
    const matches = predicate.kind === 'everything' ? '' : 'AND digest IN (SELECT value FROM json_each(?3))';
    const digests = predicate.kind === 'everything' ? [] : [JSON.stringify(predicate.digests)];
    return this.#deleteSlice(`position < ?1 AND (?2 IS NULL OR contract = ?2) ${matches}`, position, predicate.contractHash, ...digests);
  }

  /** Deletes a slice of what has run out; whether there may be more. */
  sweep(nowMs: number): boolean {
    return this.#exists() && this.#deleteSlice('expires_ms <= ?', nowMs);
  }

  /** When the next entry runs out; undefined when none ever does. */
  nextEndMs(): number | undefined {
    if (!this.#exists()) return undefined;
    return this.#storage.sql.exec<{ end: number | null }>('SELECT MIN(expires_ms) AS end FROM entries').one().end ?? undefined;
  }

  totals(): { entries: number; bytes: number } {
    if (!this.#exists()) return { entries: 0, bytes: 0 };
    return this.#storage.sql.exec<{ entries: number; bytes: number }>('SELECT entries, bytes FROM totals').one();
  }

  #exists(): boolean {
    if (this.#ready) return true;
    const tables = this.#storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'entries'").toArray();
    if (tables.length > 0) this.#open();
    return this.#ready;
  }

  #open(): void {
    if (!this.#ready) migrate(this.#storage, MIGRATIONS);
    this.#ready = true;
  }

  #put(contractHash: string, { digest, position, ttlMs }: NewVector, vector: Float32Array, nowMs: number): void {
    const expiresMs = ttlMs === undefined ? null : nowMs + ttlMs;
    this.#storage.sql.exec(
      `INSERT INTO entries (digest, contract, vector, position, stored_ms, expires_ms, used_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5)
       ON CONFLICT (digest, contract) DO UPDATE SET vector = excluded.vector, position = excluded.position,
         stored_ms = excluded.stored_ms, expires_ms = excluded.expires_ms, used_ms = excluded.used_ms
       WHERE excluded.position >= entries.position`,
      digest,
      contractHash,
      vector,
      position,
      nowMs,
      expiresMs,
    );
  }

  #writeTouches(nowMs: number): void {
    if (this.#touched.size === 0) return;
    const slots = JSON.stringify([...this.#touched]);
    this.#storage.sql.exec('UPDATE entries SET used_ms = ? WHERE slot IN (SELECT value FROM json_each(?))', nowMs, slots);
    this.#touched.clear();
  }

  /** Work is bounded by what was just put: before that, the store was within its bounds. */
  #evict(): void {
    for (;;) {
      const { entries, bytes } = this.totals();
      if (entries <= this.#bounds.entriesMax && bytes <= this.#bounds.bytesMax) return;
      const oldest = this.#storage.sql
        .exec<{ slot: number; bytes: number }>('SELECT slot, length(vector) AS bytes FROM entries ORDER BY used_ms, slot LIMIT 256')
        .toArray();
      const evicted: number[] = [];
      let left = bytes;
      for (const { slot, bytes: size } of oldest) {
        if (entries - evicted.length <= this.#bounds.entriesMax && left <= this.#bounds.bytesMax) break;
        evicted.push(slot);
        left -= size;
      }
      this.#storage.sql.exec('DELETE FROM entries WHERE slot IN (SELECT value FROM json_each(?))', JSON.stringify(evicted));
    }
  }

  #deleteSlice(condition: string, ...bindings: (string | number | null)[]): boolean {
    const slice = `SELECT slot FROM entries WHERE ${condition} LIMIT ${this.#bounds.sweepRowsMax}`;
    const deleted = this.#storage.sql.exec(`DELETE FROM entries WHERE slot IN (${slice}) RETURNING slot`, ...bindings).toArray();
    return deleted.length === this.#bounds.sweepRowsMax;
  }
}

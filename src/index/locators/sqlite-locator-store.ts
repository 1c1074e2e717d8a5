import type { DonePart, KeyedReceipt, Receipt, ReceiptPage } from '../../ann/receipts.ts';
import type { LocatedRemoval, LocatedWrite, RowKeys } from '../../ann/rows.ts';
import { rowsAt } from '../../ann/rows.ts';
import type { Billing, Repetition } from '../../ann/shard-protocol.ts';
import { RECEIPT_TABLE, RECEIPTS_OF_OWN_KEYS, receiptsOfParts, ReceiptStore } from '../../ann/store/receipt-store.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { must } from '../../kernel/assert.ts';
import { joinedBytes } from '../../kernel/bytes.ts';
import { insertInto, jsonParts } from '../../kernel/sql/bulk-statements.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import { migrate } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { LocatorStore, Operation, PendingClearing, PendingRemoval, PendingWrite, Place } from './locator-store.ts';

/**
 * The tables of a locator. `version` is the last one issued, `ids` how many there are, `writes` how many were finished, `lsn` the highest
 * that any of them has. The shards of an entry are ordinals with commas between. An operation takes as many rows as its bytes need; `key`
 * is the `Idempotency-Key` of its request. `part` identifies the locator's ids.
 */
export const locatorSchema = (part: Omit<DonePart, 'lsn'>): Migrations => [
  `CREATE TABLE locator (version INTEGER NOT NULL, ids INTEGER NOT NULL, writes INTEGER NOT NULL);
   INSERT INTO locator VALUES (0, 0, 0);
   CREATE TABLE entries (
     namespace TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, shards TEXT NOT NULL, pending INTEGER NOT NULL,
     PRIMARY KEY (namespace, id)) WITHOUT ROWID;
   CREATE TABLE operations (
     version INTEGER NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (version, part)) WITHOUT ROWID;
   CREATE TABLE arrivals (shard INTEGER PRIMARY KEY, since INTEGER NOT NULL);
   CREATE TABLE claims (key TEXT PRIMARY KEY, digest TEXT NOT NULL, count INTEGER, lsn INTEGER, at_ms INTEGER NOT NULL) WITHOUT ROWID;
   ${RECEIPT_TABLE}`,
  'ALTER TABLE locator ADD COLUMN lsn INTEGER NOT NULL DEFAULT 0',
  `${receiptsOfParts(part)}
   INSERT OR IGNORE INTO receipts (key, digest, at_ms) SELECT key, digest, at_ms FROM claims;
   DROP TABLE claims;
   ALTER TABLE operations ADD COLUMN key TEXT;`,
  RECEIPTS_OF_OWN_KEYS,
];

// 4 bytes with the length of the JSON; after it come the values, at a multiple of 4.
const HEADER_BYTES = 4;

/** An operation as bytes: its values as they lie in memory, everything else as JSON. */
export function encodeOperation(operation: Operation): Uint8Array {
  const { values, ...rest } = operation.kind === 'write' ? operation : { ...operation, values: new Float32Array(0) };
  const json = new TextEncoder().encode(JSON.stringify(rest));
  const start = Math.ceil((HEADER_BYTES + json.length) / 4) * 4;
  const bytes = new Uint8Array(start + values.byteLength);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, HEADER_BYTES);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), start);
  return bytes;
}

export function decodeOperation(bytes: Uint8Array<ArrayBuffer>): Operation {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const json = bytes.subarray(HEADER_BYTES, HEADER_BYTES + length);
  const operation = JSON.parse(new TextDecoder().decode(json)) as Exclude<Operation, PendingWrite> | Omit<PendingWrite, 'values'>;
  if (operation.kind !== 'write') return operation;
  const start = Math.ceil((HEADER_BYTES + length) / 4) * 4;
  return { ...operation, values: new Float32Array(bytes.slice(start).buffer) };
}

/** Where the ids of one locator live, as SQLite rows, with the writes that are under way. */
export class SqliteLocatorStore implements LocatorStore {
  readonly #storage: SqlStorage;
  readonly #receipts: ReceiptStore;
  readonly #part: Omit<DonePart, 'lsn'>;

  /** `part`: the ids of this locator, among all. */
  constructor(storage: SqlStorage, part: Omit<DonePart, 'lsn'>) {
    this.#storage = storage;
    this.#part = part;
    this.#receipts = new ReceiptStore(storage);
    migrate(storage, locatorSchema(part));
  }

  beginWrite(write: LocatedWrite): PendingWrite {
    return this.#storage.transactionSync(() => {
      const { routeVersion = 0, idempotency, expected, lsnSeen } = write;
      this.see(lsnSeen);
      const found = this.find(write);
      const chosen = [...found.keys()].filter((i) => expected === undefined || found[i]?.version === expected[i]);
      const places = chosen.map((i) => write.places[i] ?? []);
      const rows = rowsAt(write, chosen);
      const begun: PendingWrite = { kind: 'write', version: this.#nextVersion(), routeVersion, places, idempotency, ...rows };
      this.#take(
        begun,
        begun.version,
        chosen.map((i) => found[i]),
        places,
      );
      this.#record(begun);
      return begun;
    });
  }

  beginRemoval({ ids, namespaces, expected, lsnSeen }: LocatedRemoval): PendingRemoval | undefined {
    return this.#storage.transactionSync(() => {
      this.see(lsnSeen);
      const found = this.find({ ids, namespaces });
      const there = found.flatMap((place, i) => (place !== undefined && (expected === null || expected[i] === place.version) ? [i] : []));
      if (there.length === 0) return undefined;
      const keys = { ids: there.map((i) => must(ids[i], 'i is that of an id')), namespaces: there.map((i) => namespaces[i] ?? '') };
      const begun: PendingRemoval = { kind: 'removal', version: this.#nextVersion(), ...keys };
      this.#take(
        begun,
        begun.version,
        there.map((i) => found[i]),
        there.map(() => []),
      );
      this.#record(begun);
      return begun;
    });
  }

  beginClearing(lsnSeen: number, nowMs: number): PendingClearing {
    return this.#storage.transactionSync(() => {
      this.see(lsnSeen);
      for (const operation of this.pending()) {
        if (operation.kind === 'write') this.#note(operation, this.lsn(), nowMs);
      }
      const begun: PendingClearing = { kind: 'clearing', version: this.#nextVersion() };
      this.#storage.sql.exec('DELETE FROM entries');
      this.#storage.sql.exec('DELETE FROM operations');
      this.#storage.sql.exec('UPDATE locator SET ids = 0');
      this.#record(begun);
      return begun;
    });
  }

  replace(write: PendingWrite, routeVersion: number, places: readonly (readonly number[])[]): PendingWrite {
    return this.#storage.transactionSync(() => {
      const replaced = { ...write, version: this.#nextVersion(), routeVersion, places };
      const current = this.find(write).flatMap((place, i) => (place?.version === write.version ? [{ place, i }] : []));
      const keys = { ids: current.map(({ i }) => write.ids[i] ?? ''), namespaces: current.map(({ i }) => write.namespaces[i] ?? '') };
      this.#take(
        keys,
        replaced.version,
        current.map(({ place }) => place),
        current.map(({ i }) => places[i] ?? []),
      );
      this.#storage.sql.exec('DELETE FROM operations WHERE version = ?', write.version);
      this.#record(replaced);
      return replaced;
    });
  }

  finishWrite(write: PendingWrite, lsn: number, nowMs: number): void {
    const { ids, namespaces, version, places } = write;
    this.#finish(version, lsn, () => {
      for (const part of jsonParts(ids.map((id, i) => [namespaces[i], id, places[i]?.join()]))) {
        this.#storage.sql.exec(
          `UPDATE entries SET shards = done.shards, pending = 0 FROM (
             SELECT value ->> 0 AS namespace, value ->> 1 AS id, value ->> 2 AS shards FROM json_each(?1)) AS done
           WHERE entries.namespace = done.namespace AND entries.id = done.id AND version = ?2`,
          part,
          version,
        );
      }
      this.#note(write, lsn, nowMs);
    });
  }

  finishRemoval({ ids, namespaces, version }: PendingRemoval, lsn: number): void {
    this.#finish(version, lsn, () => {
      for (const part of jsonParts(pairs({ ids, namespaces }))) {
        const removed = this.#storage.sql.exec(
          `DELETE FROM entries WHERE version = ?2 AND (namespace, id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1)) RETURNING id`,
          part,
          version,
        );
        this.#storage.sql.exec('UPDATE locator SET ids = ids - ?', removed.toArray().length);
      }
    });
  }

  finishClearing({ version }: PendingClearing, lsn: number): void {
    this.#finish(version, lsn, () => undefined);
  }

  lsn(): number {
    return this.#storage.sql.exec<{ lsn: number }>('SELECT lsn FROM locator').one().lsn;
  }

  see(lsn: number): void {
    this.#storage.sql.exec('UPDATE locator SET lsn = ?1 WHERE lsn < ?1', lsn);
  }

  pending(): Operation[] {
    const parts = this.#storage.sql.exec<{ version: number; bytes: ArrayBuffer }>(
      'SELECT version, bytes FROM operations ORDER BY version, part',
    );
    const whole = new Map<number, Uint8Array<ArrayBuffer>[]>();
    for (const { version, bytes } of parts) whole.set(version, [...(whole.get(version) ?? []), new Uint8Array(bytes)]);
    return Array.from(whole.values(), (chunks) => decodeOperation(joinedBytes(chunks)));
  }

  isPending({ version }: Operation): boolean {
    return this.#storage.sql.exec('SELECT 1 FROM operations WHERE version = ?', version).toArray().length > 0;
  }

  pendingOf({ idempotencyKey }: Repetition): PendingWrite | undefined {
    const parts = this.#storage.sql.exec<{ bytes: ArrayBuffer }>(
      'SELECT bytes FROM operations WHERE key = ? ORDER BY part',
      idempotencyKey,
    );
    const chunks = parts.toArray().map(({ bytes }) => new Uint8Array(bytes));
    const operation = chunks.length === 0 ? undefined : decodeOperation(joinedBytes(chunks));
    return operation?.kind === 'write' ? operation : undefined;
  }

  isIdle(): boolean {
    return this.#storage.sql.exec('SELECT 1 FROM operations LIMIT 1').toArray().length === 0;
  }

  find(keys: RowKeys): (Place | undefined)[] {
    return [...jsonParts(pairs(keys))].flatMap((part) => this.#findSome(part));
  }

  #findSome(keys: string): (Place | undefined)[] {
    const found = this.#storage.sql.exec<{ version: number | null; shards: string | null; pending: number | null }>(
      `SELECT version, shards, pending FROM json_each(?) AS key
       LEFT JOIN entries ON entries.namespace = key.value ->> 0 AND entries.id = key.value ->> 1 ORDER BY key.key`,
      keys,
    );
    return found.toArray().map(({ version, shards, pending }) => {
      if (version === null || shards === null) return undefined;
      return { version, shards: shards === '' ? [] : shards.split(',').map(Number), isPending: pending === 1 };
    });
  }

  setShards(namespace: string, id: string, shards: readonly number[]): void {
    this.#storage.sql.exec('UPDATE entries SET shards = ? WHERE namespace = ? AND id = ?', shards.join(), namespace, id);
  }

  adopt(keys: RowKeys, removed: RowKeys, shard: number, receipts: readonly KeyedReceipt[]): void {
    this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      this.#receipts.adopt(receipts);
      // A later write overrides this call, which comes late.
      if (sql.exec<{ version: number }>('SELECT version FROM locator').one().version > 0) return;
      for (const part of jsonParts(pairs(removed))) {
        sql.exec(`DELETE FROM entries WHERE (namespace, id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`, part);
      }
      for (const part of jsonParts(pairs(keys))) {
        sql.exec(`INSERT OR IGNORE INTO entries SELECT value ->> 0, value ->> 1, 0, ?2, 0 FROM json_each(?1)`, part, String(shard));
      }
      sql.exec('UPDATE locator SET ids = (SELECT COUNT(*) FROM entries)');
    });
  }

  arrivedAt(ordinal: number): number {
    return this.#storage.sql.exec<{ since: number }>('SELECT since FROM arrivals WHERE shard = ?', ordinal).toArray()[0]?.since ?? 0;
  }

  recordArrival(ordinal: number, since: number): void {
    if (this.arrivedAt(ordinal) < since) this.#storage.sql.exec('INSERT OR REPLACE INTO arrivals VALUES (?, ?)', ordinal, since);
  }

  receipt({ idempotencyKey }: Repetition): Receipt | undefined {
    return this.#receipts.find(idempotencyKey);
  }

  claim(repetition: Repetition, billing: Billing, nowMs: number): Receipt {
    return this.#receipts.claim(repetition, billing, nowMs);
  }

  receiptsBehind(after: number, countMax: number): ReceiptPage {
    return this.#receipts.behind(after, countMax);
  }

  adoptReceipts(receipts: readonly KeyedReceipt[]): void {
    this.#receipts.adopt(receipts);
  }

  sweep(nowMs: number): number | undefined {
    return this.#receipts.sweep(nowMs);
  }

  counts(namespacesMax: number): { ids: number; writes: number; namespaces: string[] } {
    const { sql } = this.#storage;
    const { ids, writes } = sql.exec<{ ids: number; writes: number }>('SELECT ids, writes FROM locator').one();
    // One look-up a namespace, however many ids it has.
    const namespaces = sql.exec<{ name: string }>(
      `WITH RECURSIVE names (name) AS (
         SELECT MIN(namespace) FROM entries
         UNION ALL SELECT (SELECT MIN(namespace) FROM entries WHERE namespace > name) FROM names WHERE name IS NOT NULL)
       SELECT name FROM names WHERE name IS NOT NULL LIMIT ?`,
      namespacesMax,
    );
    return { ids, writes, namespaces: namespaces.toArray().map(({ name }) => name) };
  }

  #nextVersion(): number {
    return this.#storage.sql.exec<{ version: number }>('UPDATE locator SET version = version + 1 RETURNING version').one().version;
  }

  /** Gives ids a version, under which they may be in their present shards and in the new ones. */
  #take(
    { ids, namespaces }: RowKeys,
    version: number,
    before: readonly (Place | undefined)[],
    places: readonly (readonly number[])[],
  ): void {
    const shards = before.map((place, i) => [...new Set([...(places[i] ?? []), ...(place?.shards ?? [])])].join());
    for (const part of jsonParts(ids.map((id, i) => [namespaces[i], id, shards[i]]))) {
      this.#storage.sql.exec(
        `INSERT INTO entries SELECT value ->> 0, value ->> 1, ?2, value ->> 2, 1 FROM json_each(?1) WHERE true
         ON CONFLICT DO UPDATE SET version = excluded.version, shards = excluded.shards, pending = 1`,
        part,
        version,
      );
    }
    const added = before.filter((place) => place === undefined).length;
    if (added > 0) this.#storage.sql.exec('UPDATE locator SET ids = ids + ?', added);
  }

  #record(operation: Operation): void {
    const bytes = encodeOperation(operation);
    const key = operation.kind === 'write' ? (operation.idempotency?.idempotencyKey ?? null) : null;
    const parts: [number, number, Uint8Array, string | null][] = [];
    for (let from = 0; from < bytes.length; from += INDEX_LIMITS.rowBytesMax) {
      parts.push([operation.version, parts.length, bytes.slice(from, from + INDEX_LIMITS.rowBytesMax), key]);
    }
    insertInto(this.#storage, 'INSERT INTO operations', parts);
  }

  /** Records that this locator's part of a request is written. */
  #note({ idempotency }: PendingWrite, lsn: number, nowMs: number): void {
    if (idempotency !== null) this.#receipts.add(idempotency, { ...this.#part, lsn }, null, nowMs);
  }

  #finish(version: number, lsn: number, body: () => void): void {
    this.#storage.transactionSync(() => {
      body();
      this.#storage.sql.exec('DELETE FROM operations WHERE version = ?', version);
      this.#storage.sql.exec('UPDATE locator SET writes = writes + 1');
      this.see(lsn);
    });
  }
}

const pairs = ({ ids, namespaces }: RowKeys): (string | undefined)[][] => ids.map((id, i) => [namespaces[i], id]);

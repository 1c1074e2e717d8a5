import type { QueueRecord, CohortRecord } from '../../../contract/queues/queue-record.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond, boundOf } from '../../../contract/limits/limit-refusal.ts';
import type { LimitName } from '../../../contract/limits/all-limits.ts';
import type { ReservationRecord } from '../../../contract/queues/reservation-record.ts';
import { admitKey, keyMismatch, SPENT_KEY_BOUNDS } from '../../../contract/api/spent-key.ts';
import { ok } from '../../../kernel/result.ts';
import type { KeyedRequest } from '../../../kernel/sql/spent-keys.ts';
import { SPENT_KEY_TABLE, SqliteSpentKeys } from '../../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../../kernel/sql/sql-storage.ts';

/** What people lay down about sharing, by kind. */
interface Kinds {
  readonly queue: QueueRecord;
  readonly cohort: CohortRecord;
  readonly reservation: ReservationRecord;
}

/** In the order in which they came. `scope`: the tenant that they are of; empty for those of operators. */
export const NAMED_SETTINGS_TABLE = `
  CREATE TABLE named_settings (
    position INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL, key TEXT, digest TEXT,
    body TEXT NOT NULL, UNIQUE (kind, scope, name));
  CREATE INDEX named_settings_by_key ON named_settings (kind, scope, key) WHERE key IS NOT NULL;
  ${SPENT_KEY_TABLE}`;

interface Stored {
  readonly key: string | null;
  readonly digest: string | null;
  readonly body: string;
}

/** How many of a kind a scope may have. */
export interface CountLimit {
  readonly limit: LimitName;
  readonly what: string;
}

/** Queues of tenants and cohorts of operators, by their names. Call all that writes in the transaction of the step that follows from it. */
export class SqliteNamedSettings {
  readonly #sql: SqlStorage['sql'];
  readonly #spent: SqliteSpentKeys;

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
    this.#spent = new SqliteSpentKeys(storage, SPENT_KEY_BOUNDS);
  }

  /**
   * What a request under an idempotency key has made before; undefined if it is new. Refuses with `idempotency_mismatch`, or with
   * `idempotency_key_spent` when that was deleted.
   */
  repeated<K extends keyof Kinds>(kind: K, scope: string, request: KeyedRequest | null, nowMs: number): Outcome<Kinds[K] | undefined> {
    if (request === null) return ok(undefined);
    const query = 'SELECT key, digest, body FROM named_settings WHERE kind = ? AND scope = ? AND key = ?';
    const [known] = this.#sql.exec<{ digest: string; body: string }>(query, kind, scope, request.key).toArray();
    if (known !== undefined) {
      if (known.digest === request.digest) return ok(JSON.parse(known.body) as Kinds[K]);
      return keyMismatch();
    }
    const admitted = admitKey(this.#spent.find(`${kind}/${scope}`, request.key, nowMs), request.digest);
    return admitted.ok ? ok(undefined) : admitted;
  }

  /** Refuses with `already_exists` or `limit_exceeded`. */
  add<K extends keyof Kinds>(
    kind: K,
    scope: string,
    body: Kinds[K],
    request: KeyedRequest | null,
    { limit, what }: CountLimit,
  ): Outcome<Kinds[K]> {
    if (this.find(kind, scope, body.name) !== undefined) return refuse('already_exists', `there is a ${kind} ${body.name}`, 'name');
    const query = 'SELECT count(*) AS count FROM named_settings WHERE kind = ? AND scope = ?';
    const { count } = this.#sql.exec<{ count: number }>(query, kind, scope).one();
    if (count >= boundOf(limit)) return refuseBeyond({ limit, value: count + 1, what: `${what} ${count} already` });
    this.#sql.exec(
      'INSERT INTO named_settings (kind, scope, name, key, digest, body) VALUES (?, ?, ?, ?, ?, ?)',
      kind,
      scope,
      body.name,
      request?.key ?? null,
      request?.digest ?? null,
      JSON.stringify(body),
    );
    return ok(body);
  }

  /** Writes one down that is new or has changed. */
  save<K extends keyof Kinds>(kind: K, scope: string, body: Kinds[K]): void {
    this.#sql.exec(
      `INSERT INTO named_settings (kind, scope, name, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (kind, scope, name) DO UPDATE SET body = excluded.body`,
      kind,
      scope,
      body.name,
      JSON.stringify(body),
    );
  }

  /** Forgets one. The request that made it makes it no more. */
  remove(kind: keyof Kinds, scope: string, name: string, nowMs: number): void {
    const query = 'DELETE FROM named_settings WHERE kind = ? AND scope = ? AND name = ? RETURNING key, digest, body';
    const [removed] = this.#sql.exec<Stored & Record<string, string | null>>(query, kind, scope, name).toArray();
    if (removed === undefined || removed.key === null || removed.digest === null) return;
    this.#spent.spend(`${kind}/${scope}`, { key: removed.key, digest: removed.digest }, name, nowMs);
  }

  /** Forgets all of a tenant. */
  erase(scope: string): void {
    this.#sql.exec('DELETE FROM named_settings WHERE scope = ?', scope);
    for (const kind of ['queue', 'cohort', 'reservation']) this.#spent.forget(`${kind}/${scope}`);
  }

  find<K extends keyof Kinds>(kind: K, scope: string, name: string): Kinds[K] | undefined {
    const query = 'SELECT body FROM named_settings WHERE kind = ? AND scope = ? AND name = ?';
    return this.#read(query, kind, scope, name)[0] as Kinds[K] | undefined;
  }

  /** In the order in which they came. */
  all<K extends keyof Kinds>(kind: K, scope: string): readonly Kinds[K][] {
    const query = 'SELECT body FROM named_settings WHERE kind = ? AND scope = ? ORDER BY position';
    return this.#read(query, kind, scope) as readonly Kinds[K][];
  }

  /** Of all scopes, in the order in which they came. */
  everywhere<K extends keyof Kinds>(kind: K): readonly Kinds[K][] {
    return this.#read('SELECT body FROM named_settings WHERE kind = ? ORDER BY position', kind) as readonly Kinds[K][];
  }

  /** The tenants that have queues of their own making. */
  tenants(): readonly string[] {
    return this.#sql
      .exec<{ scope: string }>("SELECT DISTINCT scope FROM named_settings WHERE kind = 'queue' ORDER BY scope")
      .toArray()
      .map(({ scope }) => scope);
  }

  #read(query: string, ...bindings: string[]): readonly unknown[] {
    return this.#sql
      .exec<{ body: string }>(query, ...bindings)
      .toArray()
      .map(({ body }) => JSON.parse(body) as unknown);
  }
}

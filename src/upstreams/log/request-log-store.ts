import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse, refuseBeyond } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import { hasTable, migrate } from '../../kernel/sql/migrate.ts';
import type { SqlStorage, SqlValue } from '../../kernel/sql/sql-storage.ts';
import type { Feedback, LogBodies, LogEntry, LoggedRequest } from './log-entry.ts';
import type { LogFilter } from './log-filter.ts';
import { conditionsOf } from './log-filter.ts';
import type { LogPolicy } from './log-policy.ts';
import { DEFAULT_POLICY, keptOf } from './log-policy.ts';
import type { LogGroup, LogLine } from './log-sums.ts';
import type { LogCosts, LogHour } from './log-sums.ts';
import { LOG_REUSE_COLUMNS, LOG_SAVING_COLUMNS, LOG_SUM_TABLES, SqliteLogSums } from './log-sums.ts';

const MIGRATIONS: Migrations = [
  // `entry` is the whole entry as JSON; the columns before it are what it is found by.
  `CREATE TABLE entries (
     seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at_ms INTEGER NOT NULL, key TEXT NOT NULL, route TEXT NOT NULL, model TEXT NOT NULL,
     target TEXT NOT NULL, status INTEGER NOT NULL, cost INTEGER NOT NULL, cache TEXT NOT NULL, bytes INTEGER NOT NULL, entry TEXT NOT NULL);
   CREATE INDEX entries_by_id ON entries (id);
   CREATE INDEX entries_by_age ON entries (at_ms);
   CREATE TABLE bodies (seq INTEGER PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL);
   CREATE TABLE feedback (
     seq INTEGER NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, at_ms INTEGER NOT NULL, score REAL NOT NULL, feedback TEXT NOT NULL,
     PRIMARY KEY (seq, name, key)) WITHOUT ROWID;
   CREATE TABLE senders (isolate TEXT PRIMARY KEY, sequence INTEGER NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE state (policy TEXT, bytes INTEGER NOT NULL, is_erased INTEGER NOT NULL);
   INSERT INTO state VALUES (NULL, 0, 0);
   ${LOG_SUM_TABLES}`,
  LOG_SAVING_COLUMNS,
  `${LOG_REUSE_COLUMNS}
   ALTER TABLE entries ADD COLUMN reuse TEXT NOT NULL DEFAULT 'none';`,
];

/** Requests that one isolate delivers together. It sends the next one when this is acknowledged. */
export interface LogBatch {
  readonly isolateId: string;
  /** Rises with each batch of the isolate. */
  readonly sequence: number;
  readonly requests: readonly LoggedRequest[];
  /** The fields that were taken out of bodies. */
  readonly redactedFields: readonly string[];
}

/** Whether a batch was taken, and the policy that holds. What was redacted by another one is not taken: it is to be sent again. */
export interface Taken {
  readonly isTaken: boolean;
  readonly policy: LogPolicy;
}

export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Where older ones begin; absent: there are none. A page may be empty and have some nonetheless. */
  readonly before?: number;
}

/** All that is kept of a request. */
export interface RequestRecord {
  readonly entry: LogEntry;
  readonly bodies?: LogBodies;
  readonly feedback: readonly Feedback[];
}

export interface RecordPage {
  readonly records: readonly RequestRecord[];
  readonly before?: number;
}

type EntryRow = { seq: number; bytes: number; entry: string };

/** The requests of one tenant: what its policy keeps of each, and sums of all. Arrival orders them. */
export class SqliteRequestLog {
  readonly #storage: SqlStorage;
  readonly #sql: SqlStorage['sql'];
  readonly #sums: SqliteLogSums;
  readonly #bytesMax: number;
  #isOpen = false;

  constructor(storage: SqlStorage, bytesMax: number = LIMITS.requestLogBytesMax) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#bytesMax = bytesMax;
    this.#sums = new SqliteLogSums(storage);
    if (hasTable(storage, 'entries')) this.#open();
  }

  /** Takes a batch, once however often it arrives. [U130] */
  append({ isolateId, sequence, requests, redactedFields }: LogBatch, nowMs: number): Outcome<Taken> {
    this.#open();
    return this.#storage.transactionSync(() => {
      if (this.#state().is_erased === 1) return refuse('tenant_suspended', 'the tenant is erased');
      const policy = this.policy();
      const isRedacted = policy.redactFields.every((field) => redactedFields.includes(field));
      if (!isRedacted && requests.some(({ bodies }) => bodies !== undefined)) return ok({ isTaken: false, policy });
      if (!this.#isNew(isolateId, sequence, nowMs)) return ok({ isTaken: true, policy });
      this.#sums.add(
        requests.map(({ entry }) => entry),
        policy,
      );
      for (const request of requests) this.#keep(request, policy);
      this.#trim(nowMs);
      return ok({ isTaken: true, policy });
    });
  }

  policy(): LogPolicy {
    const stored = this.#isOpen ? this.#state().policy : null;
    // What a newer version adds has its default in policies that were stored before.
    return stored === null ? DEFAULT_POLICY : { ...DEFAULT_POLICY, ...(JSON.parse(stored) as Partial<LogPolicy>) };
  }

  /** Applies to the requests that follow; a shorter retention also deletes, at once, earlier ones that are older. */
  setPolicy(policy: LogPolicy, nowMs: number): Outcome<LogPolicy> {
    this.#open();
    return this.#storage.transactionSync(() => {
      if (this.#state().is_erased === 1) return refuse('tenant_suspended', 'the tenant is erased');
      this.#sql.exec('UPDATE state SET policy = ?', JSON.stringify(policy));
      this.#trim(nowMs);
      return ok(policy);
    });
  }

  /** Newest first. Looks at `requestLogScanMaxCount` requests at most, so that a page costs the same whatever it is filtered by. [U133] */
  page(filter: LogFilter, count: number, before?: number): LogPage {
    const { rows, ...rest } = this.#rows(filter, count, before);
    return { entries: rows.map(({ entry }) => JSON.parse(entry) as LogEntry), ...rest };
  }

  /** The same with all that is kept. */
  records(filter: LogFilter, count: number, before?: number): RecordPage {
    const { rows, ...rest } = this.#rows(filter, count, before);
    return { records: rows.map((row) => this.#recordOf(row)), ...rest };
  }

  /** The newest of that id, which callers may give to several. */
  find(id: string): RequestRecord | undefined {
    const row = this.#rowOf(id);
    return row === undefined ? undefined : this.#recordOf(row);
  }

  /** Attaches an opinion, or replaces the one of the same name and key. Undefined: there is no such request. */
  addFeedback(id: string, feedback: Feedback): Outcome<Feedback> | undefined {
    const row = this.#rowOf(id);
    if (row === undefined) return undefined;
    const known = this.#feedbackOf(row.seq);
    const isNew = !known.some(({ name, keyId }) => name === feedback.name && keyId === feedback.keyId);
    if (isNew && known.length >= LIMITS.requestFeedbackMaxCount) {
      return refuseBeyond({
        path: 'name',
        limit: 'requestFeedbackMaxCount',
        value: known.length + 1,
        what: 'a request has so many opinions',
      });
    }
    this.#sql.exec(
      'INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?)',
      row.seq,
      feedback.name,
      feedback.keyId ?? '',
      feedback.atMs,
      feedback.score,
      JSON.stringify(feedback),
    );
    return ok(feedback);
  }

  /** Takes away what the filter finds among the next requests; sums stay. Answers how many, and where to go on. */
  remove(filter: LogFilter, before?: number): { readonly count: number; readonly before?: number } {
    const { rows, ...rest } = this.#rows(filter, LIMITS.requestLogRemovedMaxCount, before);
    this.#storage.transactionSync(() => {
      for (const row of rows) this.#removeRow(row);
    });
    return { count: rows.length, ...rest };
  }

  /** Sums of whole hours. See `SqliteLogSums`. */
  lines(by: LogGroup, fromMs: number, toMs: number, limit: number): LogLine[] {
    return this.#isOpen ? this.#sums.lines(by, fromMs, toMs, limit) : [];
  }

  /** What requests of whole hours cost and saved. See `SqliteLogSums`. */
  costs(fromMs: number, toMs: number): LogCosts[] {
    return this.#isOpen ? this.#sums.costs(fromMs, toMs) : [];
  }

  /** How requests of each hour went. See `SqliteLogSums`. */
  hours(by: LogGroup, name: string, fromMs: number, withinMs: number): LogHour[] {
    return this.#isOpen ? this.#sums.hours(by, name, fromMs, withinMs) : [];
  }

  /** Takes everything away, and takes nothing any more. */
  erase(): void {
    this.#open();
    this.#storage.transactionSync(() => {
      for (const table of ['entries', 'bodies', 'feedback', 'senders']) this.#sql.exec(`DELETE FROM ${table}`);
      this.#sums.erase();
      this.#sql.exec('UPDATE state SET policy = NULL, bytes = 0, is_erased = 1');
    });
  }

  count(): number {
    return this.#isOpen ? this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM entries').one().count : 0;
  }

  heldBytes(): number {
    return this.#isOpen ? this.#state().bytes : 0;
  }

  /** When the oldest request has been kept long enough. */
  nextExpiryMs(): number | undefined {
    if (!this.#isOpen) return undefined;
    const oldest = this.#sql.exec<{ at: number | null }>('SELECT min(at_ms) AS at FROM entries').one().at;
    return oldest === null ? undefined : oldest + this.policy().retentionDays * DAY_MS;
  }

  expire(nowMs: number): void {
    if (this.#isOpen) this.#storage.transactionSync(() => this.#trim(nowMs));
  }

  /** Reading a log that was never written writes nothing. */
  #open(): void {
    if (this.#isOpen) return;
    migrate(this.#storage, MIGRATIONS);
    this.#isOpen = true;
  }

  #state(): { policy: string | null; bytes: number; is_erased: number } {
    return this.#sql.exec<{ policy: string | null; bytes: number; is_erased: number }>('SELECT * FROM state').one();
  }

  /** Whether this batch has not been taken; from then on it has. */
  #isNew(isolateId: string, sequence: number, nowMs: number): boolean {
    const [row] = this.#sql.exec<{ sequence: number }>('SELECT sequence FROM senders WHERE isolate = ?', isolateId).toArray();
    if (row !== undefined && sequence <= row.sequence) return false;
    this.#sql.exec('INSERT OR REPLACE INTO senders VALUES (?, ?, ?)', isolateId, sequence, nowMs);
    this.#sql.exec('DELETE FROM senders WHERE at_ms < ?', nowMs - DAY_MS);
    return true;
  }

  #keep({ entry, bodies }: LoggedRequest, policy: LogPolicy): void {
    const kept = keptOf(policy, entry.id);
    if (!kept.entry) return;
    const keptBodies = kept.bodies ? bodies : undefined;
    const text = JSON.stringify(entry);
    const bytes = text.length + (keptBodies === undefined ? 0 : keptBodies.request.length + keptBodies.answer.length);
    const columns: SqlValue[] = [
      entry.id,
      entry.atMs,
      entry.keyId,
      entry.route ?? '',
      entry.model,
      entry.target ?? '',
      entry.status,
      entry.costNano,
      entry.cache,
      entry.reuse ?? 'none',
      bytes,
      text,
    ];
    const { seq } = this.#sql
      .exec<{ seq: number }>(
        `INSERT INTO entries (id, at_ms, key, route, model, target, status, cost, cache, reuse, bytes, entry)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
        ...columns,
      )
      .one();
    if (keptBodies !== undefined) this.#sql.exec('INSERT INTO bodies VALUES (?, ?, ?)', seq, keptBodies.request, keptBodies.answer);
    this.#sql.exec('UPDATE state SET bytes = bytes + ?', bytes);
  }

  /** Takes away what is too old, then the oldest of what is too much; a bounded number. [U134] */
  #trim(nowMs: number): void {
    const endMs = nowMs - this.policy().retentionDays * DAY_MS;
    this.#sums.forget(endMs);
    let held = this.heldBytes();
    // Most batches find nothing to take away, and read no row.
    const untilMs = held > this.#bytesMax ? Number.MAX_SAFE_INTEGER : endMs;
    const oldest = this.#sql.exec<{ seq: number; at_ms: number; bytes: number }>(
      'SELECT seq, at_ms, bytes FROM entries WHERE at_ms <= ? ORDER BY at_ms LIMIT ?',
      untilMs,
      TRIMMED_MAX,
    );
    for (const row of oldest.toArray()) {
      if (row.at_ms > endMs && held <= this.#bytesMax) return;
      this.#removeRow(row);
      held -= row.bytes;
    }
  }

  #removeRow({ seq, bytes }: Pick<EntryRow, 'seq' | 'bytes'>): void {
    for (const table of ['entries', 'bodies', 'feedback']) this.#sql.exec(`DELETE FROM ${table} WHERE seq = ?`, seq);
    this.#sql.exec('UPDATE state SET bytes = bytes - ?', bytes);
  }

  #rows(
    filter: LogFilter,
    count: number,
    before = Number.MAX_SAFE_INTEGER,
  ): { readonly rows: readonly EntryRow[]; readonly before?: number } {
    if (!this.#isOpen) return { rows: [] };
    const scanned = 'SELECT * FROM entries WHERE seq < ? ORDER BY seq DESC LIMIT ?';
    const scanMax = LIMITS.requestLogScanMaxCount;
    const { where, bindings } = conditionsOf(filter);
    const rows = this.#sql
      .exec<EntryRow>(
        `SELECT seq, bytes, entry FROM (${scanned}) AS entries WHERE ${where} ORDER BY seq DESC LIMIT ?`,
        before,
        scanMax,
        ...bindings,
        count,
      )
      .toArray();
    const last = rows.length === count ? rows.at(-1)?.seq : this.#lastScanned(before, scanMax);
    return last !== undefined && this.#hasBefore(last) ? { rows, before: last } : { rows };
  }

  /** Undefined: fewer were left than a page looks at. */
  #lastScanned(before: number, scanMax: number): number | undefined {
    return this.#sql
      .exec<{ seq: number }>('SELECT seq FROM entries WHERE seq < ? ORDER BY seq DESC LIMIT 1 OFFSET ?', before, scanMax - 1)
      .toArray()[0]?.seq;
  }

  #recordOf({ seq, entry }: EntryRow): RequestRecord {
    const [bodies] = this.#sql.exec<{ request: string; answer: string }>('SELECT request, answer FROM bodies WHERE seq = ?', seq).toArray();
    return { entry: JSON.parse(entry) as LogEntry, ...(bodies === undefined ? {} : { bodies }), feedback: this.#feedbackOf(seq) };
  }

  #rowOf(id: string): EntryRow | undefined {
    if (!this.#isOpen) return undefined;
    return this.#sql.exec<EntryRow>('SELECT seq, bytes, entry FROM entries WHERE id = ? ORDER BY seq DESC LIMIT 1', id).toArray()[0];
  }

  #feedbackOf(seq: number): Feedback[] {
    return this.#sql
      .exec<{ feedback: string }>('SELECT feedback FROM feedback WHERE seq = ? ORDER BY at_ms, name, key', seq)
      .toArray()
      .map(({ feedback }) => JSON.parse(feedback) as Feedback);
  }

  #hasBefore(seq: number): boolean {
    return this.#sql.exec('SELECT 1 FROM entries WHERE seq < ? LIMIT 1', seq).toArray().length > 0;
  }
}

const DAY_MS = 86_400_000;

/** The most rows that one batch deletes: more than it adds, so that a log above its limit shrinks. */
const TRIMMED_MAX = 1_000;

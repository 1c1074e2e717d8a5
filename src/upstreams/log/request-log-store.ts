import { REQUEST_LOG_LIMITS } from '../../contract/requests/request-log-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage, SqlValue } from '../../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import type { Feedback, LogBodies, LogEntry, LoggedRequest } from './log-entry.ts';
import type { LogFilter } from './log-filter.ts';
import { conditionsOf } from './log-filter.ts';
import type { LogPolicy } from './log-policy.ts';
import { DEFAULT_POLICY, keptOf } from './log-policy.ts';
import type { LogCosts, LogGroup, LogHour, LogLine } from './log-sums.ts';
import { LOG_PASSED_TABLE, LOG_REUSE_COLUMNS, LOG_SAVING_COLUMNS, LOG_SUM_TABLES, SqliteLogSums } from './log-sums.ts';
import { DAY_MS } from '../../kernel/time-units.ts';

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
  LOG_PASSED_TABLE,
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

type State = { policy: string | null; bytes: number; is_erased: number };

const EMPTY: State = { policy: null, bytes: 0, is_erased: 0 };

type EntryRow = { seq: number; bytes: number; entry: string };

/** The requests of one tenant: what its policy keeps of each, and sums of all. Arrival orders them. */
export class SqliteRequestLog extends SqliteStore {
  readonly #sums: SqliteLogSums;
  readonly #bytesMax: number;

  constructor(storage: SqlStorage, bytesMax: number = REQUEST_LOG_LIMITS.requestLogBytesMax) {
    super(storage, MIGRATIONS);
    this.#bytesMax = bytesMax;
    this.#sums = new SqliteLogSums(storage);
  }

  /** Takes a batch, once however often it arrives. [U130] */
  append({ isolateId, sequence, requests, redactedFields }: LogBatch, nowMs: number): Outcome<Taken> {
    return this.transaction(() => {
      if (this.#state().is_erased === 1) return ERASED;
      const policy = this.policy();
      const isRedacted = policy.redactFields.every((field) => redactedFields.includes(field));
      if (!isRedacted && requests.some(({ bodies }) => bodies !== undefined)) return ok({ isTaken: false, policy });
      if (!this.#isNew(isolateId, sequence, nowMs)) return ok({ isTaken: true, policy });
      this.#sums.add(
        requests.map(({ entry }) => entry),
        policy,
      );
      this.#keep(requests, policy);
      this.#trim(nowMs);
      return ok({ isTaken: true, policy });
    });
  }

  policy(): LogPolicy {
    const { policy: stored } = this.#state();
    // What a newer version adds has its default in policies that were stored before.
    return stored === null ? DEFAULT_POLICY : { ...DEFAULT_POLICY, ...(JSON.parse(stored) as Partial<LogPolicy>) };
  }

  /** Applies to the requests that follow; a shorter retention also deletes, at once, earlier ones that are older. */
  setPolicy(policy: LogPolicy, nowMs: number): Outcome<LogPolicy> {
    return this.transaction(() => {
      if (this.#state().is_erased === 1) return ERASED;
      this.run('UPDATE state SET policy = ?', JSON.stringify(policy));
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
    if (isNew && known.length >= REQUEST_LOG_LIMITS.requestFeedbackMaxCount) {
      return refuseBeyond({
        path: 'name',
        limit: 'requestFeedbackMaxCount',
        value: known.length + 1,
        what: `the request has ${known.length} opinions already`,
      });
    }
    this.run(
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
    const { rows, ...rest } = this.#rows(filter, REQUEST_LOG_LIMITS.requestLogRemovedMaxCount, before);
    if (rows.length > 0) {
      this.transaction(() => {
        for (const row of rows) this.#removeRow(row);
      });
    }
    return { count: rows.length, ...rest };
  }

  /** Sums of whole hours. See `SqliteLogSums`. */
  lines(by: LogGroup, fromMs: number, toMs: number, limit: number): LogLine[] {
    return this.exists() ? this.#sums.lines(by, fromMs, toMs, limit) : [];
  }

  /** What requests of whole hours cost and saved. See `SqliteLogSums`. */
  costs(fromMs: number, toMs: number): LogCosts[] {
    return this.exists() ? this.#sums.costs(fromMs, toMs) : [];
  }

  /** How requests of each hour went. See `SqliteLogSums`. */
  hours(by: LogGroup, name: string, fromMs: number, withinMs: number): LogHour[] {
    return this.exists() ? this.#sums.hours(by, name, fromMs, withinMs) : [];
  }

  /** Takes everything away, and takes nothing any more. */
  erase(): void {
    this.transaction(() => {
      for (const table of ['entries', 'bodies', 'feedback', 'senders']) this.run(`DELETE FROM ${table}`);
      this.#sums.erase();
      this.run('UPDATE state SET policy = NULL, bytes = 0, is_erased = 1');
    });
  }

  count(): number {
    return this.countOf('entries');
  }

  heldBytes(): number {
    return this.#state().bytes;
  }

  /** When the oldest request has been kept long enough. */
  nextExpiryMs(): number | undefined {
    const [oldest] = this.rows<{ at: number | null }>('SELECT min(at_ms) AS at FROM entries');
    return oldest === undefined || oldest.at === null ? undefined : oldest.at + this.policy().retentionDays * DAY_MS;
  }

  expire(nowMs: number): void {
    if (this.exists()) this.transaction(() => this.#trim(nowMs));
  }

  #state(): State {
    return this.rows<State>('SELECT * FROM state')[0] ?? EMPTY;
  }

  /** Whether this batch has not been taken; from then on it has. */
  #isNew(isolateId: string, sequence: number, nowMs: number): boolean {
    const [row] = this.rows<{ sequence: number }>('SELECT sequence FROM senders WHERE isolate = ?', isolateId);
    if (row !== undefined && sequence <= row.sequence) return false;
    this.run('INSERT OR REPLACE INTO senders VALUES (?, ?, ?)', isolateId, sequence, nowMs);
    this.run('DELETE FROM senders WHERE at_ms < ?', nowMs - DAY_MS);
    return true;
  }

  #keep(requests: readonly LoggedRequest[], policy: LogPolicy): void {
    let seq = this.rows<{ last: number }>('SELECT coalesce(max(seq), 0) AS last FROM entries')[0]?.last ?? 0;
    let bytes = 0;
    for (const { entry, bodies } of requests) {
      const kept = keptOf(policy, entry.id);
      if (!kept.entry) continue;
      seq += 1;
      bytes += this.#write(seq, entry, kept.bodies ? bodies : undefined);
    }
    if (bytes > 0) this.run('UPDATE state SET bytes = bytes + ?', bytes);
  }

  /** Answers how much is held for it. */
  #write(seq: number, entry: LogEntry, bodies: LogBodies | undefined): number {
    const text = JSON.stringify(entry);
    const bytes = text.length + (bodies === undefined ? 0 : bodies.request.length + bodies.answer.length);
    const columns: SqlValue[] = [
      seq,
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
    this.run(
      `INSERT INTO entries (seq, id, at_ms, key, route, model, target, status, cost, cache, reuse, bytes, entry)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...columns,
    );
    if (bodies !== undefined) this.run('INSERT INTO bodies VALUES (?, ?, ?)', seq, bodies.request, bodies.answer);
    return bytes;
  }

  /** Takes away what is too old, then the oldest of what is too much; a bounded number. [U134] */
  #trim(nowMs: number): void {
    const endMs = nowMs - this.policy().retentionDays * DAY_MS;
    this.#sums.forget(endMs);
    let held = this.heldBytes();
    // Most batches find nothing to take away, and read no row.
    const untilMs = held > this.#bytesMax ? Number.MAX_SAFE_INTEGER : endMs;
    const oldest = this.rows<{ seq: number; at_ms: number; bytes: number }>(
      'SELECT seq, at_ms, bytes FROM entries WHERE at_ms <= ? ORDER BY at_ms LIMIT ?',
      untilMs,
      TRIMMED_MAX,
    );
    for (const row of oldest) {
      if (row.at_ms > endMs && held <= this.#bytesMax) return;
      this.#removeRow(row);
      held -= row.bytes;
    }
  }

  #removeRow({ seq, bytes }: Pick<EntryRow, 'seq' | 'bytes'>): void {
    for (const table of ['entries', 'bodies', 'feedback']) this.run(`DELETE FROM ${table} WHERE seq = ?`, seq);
    this.run('UPDATE state SET bytes = bytes - ?', bytes);
  }

  #rows(
    filter: LogFilter,
    count: number,
    before = Number.MAX_SAFE_INTEGER,
  ): { readonly rows: readonly EntryRow[]; readonly before?: number } {
    const scanned = 'SELECT * FROM entries WHERE seq < ? ORDER BY seq DESC LIMIT ?';
    const scanMax = REQUEST_LOG_LIMITS.requestLogScanMaxCount;
    const { where, bindings } = conditionsOf(filter);
    const rows = this.rows<EntryRow>(
      `SELECT seq, bytes, entry FROM (${scanned}) AS entries WHERE ${where} ORDER BY seq DESC LIMIT ?`,
      before,
      scanMax,
      ...bindings,
      count,
    );
    const last = rows.length === count ? rows.at(-1)?.seq : this.#lastScanned(before, scanMax);
    return last !== undefined && this.#hasBefore(last) ? { rows, before: last } : { rows };
  }

  /** Undefined: fewer were left than a page looks at. */
  #lastScanned(before: number, scanMax: number): number | undefined {
    const query = 'SELECT seq FROM entries WHERE seq < ? ORDER BY seq DESC LIMIT 1 OFFSET ?';
    return this.rows<{ seq: number }>(query, before, scanMax - 1)[0]?.seq;
  }

  #recordOf({ seq, entry }: EntryRow): RequestRecord {
    const [bodies] = this.rows<{ request: string; answer: string }>('SELECT request, answer FROM bodies WHERE seq = ?', seq);
    return { entry: JSON.parse(entry) as LogEntry, ...(bodies === undefined ? {} : { bodies }), feedback: this.#feedbackOf(seq) };
  }

  #rowOf(id: string): EntryRow | undefined {
    return this.rows<EntryRow>('SELECT seq, bytes, entry FROM entries WHERE id = ? ORDER BY seq DESC LIMIT 1', id)[0];
  }

  #feedbackOf(seq: number): Feedback[] {
    return this.bodies('SELECT feedback AS body FROM feedback WHERE seq = ? ORDER BY at_ms, name, key', seq);
  }

  #hasBefore(seq: number): boolean {
    return this.rows('SELECT 1 FROM entries WHERE seq < ? LIMIT 1', seq).length > 0;
  }
}

const ERASED = refuse('tenant_suspended', 'the tenant is erased');

/** The most rows that one batch deletes: more than it adds, so that a log above its limit shrinks. */
const TRIMMED_MAX = 1_000;

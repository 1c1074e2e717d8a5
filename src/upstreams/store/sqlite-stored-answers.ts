import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { STORED_ANSWER_LIMITS } from '../../contract/completions/stored-answer-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ERASED_TENANT } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { KeyId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage, SqlValue } from '../../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import { DAY_MS } from '../../kernel/time-units.ts';
import type {
  StoredAnswer,
  StoredFilter,
  StoredHistory,
  StoredKind,
  StoredListing,
  StoredPage,
  StoredPolicy,
  StoredTurn,
} from '../stored/stored-answer.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE answers (
     seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, key TEXT NOT NULL, at_ms INTEGER NOT NULL,
     model TEXT NOT NULL, metadata TEXT NOT NULL, previous TEXT, chars INTEGER NOT NULL);
   CREATE INDEX answers_by_age ON answers (at_ms);
   CREATE TABLE texts (seq INTEGER NOT NULL, part TEXT NOT NULL, n INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (seq, part, n)) WITHOUT ROWID;
   CREATE TABLE state (retention_days INTEGER NOT NULL, chars INTEGER NOT NULL, is_erased INTEGER NOT NULL);
   INSERT INTO state VALUES (${STORED_ANSWER_LIMITS.storedAnswerDaysMax}, 0, 0);`,
];

type Row = {
  seq: number;
  id: string;
  kind: StoredKind;
  key: string;
  at_ms: number;
  model: string;
  metadata: string;
  previous: string | null;
  chars: number;
};

type State = { retention_days: number; chars: number; is_erased: number };
type Part = 'asked' | 'answer';

const EMPTY: State = { retention_days: STORED_ANSWER_LIMITS.storedAnswerDaysMax, chars: 0, is_erased: 0 };

/** A row holds 2 MB at most: three bytes for each of so many characters. */
const PIECE_CHARS = 512 * 1024;

/** The most answers that one call takes away: more than it adds, so that a store above its limit shrinks. */
const TRIMMED_MAX = 100;

/** The answers that one tenant has stored, with what was asked. One that has expired is absent, also before it is taken away. [U245] */
export class SqliteStoredAnswers extends SqliteStore {
  readonly #clock: Clock;
  readonly #charsMax: number;

  constructor(storage: SqlStorage, clock: Clock, charsMax: number = STORED_ANSWER_LIMITS.storedAnswersBytesMax) {
    super(storage, MIGRATIONS);
    this.#clock = clock;
    this.#charsMax = charsMax;
  }

  /** Whether it was kept: the policy may be to keep nothing, and one answer may be too large. An id that is known is written once. [U246] */
  put({ asked, answer, ...facts }: StoredAnswer): Outcome<{ readonly isKept: boolean }> {
    return this.transaction(() => {
      const state = this.#state();
      if (state.is_erased === 1) return ERASED_TENANT;
      const chars = asked.length + answer.length;
      if (state.retention_days === 0 || chars > STORED_ANSWER_LIMITS.storedAnswerCharsMax) return ok({ isKept: false });
      const { id, kind, keyId, atMs, model, metadata, previous } = facts;
      if (this.rows('SELECT 1 FROM answers WHERE id = ?', id).length > 0) return ok({ isKept: true });
      this.run(
        'INSERT INTO answers (id, kind, key, at_ms, model, metadata, previous, chars) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        id,
        kind,
        keyId,
        atMs,
        model,
        JSON.stringify(metadata),
        previous,
        chars,
      );
      const seq = this.rows<{ seq: number }>('SELECT seq FROM answers WHERE id = ?', id)[0]?.seq ?? 0;
      this.#write(seq, 'asked', asked);
      this.#write(seq, 'answer', answer);
      this.run('UPDATE state SET chars = chars + ?', chars);
      this.#trim();
      return ok({ isKept: true });
    });
  }

  find(id: string, filter: StoredFilter): StoredAnswer | undefined {
    const row = this.#row(id, filter);
    return row === undefined ? undefined : this.#answerOf(row);
  }

  /** The conversation that ends with a response. [U247] */
  history(id: string, filter: StoredFilter): StoredHistory {
    const turns: StoredTurn[] = [];
    let chars = 0;
    for (let next: string | null = id; next !== null;) {
      const row = this.#row(next, filter);
      if (row === undefined) return { kind: 'absent', id: next };
      if (turns.length >= STORED_ANSWER_LIMITS.storedTurnsMaxCount) return { kind: 'too_long', limit: 'storedTurnsMaxCount' };
      chars += row.chars;
      if (chars > 2 * COMPLETION_LIMITS.completionBodyBytesMax) return { kind: 'too_long', limit: 'completionBodyBytesMax' };
      turns.push({ id: row.id, asked: this.#text(row.seq, 'asked'), answer: this.#text(row.seq, 'answer') });
      next = row.previous;
    }
    return { kind: 'turns', turns: turns.reverse() };
  }

  page({ order, after, limit, model, metadata, ...filter }: StoredListing): StoredPage | undefined {
    const last = after === undefined ? undefined : this.#row(after, filter);
    if (after !== undefined && last === undefined) return undefined;
    const isRising = order === 'asc';
    const bindings: SqlValue[] = [last?.seq ?? (isRising ? 0 : Number.MAX_SAFE_INTEGER), filter.kind, this.#endMs()];
    let where = `seq ${isRising ? '>' : '<'} ? AND kind = ? AND at_ms > ?`;
    const also = (condition: string, ...values: readonly string[]): void => {
      where += ` AND ${condition}`;
      bindings.push(...values);
    };
    if (filter.keyId !== undefined) also('key = ?', filter.keyId);
    if (model !== undefined) also('model = ?', model);
    for (const [name, value] of Object.entries(metadata)) {
      also('EXISTS (SELECT 1 FROM json_each(metadata) AS pair WHERE pair.key = ? AND pair.value = ?)', name, value);
    }
    const rows = this.rows<Row>(`SELECT * FROM answers WHERE ${where} ORDER BY seq ${order} LIMIT ?`, ...bindings, limit + 1);
    const answers: StoredAnswer[] = [];
    let chars = 0;
    for (const row of rows.slice(0, limit)) {
      chars += row.chars;
      // A message between objects carries 32 MiB: a page of large answers is shorter.
      if (answers.length > 0 && chars > STORED_ANSWER_LIMITS.storedAnswerCharsMax) break;
      answers.push(this.#answerOf(row));
    }
    return { answers, hasMore: rows.length > answers.length };
  }

  /** Replaces the metadata. Undefined: there is no such answer. `answer`: its JSON with them. */
  setMetadata(id: string, filter: StoredFilter, metadata: Readonly<Record<string, string>>, answer: string): StoredAnswer | undefined {
    return this.transaction(() => {
      const row = this.#row(id, filter);
      if (row === undefined) return undefined;
      const more = answer.length - this.#text(row.seq, 'answer').length;
      this.run("DELETE FROM texts WHERE seq = ? AND part = 'answer'", row.seq);
      this.#write(row.seq, 'answer', answer);
      this.run('UPDATE answers SET metadata = ?, chars = chars + ? WHERE seq = ?', JSON.stringify(metadata), more, row.seq);
      this.run('UPDATE state SET chars = chars + ?', more);
      return this.find(id, filter);
    });
  }

  /** Whether there was such an answer. */
  remove(id: string, filter: StoredFilter): boolean {
    const row = this.#row(id, filter);
    if (row !== undefined) this.transaction(() => this.#removeRow(row));
    return row !== undefined;
  }

  policy(): StoredPolicy {
    return { retentionDays: this.#state().retention_days };
  }

  /** Holds for what is stored, too: what is older is absent at once. */
  setPolicy({ retentionDays }: StoredPolicy): Outcome<StoredPolicy> {
    return this.transaction(() => {
      if (this.#state().is_erased === 1) return ERASED_TENANT;
      this.run('UPDATE state SET retention_days = ?', retentionDays);
      this.#trim();
      return ok({ retentionDays });
    });
  }

  count(): number {
    return this.countOf('answers');
  }

  heldChars(): number {
    return this.#state().chars;
  }

  /** Takes everything away, and takes nothing any more. */
  erase(): void {
    this.transaction(() => {
      for (const table of ['answers', 'texts']) this.run(`DELETE FROM ${table}`);
      this.run('UPDATE state SET chars = 0, is_erased = 1');
    });
  }

  /** When the oldest answer has been kept long enough; undefined: there is none. */
  nextExpiryMs(): number | undefined {
    const [oldest] = this.rows<{ at: number | null }>('SELECT min(at_ms) AS at FROM answers');
    return oldest === undefined || oldest.at === null ? undefined : oldest.at + this.policy().retentionDays * DAY_MS;
  }

  expire(): void {
    if (this.exists()) this.transaction(() => this.#trim());
  }

  #state(): State {
    return this.rows<State>('SELECT * FROM state')[0] ?? EMPTY;
  }

  /** What is not newer has expired. */
  #endMs(): number {
    return this.#clock.nowMs() - this.policy().retentionDays * DAY_MS;
  }

  #row(id: string, { kind, keyId }: StoredFilter): Row | undefined {
    const [row] = this.rows<Row>('SELECT * FROM answers WHERE id = ? AND kind = ? AND at_ms > ?', id, kind, this.#endMs());
    return keyId === undefined || row?.key === keyId ? row : undefined;
  }

  #answerOf({ seq, id, kind, key, at_ms: atMs, model, metadata, previous }: Row): StoredAnswer {
    const facts = { id, kind, keyId: key as KeyId, atMs, model, previous, metadata: JSON.parse(metadata) as Record<string, string> };
    return { ...facts, asked: this.#text(seq, 'asked'), answer: this.#text(seq, 'answer') };
  }

  #text(seq: number, part: Part): string {
    return this.rows<{ text: string }>('SELECT text FROM texts WHERE seq = ? AND part = ? ORDER BY n', seq, part)
      .map(({ text }) => text)
      .join('');
  }

  #write(seq: number, part: Part, text: string): void {
    for (let [n, from] = [0, 0]; from < text.length; n += 1) {
      const end = from + PIECE_CHARS;
      // Half of a surrogate pair cannot be stored.
      const to = /[\uD800-\uDBFF]/.test(text.charAt(end - 1)) ? end - 1 : end;
      this.run('INSERT INTO texts VALUES (?, ?, ?, ?)', seq, part, n, text.slice(from, to));
      from = to;
    }
  }

  /** Takes away what has expired, then the oldest of what is too much; a bounded number. [U248] */
  #trim(): void {
    const endMs = this.#endMs();
    let held = this.heldChars();
    const untilMs = held > this.#charsMax ? Number.MAX_SAFE_INTEGER : endMs;
    const oldest = this.rows<Row>('SELECT * FROM answers WHERE at_ms <= ? ORDER BY at_ms, seq LIMIT ?', untilMs, TRIMMED_MAX);
    for (const row of oldest) {
      if (row.at_ms > endMs && held <= this.#charsMax) return;
      this.#removeRow(row);
      held -= row.chars;
    }
  }

  #removeRow({ seq, chars }: Row): void {
    for (const table of ['answers', 'texts']) this.run(`DELETE FROM ${table} WHERE seq = ?`, seq);
    this.run('UPDATE state SET chars = chars - ?', chars);
  }
}

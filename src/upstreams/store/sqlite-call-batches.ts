import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { CALL_BATCH_LIMITS } from '../../contract/jobs/call-batch-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ERASED_TENANT } from '../../contract/tenancy/write-lease.ts';
import { ok } from '../../kernel/result.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import type { ReadLine } from '../batches/batch-lines.ts';
import type { BatchLine, BatchTokens, CallBatch, LineAnswer } from '../batches/call-batch.ts';
import { hasEnded } from '../batches/call-batch.ts';

const MIGRATIONS: Migrations = [
  // `state`: 0, it waits until `next_ms`; 1, its call has begun; 2, it is answered, as `status` and `answer` say.
  `CREATE TABLE batches (
     seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, ended_ms INTEGER, body TEXT NOT NULL);
   CREATE TABLE lines (
     batch INTEGER NOT NULL, number INTEGER NOT NULL, custom_id TEXT NOT NULL, state INTEGER NOT NULL, begun INTEGER NOT NULL,
     tries INTEGER NOT NULL, next_ms INTEGER NOT NULL, body TEXT NOT NULL, status INTEGER, request TEXT, answer TEXT, PRIMARY KEY (batch, number));
   CREATE INDEX lines_by_state ON lines (batch, state, next_ms);
   CREATE TABLE state (is_erased INTEGER NOT NULL);
   INSERT INTO state VALUES (0);`,
];

/** A line as the files of a batch have it. */
export interface AnsweredLine {
  readonly number: number;
  readonly customId: string;
  /** Null: it was not called. */
  readonly status: number | null;
  readonly requestId: string;
  /** JSON: of an answer, or of the error of a line that was not called. */
  readonly answer: string;
}

/** Why a line is answered without a call. */
export interface Unanswered {
  readonly code: string;
  readonly message: string;
}

type LineRow = { number: number; custom_id: string; body: string; tries: number; begun: number };

const INTERRUPTED: Unanswered = {
  code: 'interrupted',
  message: `the call was interrupted ${CALL_BATCH_LIMITS.callBatchBegunMaxCount} times, and may have been made`,
};

/** The batches of one tenant whose lines are calls of upstreams, and their lines until they end. [J272] */
export class SqliteCallBatches extends SqliteStore {
  constructor(storage: SqlStorage) {
    super(storage, MIGRATIONS);
  }

  /** Makes a batch, once for its id: a repetition has the same digest. */
  create(batch: CallBatch, digest: string): Outcome<CallBatch> {
    return this.transaction(() => {
      if (this.rows('SELECT 1 FROM state WHERE is_erased = 1').length > 0) return ERASED_TENANT;
      const [known] = this.rows<{ digest: string; body: string }>('SELECT digest, body FROM batches WHERE id = ?', batch.id);
      if (known !== undefined) {
        if (known.digest === digest) return ok(JSON.parse(known.body) as CallBatch);
        return refuse('idempotency_mismatch', 'was used for another request', 'idempotency-key');
      }
      const open = this.countOf('batches WHERE ended_ms IS NULL');
      if (open >= CALL_BATCH_LIMITS.callBatchesMaxCount) {
        const what = `${open} batches have not ended`;
        return refuseBeyond({ limit: 'callBatchesMaxCount', value: open + 1, what });
      }
      this.run('DELETE FROM batches WHERE ended_ms < ?', batch.createdAtMs - CALL_BATCH_LIMITS.callBatchKeptMs);
      this.run('INSERT INTO batches (id, digest, ended_ms, body) VALUES (?, ?, NULL, ?)', batch.id, digest, JSON.stringify(batch));
      return ok(batch);
    });
  }

  find(id: string): CallBatch | undefined {
    return this.bodies<CallBatch>('SELECT body FROM batches WHERE id = ?', id)[0];
  }

  /** Newest first, older than the batch `after`. */
  page(limit: number, after: string | undefined): { readonly items: readonly CallBatch[]; readonly hasMore: boolean } {
    const before = after === undefined ? Number.MAX_SAFE_INTEGER : this.#seq(after);
    const items = this.bodies<CallBatch>('SELECT body FROM batches WHERE seq < ? ORDER BY seq DESC LIMIT ?', before, limit + 1);
    return { items: items.slice(0, limit), hasMore: items.length > limit };
  }

  /** Those that have not ended, the oldest first. */
  underWay(): readonly CallBatch[] {
    return this.bodies<CallBatch>('SELECT body FROM batches WHERE ended_ms IS NULL ORDER BY seq');
  }

  change(id: string, change: Partial<CallBatch>): CallBatch | undefined {
    return this.transaction(() => {
      const known = this.find(id);
      if (known === undefined) return undefined;
      const next = { ...known, ...change };
      this.run('UPDATE batches SET body = ?, ended_ms = ? WHERE id = ?', JSON.stringify(next), next.endedAtMs, id);
      if (hasEnded(next)) this.run('DELETE FROM lines WHERE batch = ?', this.#seq(id));
      return next;
    });
  }

  /** Begins to add the lines of a batch: those of an attempt that was interrupted go. */
  clearLines(id: string): void {
    this.run('DELETE FROM lines WHERE batch = ?', this.#seq(id));
  }

  addLines(id: string, first: number, lines: readonly ReadLine[]): void {
    this.transaction(() => {
      const seq = this.#seq(id);
      lines.forEach(({ customId, body }, at) => {
        this.run(
          'INSERT INTO lines (batch, number, custom_id, state, begun, tries, next_ms, body) VALUES (?, ?, ?, 0, 0, 0, 0, ?)',
          seq,
          first + at,
          customId,
          body,
        );
      });
    });
  }

  /** The next line that may be called, whose call has begun by that. Undefined: none may now. */
  begin(id: string, nowMs: number): BatchLine | undefined {
    return this.transaction(() => {
      const seq = this.#seq(id);
      const [row] = this.rows<LineRow>(
        'SELECT number, custom_id, body, tries, begun FROM lines WHERE batch = ? AND state = 0 AND next_ms <= ? ORDER BY number LIMIT 1',
        seq,
        nowMs,
      );
      if (row === undefined) return undefined;
      this.run('UPDATE lines SET state = 1, begun = begun + 1 WHERE batch = ? AND number = ?', seq, row.number);
      return { number: row.number, customId: row.custom_id, body: row.body, tries: row.tries };
    });
  }

  /** Calls that had begun when their isolate ended are made once more, and then no more. [J273] */
  recover(id: string): void {
    this.transaction(() => {
      const begun = this.rows<LineRow>('SELECT number, begun FROM lines WHERE batch = ? AND state = 1', this.#seq(id));
      for (const { number, begun: count } of begun) {
        if (count >= CALL_BATCH_LIMITS.callBatchBegunMaxCount) this.#unanswered(id, number, INTERRUPTED);
        else this.run('UPDATE lines SET state = 0 WHERE batch = ? AND number = ?', this.#seq(id), number);
      }
    });
  }

  answer(id: string, number: number, { status, requestId, body, tokens }: LineAnswer): void {
    this.transaction(() => {
      const isFailed = status >= 400;
      this.run(
        "UPDATE lines SET state = 2, status = ?, request = ?, answer = ?, body = '' WHERE batch = ? AND number = ?",
        status,
        requestId,
        body,
        this.#seq(id),
        number,
      );
      this.#count(id, isFailed, tokens);
    });
  }

  /** The line was refused for now: it did not reach an upstream, or that was busy. */
  putOff(id: string, number: number, nextMs: number): void {
    const change = 'UPDATE lines SET state = 0, begun = begun - 1, tries = tries + 1, next_ms = ? WHERE batch = ? AND number = ?';
    this.run(change, nextMs, this.#seq(id), number);
  }

  /** Answers the lines that wait without a call. */
  giveUp(id: string, why: Unanswered): void {
    this.transaction(() => {
      const waiting = this.rows<LineRow>('SELECT number FROM lines WHERE batch = ? AND state < 2', this.#seq(id));
      for (const { number } of waiting) this.#unanswered(id, number, why);
      const batch = this.find(id);
      const unanswered = (batch?.unanswered ?? 0) + waiting.length;
      this.run('UPDATE batches SET body = ? WHERE id = ?', JSON.stringify({ ...batch, unanswered }), id);
    });
  }

  /** When the next line may be called; undefined: all are answered. */
  nextMs(id: string): number | undefined {
    const [row] = this.rows<{ at: number | null }>('SELECT min(next_ms) AS at FROM lines WHERE batch = ? AND state < 2', this.#seq(id));
    return row?.at ?? undefined;
  }

  /** Answers in the order of the input, after a line. */
  answers(id: string, isFailed: boolean, after: number, count: number): readonly AnsweredLine[] {
    const which = isFailed ? '(status IS NULL OR status >= 400)' : 'status < 400';
    return this.rows<{ number: number; custom_id: string; status: number | null; request: string | null; answer: string }>(
      `SELECT number, custom_id, status, request, answer FROM lines WHERE batch = ? AND state = 2 AND number > ? AND ${which} ORDER BY number LIMIT ?`,
      this.#seq(id),
      after,
      count,
    ).map(({ number, custom_id: customId, status, request, answer }) => ({ number, customId, status, requestId: request ?? '', answer }));
  }

  count(): number {
    return this.countOf('batches');
  }

  /** Takes everything away, and takes nothing any more. */
  erase(): void {
    this.transaction(() => {
      for (const table of ['batches', 'lines']) this.run(`DELETE FROM ${table}`);
      this.run('UPDATE state SET is_erased = 1');
    });
  }

  #seq(id: string): number {
    return this.rows<{ seq: number }>('SELECT seq FROM batches WHERE id = ?', id)[0]?.seq ?? 0;
  }

  #unanswered(id: string, number: number, why: Unanswered): void {
    const change = "UPDATE lines SET state = 2, status = NULL, answer = ?, body = '' WHERE batch = ? AND number = ?";
    this.run(change, JSON.stringify(why), this.#seq(id), number);
    this.#count(id, true);
  }

  #count(id: string, isFailed: boolean, tokens?: BatchTokens): void {
    const batch = this.find(id);
    if (batch === undefined) return;
    const counted = isFailed ? { failed: batch.failed + 1 } : { completed: batch.completed + 1 };
    const sum = tokens === undefined ? batch.tokens : added(batch.tokens, tokens);
    this.run('UPDATE batches SET body = ? WHERE id = ?', JSON.stringify({ ...batch, ...counted, tokens: sum }), id);
  }
}

const added = (a: BatchTokens, b: BatchTokens): BatchTokens => ({
  input: a.input + b.input,
  cached: a.cached + b.cached,
  output: a.output + b.output,
  reasoning: a.reasoning + b.reasoning,
});

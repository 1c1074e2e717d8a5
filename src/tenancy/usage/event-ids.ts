import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';

/** A step of the ledger's schema. */
export const EVENT_RUN_TABLES = `
  CREATE TABLE sources (source TEXT PRIMARY KEY, seen_at_ms INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX sources_by_age ON sources (seen_at_ms);
  CREATE TABLE runs (source TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (source, first)) WITHOUT ROWID;`;

/**
 * Which ids have been counted. Those that a source numbers (`<isolate>:17`) are remembered as runs of numbers, a row or two a source;
 * all others one by one.
 */
export class SqliteEventIds {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** Records ids; returns the new ones, each once. Call in the transaction that counts their events. */
  note(events: readonly { readonly id: string; readonly atMs: number }[], nowMs: number): ReadonlySet<string> {
    const numbers = new Map<string, number[]>();
    const others: { id: string; atMs: number }[] = [];
    for (const { id, atMs } of events) {
      const numbered = numberedId(id);
      if (numbered === undefined) others.push({ id, atMs });
      else numbers.set(numbered.source, [...(numbers.get(numbered.source) ?? []), numbered.number]);
    }
    const fresh = new Set<string>();
    for (const [source, all] of numbers) for (const number of this.#noteRun(source, all, nowMs)) fresh.add(`${source}:${number}`);
    for (const id of this.#noteOthers(others)) fresh.add(id);
    return fresh;
  }

  /** Deletes ids of events from before `beforeMs`, and sources that last reported before; a bounded number at a time. True when none is left. */
  forget(beforeMs: number, countMax: number): boolean {
    this.#sql.exec('DELETE FROM seen WHERE id IN (SELECT id FROM seen WHERE at_ms < ? LIMIT ?)', beforeMs, countMax);
    const silent = 'SELECT source FROM sources WHERE seen_at_ms < ? LIMIT ?';
    this.#sql.exec(`DELETE FROM runs WHERE source IN (${silent})`, beforeMs, countMax);
    this.#sql.exec(`DELETE FROM sources WHERE source IN (${silent})`, beforeMs, countMax);
    return ['seen WHERE at_ms', 'sources WHERE seen_at_ms'].every(
      (which) => this.#sql.exec(`SELECT 1 FROM ${which} < ? LIMIT 1`, beforeMs).toArray().length === 0,
    );
  }

  #noteRun(source: string, numbers: readonly number[], nowMs: number): readonly number[] {
    const before = this.#sql
      .exec<{ first: number; last: number }>('SELECT first, last FROM runs WHERE source = ? ORDER BY first', source)
      .toArray();
    const { fresh, runs } = noteNumbers(before, numbers);
    this.#sql.exec('INSERT OR REPLACE INTO sources VALUES (?, ?)', source, nowMs);
    this.#write(source, before, runs);
    return fresh;
  }

  #write(source: string, before: readonly Run[], after: readonly Run[]): void {
    const kept = new Set(after.map(({ first, last }) => `${first}-${last}`));
    const known = new Set(before.map(({ first, last }) => `${first}-${last}`));
    for (const { first, last } of before) {
      if (!kept.has(`${first}-${last}`)) this.#sql.exec('DELETE FROM runs WHERE source = ? AND first = ?', source, first);
    }
    for (const { first, last } of after) {
      if (!known.has(`${first}-${last}`)) this.#sql.exec('INSERT OR REPLACE INTO runs VALUES (?, ?, ?)', source, first, last);
    }
  }

  #noteOthers(events: readonly { readonly id: string; readonly atMs: number }[]): string[] {
    if (events.length === 0) return [];
    return this.#sql
      .exec<{ id: string }>(
        `INSERT INTO seen SELECT value ->> 'id', value ->> 'atMs' FROM json_each(?) WHERE true ON CONFLICT DO NOTHING RETURNING id`,
        JSON.stringify(events),
      )
      .toArray()
      .map(({ id }) => id);
  }
}

/** Numbers from `first` to `last`, both included. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

/**
 * Adds numbers to ascending, disjoint runs of those that have been seen. What one source counts up arrives nearly in order, so a few runs
 * remember all of it.
 */
export function noteNumbers(
  runs: readonly Run[],
  numbers: readonly number[],
): { readonly fresh: readonly number[]; readonly runs: readonly Run[] } {
  const fresh = [...new Set(numbers)].filter((number) => !runs.some(({ first, last }) => first <= number && number <= last));
  if (fresh.length === 0) return { fresh, runs };
  const merged: Run[] = [];
  const all = [...runs, ...fresh.map((number) => ({ first: number, last: number }))].sort((a, b) => a.first - b.first);
  for (const run of all) {
    const before = merged.at(-1);
    if (before !== undefined && run.first <= before.last + 1)
      merged[merged.length - 1] = { ...before, last: Math.max(before.last, run.last) };
    else merged.push(run);
  }
  return { fresh, runs: merged };
}

const NUMBERED = /^(.+):(\d{1,15})$/;

/** The source and the number of an id such as `<isolate>:17`; undefined for an id of any other form. */
export function numberedId(id: string): { readonly source: string; readonly number: number } | undefined {
  const match = NUMBERED.exec(id);
  return match === null ? undefined : { source: match[1] ?? '', number: Number(match[2]) };
}

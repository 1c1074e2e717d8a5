import type { UsageEvent } from '../../../contract/api/meter.ts';
import type { OrganisationId } from '../../../kernel/ids.ts';
import { jsonParts } from '../../../kernel/sql/bulk-statements.ts';
import { RememberedValue } from '../../../kernel/sql/remembering-storage.ts';
import type { SqlStorage } from '../../../kernel/sql/sql-storage.ts';

/** Usage that is charged but not yet acknowledged by the ledger. */
export class SqliteUsageOutbox {
  readonly #sql: SqlStorage['sql'];
  readonly #nextDue = new RememberedValue(
    () => this.#sql.exec<{ due: number | null }>('SELECT min(due_ms) AS due FROM outbox').one().due ?? undefined,
  );

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** Puts usage in, in the caller's transaction; once per id. */
  charge(events: readonly UsageEvent[]): void {
    for (const part of jsonParts(events.map((usage) => [usage.id, usage.organisationId, usage.atMs, JSON.stringify(usage)]))) {
      this.#nextDue.forget();
      this.#sql.exec('INSERT INTO outbox SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)', part);
    }
  }

  /** When something is next to be delivered, if anything waits. */
  nextDueMs(): number | undefined {
    return this.#nextDue.get();
  }

  /** What was read may not be what is stored: a transaction failed. */
  forget(): void {
    this.#nextDue.forget();
  }

  /** At most `count` events that are due, longest first, by the organisation whose ledger they belong to. */
  due(nowMs: number, count: number): ReadonlyMap<OrganisationId, readonly UsageEvent[]> {
    const byOrganisation = new Map<OrganisationId, UsageEvent[]>();
    const rows = this.#sql.exec<{ body: string }>('SELECT body FROM outbox WHERE due_ms <= ? ORDER BY due_ms LIMIT ?', nowMs, count);
    for (const { body } of rows) {
      const usage = JSON.parse(body) as UsageEvent;
      byOrganisation.set(usage.organisationId, [...(byOrganisation.get(usage.organisationId) ?? []), usage]);
    }
    return byOrganisation;
  }

  remove(events: readonly UsageEvent[]): void {
    this.#nextDue.forget();
    this.#sql.exec('DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))', idsOf(events));
  }

  /** Postpones events, so that one ledger that cannot be reached does not delay the others. */
  postpone(events: readonly UsageEvent[], dueMs: number): void {
    this.#nextDue.forget();
    this.#sql.exec('UPDATE outbox SET due_ms = ? WHERE id IN (SELECT value FROM json_each(?))', dueMs, idsOf(events));
  }
}

const idsOf = (events: readonly UsageEvent[]): string => JSON.stringify(events.map(({ id }) => id));

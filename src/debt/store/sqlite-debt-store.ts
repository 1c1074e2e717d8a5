import type { DebtFact, DebtSignal, FactKind } from '../../contract/debt/debt-facts.ts';
import type { DebtItem } from '../../contract/debt/debt-items.ts';
import type { DebtPolicy } from '../../contract/debt/debt-policy.ts';
import { debtPolicy } from '../../contract/debt/debt-policy.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { AssessedDebt } from '../rules/assess.ts';
import { signalOf } from '../fact.ts';
import type { DebtEvent } from './register.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE repositories (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, body TEXT NOT NULL, assessed TEXT) WITHOUT ROWID;
   CREATE INDEX repositories_of ON repositories (tenant);
   CREATE TABLE facts (
     repository TEXT NOT NULL, signal TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, symbol TEXT NOT NULL, body TEXT NOT NULL,
     PRIMARY KEY (repository, signal, kind, subject, symbol)) WITHOUT ROWID;
   CREATE TABLE items (
     repository TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, rule TEXT NOT NULL, component TEXT NOT NULL, owner TEXT NOT NULL,
     priority REAL NOT NULL, body TEXT NOT NULL, PRIMARY KEY (repository, id)) WITHOUT ROWID;
   CREATE INDEX items_by_priority ON items (state, priority DESC);
   CREATE TABLE events (
     position INTEGER PRIMARY KEY AUTOINCREMENT, repository TEXT NOT NULL, item TEXT NOT NULL, event TEXT NOT NULL);
   CREATE INDEX events_of ON events (repository, item);
   CREATE TABLE uploads (digest TEXT PRIMARY KEY, at_s INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE history (
     repository TEXT NOT NULL, day INTEGER NOT NULL, open INTEGER NOT NULL, principal REAL NOT NULL, interest REAL NOT NULL, ratio REAL NOT NULL,
     PRIMARY KEY (repository, day)) WITHOUT ROWID;
   CREATE TABLE erased (tenant TEXT PRIMARY KEY) WITHOUT ROWID;`,
  'ALTER TABLE repositories ADD COLUMN due_s INTEGER NOT NULL DEFAULT 0;',
];

/** A source of facts: a repository whose CI signs them, or the gateway itself. Plain data. */
export interface DebtRepository {
  readonly id: string;
  readonly tenantId: TenantId;
  /** As fact files name it; `GATEWAY` for what the gateway measures. */
  readonly repository: string;
  /** Ed25519, 32 bytes as base64; null: nothing is uploaded. */
  readonly publicKey: string | null;
  readonly policy: DebtPolicy;
  readonly createdAtS: number;
  readonly uploadedAtS: number | null;
}

/** What the register shows of a day. */
export interface DebtDay {
  readonly day: number;
  readonly open: number;
  readonly principal: number;
  readonly interest: number;
  readonly ratio: number;
}

export interface StoredItem {
  readonly repository: string;
  readonly item: DebtItem;
}

export interface FactFilter {
  readonly tenant: TenantId;
  readonly repository?: string | undefined;
  readonly kind?: FactKind | undefined;
}

export interface ItemFilter {
  readonly tenant?: TenantId | undefined;
  readonly repository?: string | undefined;
  readonly state?: DebtItem['state'] | undefined;
  readonly rule?: string | undefined;
  readonly component?: string | undefined;
  readonly owner?: string | undefined;
}

const OF_TENANT = 'repository IN (SELECT id FROM repositories WHERE tenant = ?)';

/** The debt register of an organisation as tables. */
export class SqliteDebtStore extends SqliteStore {
  constructor(storage: SqlStorage) {
    super(storage, MIGRATIONS);
  }

  putRepository(repository: DebtRepository): void {
    this.run(
      'INSERT INTO repositories (id, tenant, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body',
      repository.id,
      repository.tenantId,
      JSON.stringify(repository),
    );
  }

  repositories(tenant?: TenantId): DebtRepository[] {
    return this.bodies<KeptRepository>('SELECT body FROM repositories WHERE ?1 IS NULL OR tenant = ?1 ORDER BY id', tenant ?? null).map(
      repositoryOf,
    );
  }

  repositoryCount(tenant: TenantId): number {
    return this.countOf('repositories WHERE tenant = ?', tenant);
  }

  /** Of all tenants, without what the gateway measures of each. */
  registeredCount(): number {
    return this.countOf("repositories WHERE body ->> 'publicKey' IS NOT NULL");
  }

  repository(id: string): DebtRepository | undefined {
    return this.bodies<KeptRepository>('SELECT body FROM repositories WHERE id = ?', id).map(repositoryOf)[0];
  }

  /** The repository whose rules have waited longest, and when they are to run. */
  nextDue(): { readonly id: string; readonly dueS: number } | undefined {
    return this.rows<{ id: string; dueS: number }>('SELECT id, due_s AS dueS FROM repositories ORDER BY due_s, id LIMIT 1')[0];
  }

  setDue(id: string, dueS: number): void {
    this.run('UPDATE repositories SET due_s = ? WHERE id = ?', dueS, id);
  }

  /** What its rules last found; undefined: they have not run. */
  assessed(id: string): AssessedDebt | undefined {
    return this.bodies<AssessedDebt>('SELECT assessed AS body FROM repositories WHERE id = ? AND assessed IS NOT NULL', id)[0];
  }

  keepAssessed(id: string, assessed: AssessedDebt): void {
    this.run('UPDATE repositories SET assessed = ? WHERE id = ?', JSON.stringify(assessed), id);
  }

  removeRepository(id: string): void {
    for (const table of ['facts', 'items', 'events', 'history']) this.run(`DELETE FROM ${table} WHERE repository = ?`, id);
    this.run('DELETE FROM repositories WHERE id = ?', id);
  }

  /** Facts of a signal that is measured anew replace all of that signal: what was paid has no fact any more. */
  putFacts(repository: string, facts: readonly DebtFact[], measured: ReadonlySet<DebtSignal>): void {
    for (const signal of measured) this.run('DELETE FROM facts WHERE repository = ? AND signal = ?', repository, signal);
    for (const fact of facts) {
      this.run(
        'INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?)',
        repository,
        signalOf(fact) ?? '',
        fact.kind,
        fact.subject,
        fact.symbol ?? '',
        JSON.stringify(fact),
      );
    }
  }

  facts(repository: string): DebtFact[] {
    return this.bodies('SELECT body FROM facts WHERE repository = ?', repository);
  }

  /** Of one repository, or of all of a tenant. */
  factPage({ tenant, repository, kind }: FactFilter, after: number, count: number): DebtFact[] {
    return this.bodies(
      `SELECT body FROM facts
       WHERE repository IN (SELECT id FROM repositories WHERE tenant = ?1) AND (?2 IS NULL OR repository = ?2) AND (?3 IS NULL OR kind = ?3)
       ORDER BY repository, signal, kind, subject, symbol LIMIT ?5 OFFSET ?4`,
      tenant,
      repository ?? null,
      kind ?? null,
      after,
      count,
    );
  }

  /** How many facts a repository has, and how many bytes they take. */
  factTotals(repository: string): { readonly count: number; readonly bytes: number } {
    const [totals] = this.rows<{ count: number; bytes: number }>(
      'SELECT count(*) AS count, coalesce(sum(length(CAST(body AS BLOB))), 0) AS bytes FROM facts WHERE repository = ?',
      repository,
    );
    return totals ?? { count: 0, bytes: 0 };
  }

  items(repository: string): DebtItem[] {
    return this.bodies<KeptItem>('SELECT body FROM items WHERE repository = ?', repository).map(itemOf);
  }

  /** Keeps the items that were closed last, and the events of items that are kept: else every name that ever had debt would stay. */
  forgetClosed(repository: string, keptCount: number): void {
    const forgotten = this.rows<{ id: string }>(
      `DELETE FROM items WHERE repository = ?1 AND state = 'closed' AND id IN (
         SELECT id FROM items WHERE repository = ?1 AND state = 'closed' ORDER BY body ->> 'closed_at' DESC, id LIMIT -1 OFFSET ?2)
       RETURNING id`,
      repository,
      keptCount,
    );
    for (const { id } of forgotten) this.run('DELETE FROM events WHERE repository = ? AND item = ?', repository, id);
  }

  item(repository: string, id: string): DebtItem | undefined {
    return this.bodies<KeptItem>('SELECT body FROM items WHERE repository = ? AND id = ?', repository, id).map(itemOf)[0];
  }

  putItem(repository: string, item: DebtItem): void {
    this.run(
      'INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      repository,
      item.id,
      item.state,
      item.rule,
      item.component,
      item.owner ?? '',
      item.priority.p50,
      JSON.stringify(item),
    );
  }

  /** The most urgent first. */
  itemPage(filter: ItemFilter, after: number, count: number): StoredItem[] {
    const { tenant, repository, state, rule, component, owner } = filter;
    const rows = this.rows<{ repository: string; body: string }>(
      `SELECT repository, body FROM items
       WHERE (?1 IS NULL OR repository IN (SELECT id FROM repositories WHERE tenant = ?1)) AND (?2 IS NULL OR repository = ?2)
         AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR rule = ?4) AND (?5 IS NULL OR component = ?5) AND (?6 IS NULL OR owner = ?6)
       ORDER BY priority DESC, repository, id LIMIT ?8 OFFSET ?7`,
      tenant ?? null,
      repository ?? null,
      state ?? null,
      rule ?? null,
      component ?? null,
      owner ?? null,
      after,
      count,
    );
    return rows.map(({ repository: of, body }) => ({ repository: of, item: itemOf(JSON.parse(body) as KeptItem) }));
  }

  addEvents(repository: string, events: readonly DebtEvent[]): void {
    for (const event of events)
      this.run('INSERT INTO events (repository, item, event) VALUES (?, ?, ?)', repository, event.id, JSON.stringify(event));
  }

  /** Of one item, oldest first, at most the last `count`. */
  events(repository: string, item: string, count: number): DebtEvent[] {
    return this.bodies<DebtEvent>(
      'SELECT event AS body FROM events WHERE repository = ? AND item = ? ORDER BY position DESC LIMIT ?',
      repository,
      item,
      count,
    ).reverse();
  }

  /** Whether an upload is new; from then on it is not. Those that are too old to be taken anyway are forgotten. */
  isNewUpload(digest: string, nowS: number, forgetBeforeS: number): boolean {
    this.run('DELETE FROM uploads WHERE at_s < ?', forgetBeforeS);
    return this.rows('INSERT INTO uploads VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1', digest, nowS).length > 0;
  }

  putDay(repository: string, { day, open, principal, interest, ratio }: DebtDay, forgetBeforeDay: number): void {
    this.run('INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?)', repository, day, open, principal, interest, ratio);
    this.run('DELETE FROM history WHERE repository = ? AND day < ?', repository, forgetBeforeDay);
  }

  days(repository: string): DebtDay[] {
    return this.rows('SELECT day, open, principal, interest, ratio FROM history WHERE repository = ? ORDER BY day', repository);
  }

  isErased(tenant: TenantId): boolean {
    return this.countOf('erased WHERE tenant = ?', tenant) > 0;
  }

  eraseTenant(tenant: TenantId): void {
    for (const table of ['facts', 'items', 'events', 'history']) this.run(`DELETE FROM ${table} WHERE ${OF_TENANT}`, tenant);
    this.run('DELETE FROM repositories WHERE tenant = ?', tenant);
    this.run('INSERT OR REPLACE INTO erased VALUES (?)', tenant);
  }
}

/** A policy that was kept before it could state something states the default: with none in its place, rules would compare with nothing. [D100] */
type KeptRepository = Omit<DebtRepository, 'policy'> & { readonly policy: Partial<DebtPolicy> };
const DEFAULT_POLICY = debtPolicy.parse({});
const repositoryOf = (kept: KeptRepository): DebtRepository => ({ ...kept, policy: { ...DEFAULT_POLICY, ...kept.policy } });

/** Items that were kept before findings had a confidence were all believed. */
type KeptItem = Omit<DebtItem, 'confidence'> & { readonly confidence?: number };
const itemOf = (kept: KeptItem): DebtItem => ({ confidence: 1, ...kept });

import { LIMITS } from '../contract/limits.ts';
import type { AttemptId, PoolId } from '../kernel/ids.ts';
import type { Migrations } from '../kernel/sql/migrate.ts';
import { hasTable, migrate } from '../kernel/sql/migrate.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import type { AgentId, AgentLease } from './agent-lease.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE pool (id TEXT PRIMARY KEY, token_mac TEXT NOT NULL);
   CREATE TABLE agents (id TEXT PRIMARY KEY, name TEXT NOT NULL, seen_at_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX agents_by_seen ON agents (seen_at_ms);
   CREATE TABLE leases (
     attempt_id TEXT PRIMARY KEY, agent_id TEXT NOT NULL, lease_until_ms INTEGER NOT NULL, lost INTEGER NOT NULL,
     synced_at_ms INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE INDEX leases_by_agent ON leases (agent_id);
   CREATE INDEX leases_by_end ON leases (lost, lease_until_ms);
   CREATE INDEX leases_by_sync ON leases (synced_at_ms);`,
];

export interface PoolIdentity {
  readonly id: PoolId;
  /** HMAC-SHA-256 of the agent token, in hex. */
  readonly tokenMac: string;
}

/** The rows of one pool. Reading a pool that was never created writes nothing. */
export class SqlitePoolStore {
  readonly #storage: SqlStorage;
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  create({ id, tokenMac }: PoolIdentity): void {
    migrate(this.#storage, MIGRATIONS);
    this.#sql.exec('INSERT INTO pool VALUES (?, ?) ON CONFLICT (id) DO NOTHING', id, tokenMac);
  }

  identity(): PoolIdentity | undefined {
    if (!hasTable(this.#storage, 'pool')) return undefined;
    const row = this.#sql.exec<{ id: string; token_mac: string }>('SELECT id, token_mac FROM pool').toArray()[0];
    return row === undefined ? undefined : { id: row.id as PoolId, tokenMac: row.token_mac };
  }

  addAgent(id: AgentId, name: string, nowMs: number): void {
    this.#sql.exec('INSERT INTO agents VALUES (?, ?, ?)', id, name, nowMs);
  }

  /** Notes a sign of life; false for an agent that the pool does not know. */
  sawAgent(id: AgentId, nowMs: number): boolean {
    return this.#sql.exec('UPDATE agents SET seen_at_ms = ? WHERE id = ? RETURNING 1 AS one', nowMs, id).toArray().length > 0;
  }

  agentCount(): number {
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM agents').one().count;
  }

  forgetAgents(nowMs: number): void {
    this.#sql.exec('DELETE FROM agents WHERE seen_at_ms <= ?', nowMs - LIMITS.agentForgottenMs);
  }

  find(attemptId: AttemptId): AgentLease | undefined {
    return this.#leases('SELECT body FROM leases WHERE attempt_id = ?', attemptId)[0];
  }

  heldBy(agentId: AgentId): AgentLease | undefined {
    return this.#leases('SELECT body FROM leases WHERE agent_id = ? AND lost = 0 LIMIT 1', agentId)[0];
  }

  /** Leases that the sweep should look at: at most `count`, longest ended first. */
  ended(nowMs: number, count: number): readonly AgentLease[] {
    return this.#leases('SELECT body FROM leases WHERE lost = 0 AND lease_until_ms <= ? ORDER BY lease_until_ms LIMIT ?', nowMs, count);
  }

  /** At most `count` leases that were last reported to the scheduler before `beforeMs`, longest ago first. */
  unsynced(beforeMs: number, count: number): readonly AgentLease[] {
    return this.#leases('SELECT body FROM leases WHERE synced_at_ms < ? ORDER BY synced_at_ms LIMIT ?', beforeMs, count);
  }

  leaseCount(): number {
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM leases WHERE lost = 0').one().count;
  }

  /** The loss of a lease must be reported to the scheduler at the next opportunity. */
  save(lease: AgentLease): void {
    this.#sql.exec(
      `INSERT INTO leases VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT (attempt_id) DO UPDATE SET
         lease_until_ms = excluded.lease_until_ms, lost = excluded.lost, body = excluded.body,
         synced_at_ms = CASE excluded.lost WHEN 1 THEN 0 ELSE synced_at_ms END`,
      lease.grant.attemptId,
      lease.agentId,
      lease.leaseUntilMs,
      Number(lease.lost),
      JSON.stringify(lease),
    );
  }

  markSynced(attemptIds: readonly AttemptId[], nowMs: number): void {
    this.#sql.exec(
      'UPDATE leases SET synced_at_ms = ? WHERE attempt_id IN (SELECT value FROM json_each(?))',
      nowMs,
      JSON.stringify(attemptIds),
    );
  }

  remove(attemptId: AttemptId): void {
    this.#sql.exec('DELETE FROM leases WHERE attempt_id = ?', attemptId);
  }

  hasLeases(): boolean {
    return this.#sql.exec('SELECT 1 AS one FROM leases LIMIT 1').toArray().length > 0;
  }

  #leases(query: string, ...bindings: (string | number)[]): readonly AgentLease[] {
    return this.#sql
      .exec<{ body: string }>(query, ...bindings)
      .toArray()
      .map(({ body }) => JSON.parse(body) as AgentLease);
  }
}

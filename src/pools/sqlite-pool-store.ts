import { JOB_LIMITS } from '../contract/jobs/job-limits.ts';
import { must } from '../kernel/assert.ts';
import type { AttemptId, PoolId } from '../kernel/ids.ts';
import { hasTable, migrate } from '../kernel/sql/migrate.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import type { Grant } from '../contract/jobs/attempt.ts';
import { attemptIdOf } from '../contract/jobs/attempt.ts';
import type { PoolNode } from '../contract/pools/pool-exchange.ts';
import { ROOT_PARTITION } from '../contract/pools/pool-partition.ts';
import type { AgentId, AgentLease } from './agent-lease.ts';
import { answered, reportDueMs } from './agent-lease.ts';
import { POOL_MIGRATIONS } from './pool-migrations.ts';
import { SqliteAgentWeights } from './sqlite-agent-weights.ts';

/** Up to when the attempts hold that an agent has. */
const HELD_UNTIL = '(SELECT coalesce(max(lease_until_ms), 0) FROM leases WHERE agent_id = agents.id AND lost = 0)';

type AgentRow = { readonly id: string; readonly name: string; readonly body: string | null; readonly weights: string | null };

/** An agent that said nothing of itself when it registered. */
export const PLAIN_NODE: Omit<PoolNode, 'id' | 'name'> = {
  capacity: null,
  attemptsMax: 1,
  domains: {},
  ordinal: 0,
  address: null,
  weights: [],
};

const nodeIn = ({ id, name, body, weights }: AgentRow): PoolNode => ({
  id,
  name,
  ...(body === null ? PLAIN_NODE : (JSON.parse(body) as typeof PLAIN_NODE)),
  ...(weights === null ? {} : { weights: JSON.parse(weights) as PoolNode['weights'] }),
});

/** What the pool has to answer an agent. */
export interface AgentStanding {
  /** The pool has yet to answer it that it is retired. */
  readonly isRetired: boolean;
  /** There are weights that it has yet to forget. */
  readonly hasUnloads: boolean;
}

/** What the pool knows of an agent that asks for work. */
interface AskingAgent extends AgentStanding {
  /** It is a node of the scheduler. */
  readonly isJoined: boolean;
}

export interface PoolIdentity {
  readonly id: PoolId;
  /** HMAC-SHA-256 of the agent token, in hex; none in partitions other than the root. */
  readonly tokenMac: string;
  /** Which of the objects of the pool this is. */
  readonly partition: number;
  /** How many there are, where this is the root. */
  readonly partitionCount: number;
}

/** The rows of one pool. Reading a pool that was never created writes nothing. */
export class SqlitePoolStore {
  /** What its agents hold of models. */
  readonly weights: SqliteAgentWeights;
  readonly #storage: SqlStorage;
  readonly #sql: SqlStorage['sql'];
  /** As stored; undefined: not read yet, or there is none. It is asked for with each message. */
  #identity: PoolIdentity | undefined;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.weights = new SqliteAgentWeights(storage);
    if (hasTable(storage, 'pool')) migrate(storage, POOL_MIGRATIONS);
  }

  /** `partition`: the number of this object among those of the pool; the token is the root's to know. */
  create({ id, tokenMac, partition = ROOT_PARTITION }: Pick<PoolIdentity, 'id' | 'tokenMac'> & { readonly partition?: number }): void {
    migrate(this.#storage, POOL_MIGRATIONS);
    const insert = 'INSERT INTO pool (id, token_mac, partition) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING';
    this.#sql.exec(insert, id, tokenMac, partition);
  }

  identity(): PoolIdentity | undefined {
    if (this.#identity !== undefined || !hasTable(this.#storage, 'pool')) return this.#identity;
    const query = 'SELECT id, token_mac AS tokenMac, partition, partition_count AS partitionCount FROM pool';
    const row = this.#sql.exec<{ id: string; tokenMac: string; partition: number; partitionCount: number }>(query).toArray()[0];
    this.#identity = row === undefined ? undefined : { ...row, id: row.id as PoolId };
    return this.#identity;
  }

  /** What was read is stored no longer: all of the pool was erased, or a transaction failed. */
  forget(): void {
    this.#identity = undefined;
  }

  /** There is a partition of this number, and all before it. */
  countPartition(number: number): void {
    if (number < this.#known.partitionCount) return;
    this.#sql.exec('UPDATE pool SET partition_count = ?', number + 1);
    this.forget();
  }

  get #known(): PoolIdentity {
    return must(this.identity(), 'the pool exists');
  }

  addAgent(id: AgentId, { name, ...node }: Omit<PoolNode, 'id'>, nowMs: number): void {
    this.#sql.exec('INSERT INTO agents (id, name, seen_at_ms, body) VALUES (?, ?, ?, ?)', id, name, nowMs, JSON.stringify(node));
  }

  /** Whether the partition knows an agent of that id which is the same as ever, whatever it holds now: notes that it is there. */
  isBack(id: AgentId, { name, ...node }: Omit<PoolNode, 'id'>, nowMs: number): boolean {
    const touch = `UPDATE agents SET seen_at_ms = max(seen_at_ms, ?) WHERE id = ? AND name = ?
      AND json_remove(body, '$.weights') = json_remove(?, '$.weights') RETURNING id`;
    return this.#sql.exec(touch, nowMs, id, name, JSON.stringify(node)).toArray().length > 0;
  }

  /** Notes that an agent asks for work, and will up to then: what the pool knew of it; undefined of one that it does not know. */
  asks(id: AgentId, nowMs: number, untilMs: number, holdsSeveral: boolean): AskingAgent | undefined {
    const row = this.#sql
      .exec<{ joined: number; retired: number; unloads: number }>(
        `UPDATE agents SET seen_at_ms = ?1, asking_until_ms = ?2, holds_several = ?3, present_until_ms = max(?2, ${HELD_UNTIL})
         WHERE id = ?4 RETURNING joined, retired, unloads <> '{}' AS unloads`,
        nowMs,
        untilMs,
        Number(holdsSeveral),
        id,
      )
      .toArray()[0];
    return row === undefined ? undefined : { isJoined: row.joined === 1, isRetired: row.retired === 1, hasUnloads: row.unloads === 1 };
  }

  /** Notes a sign of life of an agent whose lease was extended. */
  sawAgent(id: AgentId, nowMs: number): void {
    this.#setAsking(id, 'asking_until_ms', nowMs, nowMs);
  }

  /** The agent was made to stop an attempt, which takes it a while: one that holds a single one asks for no more until it says so. */
  leaves(id: AgentId): void {
    this.weights.mayDiffer(id);
    this.#setAsking(id, 'CASE holds_several WHEN 1 THEN asking_until_ms ELSE 0 END');
  }

  /** What the pool has to answer an agent, which has asked for work before. */
  standing(id: AgentId): AgentStanding {
    const query = "SELECT retired, unloads <> '{}' AS unloads FROM agents WHERE id = ?";
    const row = this.#sql.exec<{ retired: number; unloads: number }>(query, id).toArray()[0];
    return { isRetired: row?.retired === 1, hasUnloads: row?.unloads === 1 };
  }

  /** An attempt of the agent has ended: it asks again at once, if it says which attempts it runs; another has to ask first. */
  ends(id: AgentId, nowMs: number): void {
    this.weights.mayDiffer(id);
    this.#setAsking(id, 'CASE holds_several WHEN 1 THEN max(asking_until_ms, ?1) ELSE 0 END', nowMs + JOB_LIMITS.agentReturnMs);
  }

  /** The agent is answered, and asks again by then. */
  asksAgain(id: AgentId, byMs: number): void {
    this.#setAsking(id, 'max(asking_until_ms, ?1)', byMs);
  }

  /** The agent asks for no more until it says so. */
  stopsAsking(id: AgentId): void {
    this.#setAsking(id, '0');
  }

  /** `asking`: up to when the agent asks, in which `?1` is `untilMs`. It is there as long as it asks for work or holds an attempt. */
  #setAsking(id: AgentId, asking: string, untilMs = 0, seenAtMs = 0): void {
    this.#sql.exec(
      `UPDATE agents SET asking_until_ms = ${asking}, present_until_ms = max(${asking}, ${HELD_UNTIL}), seen_at_ms = max(seen_at_ms, ?2)
       WHERE id = ?3`,
      untilMs,
      seenAtMs,
      id,
    );
  }

  /** Up to when the agent is there; 0 for one that is unknown or away. */
  presentUntilMs(id: AgentId): number {
    return this.#sql.exec<{ until: number }>('SELECT present_until_ms AS until FROM agents WHERE id = ?', id).toArray()[0]?.until ?? 0;
  }

  /** Up to when the agent asks for work; 0 for one that is unknown or does not. */
  askingUntilMs(id: AgentId): number {
    return this.#sql.exec<{ until: number }>('SELECT asking_until_ms AS until FROM agents WHERE id = ?', id).toArray()[0]?.until ?? 0;
  }

  isJoined(id: AgentId): boolean {
    return this.#sql.exec('SELECT 1 AS one FROM agents WHERE id = ? AND joined = 1', id).toArray().length > 0;
  }

  /** At most `count` agents that are there and that the scheduler does not know of. */
  arrived(nowMs: number, count: number): readonly PoolNode[] {
    return this.#sql
      .exec<AgentRow>(
        'SELECT id, name, body, weights FROM agents WHERE joined = 0 AND present_until_ms > ? ORDER BY present_until_ms LIMIT ?',
        nowMs,
        count,
      )
      .toArray()
      .map(nodeIn);
  }

  /** At most `count` agents that the scheduler knows of and that are away; `isLost`: they fell silent during an attempt. */
  absent(nowMs: number, count: number): readonly { readonly nodeId: AgentId; readonly isLost: boolean }[] {
    return this.#sql
      .exec<{ id: string; lost: number }>(
        `SELECT id, EXISTS (SELECT 1 FROM leases WHERE agent_id = agents.id AND lost = 1
           AND body ->> '$.progress' IS NOT NULL AND body ->> '$.ending' IS NULL) AS lost
         FROM agents WHERE joined = 1 AND present_until_ms <= ? ORDER BY present_until_ms LIMIT ?`,
        nowMs,
        count,
      )
      .toArray()
      .map(({ id, lost }) => ({ nodeId: id as AgentId, isLost: lost === 1 }));
  }

  /** The scheduler has taken note of agents that came and went. */
  moved(joined: readonly PoolNode[], left: readonly { readonly nodeId: AgentId }[]): void {
    if (joined.length + left.length === 0) return;
    const set = (value: 0 | 1, ids: readonly string[]): number =>
      this.#sql
        .exec(
          'UPDATE agents SET joined = ?1 WHERE joined <> ?1 AND id IN (SELECT value FROM json_each(?2)) RETURNING 1 AS one',
          value,
          JSON.stringify(ids),
        )
        .toArray().length;
    const goneIds = left.map(({ nodeId }) => nodeId);
    this.#sql.exec(
      'UPDATE sync SET joined_count = joined_count + ?',
      set(
        1,
        joined.map(({ id }) => id),
      ) - set(0, goneIds),
    );
  }

  /** The scheduler counts the agent no more: the pool answers it so when it next asks for work. */
  retire(id: AgentId): void {
    const was = this.isJoined(id);
    this.#sql.exec('UPDATE agents SET joined = 0, retired = 1, asking_until_ms = 0, present_until_ms = 0 WHERE id = ?', id);
    if (was) this.#sql.exec('UPDATE sync SET joined_count = joined_count - 1');
  }

  /** Whether the agent was retired, once: one that asks again all the same joins again. */
  takeRetirement(id: AgentId): boolean {
    return this.#sql.exec('UPDATE agents SET retired = 0 WHERE id = ? AND retired = 1 RETURNING 1 AS one', id).toArray().length > 0;
  }

  /** How many nodes are to come; whether that is news. */
  setComing(count: number): boolean {
    return this.#sql.exec('UPDATE sync SET coming = ?1 WHERE coming <> ?1 RETURNING 1 AS one', count).toArray().length > 0;
  }

  /** How many nodes are to come to the pool. */
  comingCount(): number {
    return this.#sql.exec<{ count: number }>('SELECT coming AS count FROM sync').one().count;
  }

  /** How many agents of a provider the scheduler counts. */
  joinedOf(provider: string): number {
    const query = 'SELECT count(*) AS count FROM agents WHERE joined = 1 AND substr(name, 1, ?2) = ?1';
    return this.#sql.exec<{ count: number }>(query, provider, provider.length).one().count;
  }

  /**
   * The scheduler counts these agents and no others, and may have given up what others hold: all of it is to be reported. Whether the pool
   * counted others, and those that it does not know.
   */
  recount(countedIds: readonly string[]): { readonly isChanged: boolean; readonly unknown: readonly AgentId[] } {
    const counted = JSON.stringify(countedIds);
    this.#sql.exec('UPDATE leases SET report_due_ms = 0 WHERE report_due_ms > 0');
    const change = `UPDATE agents SET joined = 1 - joined WHERE joined <> (id IN (SELECT value FROM json_each(?))) RETURNING 1 AS one`;
    const isChanged = this.#sql.exec(change, counted).toArray().length > 0;
    this.#sql.exec('UPDATE sync SET joined_count = (SELECT count(*) FROM agents WHERE joined = 1)');
    const unknown = 'SELECT value AS id FROM json_each(?) WHERE value NOT IN (SELECT id FROM agents)';
    return {
      isChanged,
      unknown: this.#sql
        .exec<{ id: AgentId }>(unknown, counted)
        .toArray()
        .map(({ id }) => id),
    };
  }

  /** The agents that the scheduler knows of. */
  joinedCount(): number {
    return this.#sql.exec<{ count: number }>('SELECT joined_count AS count FROM sync').one().count;
  }

  /** The last effect that was carried out. */
  carriedOut(): number {
    return this.#sql.exec<{ sequence: number }>('SELECT carried_out AS sequence FROM sync').one().sequence;
  }

  didCarryOut(sequence: number): void {
    this.#sql.exec('UPDATE sync SET carried_out = ?', sequence);
  }

  agentCount(): number {
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM agents').one().count;
  }

  forgetAgents(nowMs: number): void {
    this.#sql.exec('DELETE FROM agents WHERE seen_at_ms <= ? AND joined = 0', nowMs - JOB_LIMITS.agentForgottenMs);
  }

  /** Undefined also where the pool has been erased, as while its caller waited. */
  find(attemptId: AttemptId): AgentLease | undefined {
    return this.identity() && this.#leases('SELECT body FROM leases WHERE attempt_id = ?', attemptId)[0];
  }

  /** The leases of the members of an attempt, but for those that are to leave. */
  membersOf({ jobId, fence }: Pick<Grant, 'jobId' | 'fence'>): readonly AgentLease[] {
    const first = attemptIdOf(jobId, fence);
    // The names of the other members begin with that of the first, and `_`, which comes before a backtick.
    return this.#leases(
      "SELECT body FROM leases WHERE attempt_id = ?1 OR (attempt_id > ?1 || '_' AND attempt_id < ?1 || '`')",
      first,
    ).filter(({ lost, command }) => !lost && command !== 'leave');
  }

  /** An attempt that the agent holds, other than those named. */
  heldBy(agentId: AgentId, besides: readonly AttemptId[] = []): AgentLease | undefined {
    const query = `SELECT body FROM leases WHERE agent_id = ? AND lost = 0 AND attempt_id NOT IN (SELECT value FROM json_each(?))
      ORDER BY attempt_id LIMIT 1`;
    return this.#leases(query, agentId, JSON.stringify(besides))[0];
  }

  /** Leases that the sweep should look at: at most `count`, longest ended first. */
  ended(nowMs: number, count: number): readonly AgentLease[] {
    return this.#leases('SELECT body FROM leases WHERE lost = 0 AND lease_until_ms <= ? ORDER BY lease_until_ms LIMIT ?', nowMs, count);
  }

  /** At most `count` leases that the scheduler is to learn of, longest due first. */
  due(nowMs: number, count: number): readonly AgentLease[] {
    return this.#leases('SELECT body FROM leases WHERE report_due_ms <= ? ORDER BY report_due_ms LIMIT ?', nowMs, count);
  }

  leaseCount(): number {
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM leases WHERE lost = 0').one().count;
  }

  /** A lease of an attempt that waits for its agent. */
  add(lease: AgentLease): void {
    const { grant, agentId, leaseUntilMs } = lease;
    this.#sql.exec('INSERT INTO leases VALUES (?, ?, ?, 0, ?, NULL, 1)', grant.attemptId, agentId, leaseUntilMs, JSON.stringify(lease));
  }

  save(lease: AgentLease): void {
    const dueMs = reportDueMs(lease);
    this.#sql.exec(
      'UPDATE leases SET lease_until_ms = ?, lost = ?, body = ?, report_due_ms = ?, waits = ? WHERE attempt_id = ?',
      lease.leaseUntilMs,
      Number(lease.lost),
      JSON.stringify(lease),
      dueMs === Infinity ? null : dueMs,
      Number(lease.waits === true && !lease.lost),
      lease.grant.attemptId,
    );
  }

  /** Whether there are leases whose end the scheduler has not taken note of. */
  hasEnded(): boolean {
    return this.#sql.exec('SELECT 1 AS one FROM leases WHERE lost = 1 LIMIT 1').toArray().length > 0;
  }

  remove(attemptId: AttemptId): void {
    this.#sql.exec('DELETE FROM leases WHERE attempt_id = ?', attemptId);
  }

  /** Whether the scheduler counts on the pool, or has to hear from it. */
  isBusy(): boolean {
    return this.joinedCount() > 0 || this.#sql.exec('SELECT 1 AS one FROM leases LIMIT 1').toArray().length > 0;
  }

  /** How many attempts wait for their agents. */
  waitingCount(): number {
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM leases WHERE waits = 1').one().count;
  }

  /** The attempt that an agent holds and is now answered; `isNew`: for the first time. */
  take(agentId: AgentId, besides: readonly AttemptId[], nowMs: number): { readonly grant: Grant; readonly isNew: boolean } | undefined {
    const lease = this.heldBy(agentId, besides);
    if (lease === undefined) return undefined;
    if (lease.progress === null) this.save(answered(lease, nowMs));
    // It asks again at once if it can hold more.
    this.#setAsking(agentId, 'min(asking_until_ms, ?1)', nowMs + JOB_LIMITS.agentReturnMs, nowMs);
    return { grant: lease.grant, isNew: lease.waits === true };
  }

  #leases(query: string, ...bindings: (string | number)[]): readonly AgentLease[] {
    return this.#sql
      .exec<{ body: string }>(query, ...bindings)
      .toArray()
      .map(({ body }) => JSON.parse(body) as AgentLease);
  }
}

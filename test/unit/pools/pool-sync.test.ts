import { describe, expect, it } from 'vitest';
import type { AttemptReport, Grant, ReportVerdict } from '../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { PoolEffect, PoolMessage, PoolOrders } from '../../../src/contract/pools/pool-exchange.ts';
import type { AttemptId, FileId, JobId, PoolId, TenantId } from '../../../src/kernel/ids.ts';
import type { AgentId, AgentLease } from '../../../src/pools/agent-lease.ts';
import { ended, extended, measured } from '../../../src/pools/agent-lease.ts';
import { PoolSync } from '../../../src/pools/pool-sync.ts';
import { PLAIN_NODE, SqlitePoolStore } from '../../../src/pools/sqlite-pool-store.ts';
import { deferred } from '../../support/fakes/deferred.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const COMPLETED = { kind: 'completed', progress: { completed: 1_000, failed: 0, total: 1_000 }, tokens: 1 } as const;
const AGENT = 'agt_one' as AgentId;
const POOL = { id: 'pool_aaaaaaaaaa' as PoolId, tokenMac: 'mac' };

const done = (completed: number, total: number | null = 1_000) => ({ completed, failed: 0, total });

const grantOf = (n: number, gang: Partial<Grant> = {}): Grant => ({
  attemptId: `att_x${n}_1` as AttemptId,
  jobId: `job_x${n}` as JobId,
  fence: 1,
  tenantId: 'tn_0000000001_00000001' as TenantId,
  work: { kind: 'batch_embedding', model: 'm', inputFile: 'file_i' as FileId },
  owner: 'team',
  outputFile: `file_x${n}_1` as FileId,
  ...gang,
});

/** A pool whose scheduler is the test, by a clock that only the test and the pool's own pauses move. */
class Synced {
  readonly sql = new NodeSql();
  store = new SqlitePoolStore(this.sql);
  readonly messages: PoolMessage[] = [];
  orders: PoolEffect[] = [];
  verdict: ReportVerdict = 'continue';
  /** The agents that the scheduler counts, where it answers so. */
  counted: readonly string[] | undefined;
  /** What the scheduler waits for before it answers. */
  held: Promise<void> | undefined;
  nowMs = 1_000_000;
  /** Up to when it can tell who was silent, where that is not now. */
  judgedMs: number | undefined;
  readonly sync = new PoolSync({
    store: this.store,
    exchange: (message) => this.#answer(message),
    clock: { nowMs: () => this.nowMs },
    pause: async (ms) => void (this.nowMs += ms),
    judgedMs: () => this.judgedMs ?? this.nowMs,
    onAssigned: () => {},
    onGone: async () => {},
    onRetired: () => {},
    onScaled: () => {},
  });
  #sequence = 0;

  constructor() {
    this.store.create(POOL);
    this.store.addAgent(AGENT, { name: 'one', ...PLAIN_NODE }, this.nowMs);
    this.store.asks(AGENT, this.nowMs, this.nowMs + 1e9, true);
  }

  /** The agent gets an attempt, as the scheduler orders. */
  async start(n = 1, gang: Partial<Grant> = {}): Promise<AttemptId> {
    const grant = grantOf(n, gang);
    this.orders = [{ kind: 'start', nodeId: AGENT, grant }];
    await this.sync.run();
    return grant.attemptId;
  }

  beat(id: AttemptId, progress: ReturnType<typeof done>): void {
    this.store.save(extended(this.store.find(id)!, progress, this.nowMs));
  }

  /** What is reported after so long. */
  async reportsAfter(ms: number): Promise<readonly AttemptReport[]> {
    this.nowMs += ms;
    const from = this.messages.length;
    await this.sync.run();
    return this.messages.slice(from).flatMap(({ reports }) => reports);
  }

  async #answer(message: PoolMessage): Promise<PoolOrders> {
    this.messages.push(message);
    await this.held;
    const effects = this.orders.map((effect) => ({ sequence: (this.#sequence += 1), effect }));
    this.orders = [];
    const { counted } = this;
    this.counted = undefined;
    const verdicts = message.reports.map(({ kind }) => (kind === 'progress' ? this.verdict : 'accepted'));
    return { verdicts, effects, coming: 0, ...(counted === undefined ? {} : { counted }) };
  }
}

/** The agent is answered what it holds: as that was until then. */
function answered({ store, nowMs }: Synced): AgentLease | undefined {
  const held = store.heldBy(AGENT);
  if (held !== undefined) store.take(held, nowMs);
  return held;
}

describe('what a pool reports', () => {
  it('[P30] is the first sign of life at once, then progress that has moved by a hundredth', async () => {
    const pool = new Synced();
    const id = await pool.start();
    expect(await pool.reportsAfter(60_000)).toEqual([]);
    pool.beat(id, done(0));
    expect(await pool.reportsAfter(1)).toMatchObject([{ kind: 'progress', progress: done(0) }]);
    pool.beat(id, done(9));
    expect(await pool.reportsAfter(JOB_LIMITS.poolSyncMs)).toEqual([]);
    pool.beat(id, done(10));
    expect(await pool.reportsAfter(1)).toMatchObject([{ progress: done(10) }]);
    // No sooner than the pool speaks anyway.
    pool.beat(id, done(500));
    expect(await pool.reportsAfter(JOB_LIMITS.poolSyncMs - 1_000)).toEqual([]);
    expect(await pool.reportsAfter(1_000)).toMatchObject([{ progress: done(500) }]);
  });

  it.each([
    ['the last item', done(999), done(1_000)],
    ['a total', done(0, null), done(0, 5)],
    ['an item of an unknown total', done(1, null), done(2, null)],
  ])('[P30] is %s as soon as the pool speaks again', async (_what, before, after) => {
    const pool = new Synced();
    const id = await pool.start();
    pool.beat(id, before);
    await pool.reportsAfter(1);
    pool.beat(id, after);
    expect(await pool.reportsAfter(JOB_LIMITS.poolSyncMs)).toMatchObject([{ progress: after }]);
  });

  it('[P30] is every attempt now and then, with what was measured of it since', async () => {
    const pool = new Synced();
    const id = await pool.start();
    pool.beat(id, done(0));
    await pool.reportsAfter(1);
    pool.store.save(measured(pool.store.find(id)!, { workMilli: 5, overMs: 1_000 }));
    pool.store.save(measured(pool.store.find(id)!, { workMilli: 6, overMs: 1_000 }));
    expect(await pool.reportsAfter(JOB_LIMITS.attemptReportMs - 1_000)).toEqual([]);
    expect(await pool.reportsAfter(1_000)).toMatchObject([{ throughput: { workMilli: 11, overMs: 2_000 } }]);
    expect(pool.store.find(id)!.throughput).toBeUndefined();
  });

  it('[P30] is each member of a gang whenever the pool speaks, for the answer', async () => {
    const pool = new Synced();
    const id = await pool.start(1, { attemptId: 'att_x1_1_1' as AttemptId, rank: 1, worldSize: 2 });
    pool.beat(id, done(0));
    await pool.reportsAfter(1);
    pool.verdict = 'stale';
    expect(await pool.reportsAfter(JOB_LIMITS.poolSyncMs)).toHaveLength(1);
    expect(pool.store.find(id)).toBeUndefined();
  });

  it('[P30] [J79] is all it has once the scheduler counts other nodes', async () => {
    const pool = new Synced();
    const ids = [await pool.start(1), await pool.start(2)];
    for (const id of ids) pool.beat(id, done(0));
    await pool.reportsAfter(1);
    pool.counted = [];
    pool.beat(ids[0]!, done(900));
    // Two messages: the one that is answered so, and the one after it.
    const reports = await pool.reportsAfter(JOB_LIMITS.poolSyncMs);
    expect(reports.map(({ jobId }) => jobId)).toEqual(['job_x1', 'job_x1', 'job_x2']);
  });

  it('[P19] goes on from the agents that the scheduler counts, though an answer was lost', async () => {
    const pool = new Synced();
    await pool.sync.run();
    expect(pool.messages.at(-1)).toMatchObject({ joined: [{ id: AGENT }], nodeCount: 1 });
    // What the scheduler answered to the last message was lost, and the agent came back before the next.
    pool.counted = [];
    await pool.sync.run();
    expect(pool.messages.at(-1)).toMatchObject({ joined: [{ id: AGENT }], left: [], nodeCount: 1 });
    // It counts one that the pool has forgotten meanwhile.
    pool.counted = [AGENT, 'agt_forgotten'];
    await pool.sync.run();
    const left = [{ nodeId: 'agt_forgotten', isLost: true }];
    expect(pool.messages.at(-1)).toMatchObject({ joined: [], left, nodeCount: 1 });
    // It is said once, and what is counted as before is no reason to speak again.
    const { length } = pool.messages;
    pool.counted = [AGENT];
    await pool.sync.run();
    expect(pool.messages.slice(length)).toMatchObject([{ joined: [], left: [], nodeCount: 1 }]);
  });

  it('[P18] [P30] is the end of an attempt though it came while the scheduler was asked about it', async () => {
    const pool = new Synced();
    const id = await pool.start();
    pool.beat(id, done(0));
    const { promise, resolve } = deferred<void>();
    pool.held = promise;
    const exchanging = pool.sync.run();
    await expect.poll(() => pool.messages.at(-1)?.reports.length).toBe(1);
    pool.store.save(ended(pool.store.find(id)!, COMPLETED));
    resolve();
    await exchanging;
    expect(pool.messages.slice(-2).map(({ reports }) => reports.map(({ kind }) => kind))).toEqual([['progress'], ['completed']]);
    expect(pool.store.find(id)).toBeUndefined();
  });

  it('[P31] is gathered: what a hundred agents say within poolGatherMs travels in one message', async () => {
    const pool = new Synced();
    const ids: AttemptId[] = [];
    for (let n = 0; n < 90; n++) ids.push(await pool.start(n));
    const from = pool.messages.length;
    const before = pool.nowMs;
    const waiting = ids.map((id) => {
      pool.beat(id, done(0));
      return pool.sync.run();
    });
    await Promise.all(waiting);
    expect(pool.messages.slice(from).map(({ reports }) => reports.length)).toEqual([90]);
    expect(pool.nowMs - before).toBe(JOB_LIMITS.poolGatherMs);
    // One that comes after a while does not wait.
    pool.nowMs += 1_000;
    await pool.sync.run();
    expect(pool.nowMs - before).toBe(JOB_LIMITS.poolGatherMs + 1_000);
  });

  it('[P31] waits no longer than poolGatherMs though the clock was set back', async () => {
    const pool = new Synced();
    await pool.sync.run();
    pool.nowMs -= 3_600_000;
    const before = pool.nowMs;
    await pool.sync.run();
    expect(pool.nowMs - before).toBe(JOB_LIMITS.poolGatherMs);
  });

  it('[P30] opens a pool that was stored before: what it holds is reported once', async () => {
    const pool = new Synced();
    const ids = [await pool.start(1), await pool.start(2)];
    pool.beat(ids[0]!, done(0));
    pool.sql.sql.exec(`ALTER TABLE leases ADD COLUMN synced_at_ms INTEGER NOT NULL DEFAULT 999999;
      DROP INDEX leases_by_report; ALTER TABLE leases DROP COLUMN report_due_ms;
      CREATE INDEX leases_by_sync ON leases (synced_at_ms);
      DROP INDEX agents_by_weights; ALTER TABLE agents DROP COLUMN weights; ALTER TABLE agents DROP COLUMN weights_due;
      ALTER TABLE agents DROP COLUMN unloads; ALTER TABLE sync DROP COLUMN alarm_at_ms;
      DROP INDEX leases_that_wait; ALTER TABLE leases DROP COLUMN waits;
      ALTER TABLE pool DROP COLUMN partition; ALTER TABLE pool DROP COLUMN partition_count; UPDATE schema_version SET version = 6;`);
    pool.store = new SqlitePoolStore(pool.sql);
    expect((await pool.reportsAfter(1)).map(({ jobId }) => jobId)).toEqual(['job_x1']);
    expect(await pool.reportsAfter(1)).toEqual([]);
  });
});

describe('an attempt', () => {
  it('[P120] is not lost while the object cannot tell whether its agent was silent', async () => {
    const pool = new Synced();
    const id = await pool.start();
    answered(pool);
    pool.beat(id, done(0));
    await pool.reportsAfter(1);
    pool.judgedMs = pool.nowMs;
    expect(await pool.reportsAfter(60_000)).not.toContainEqual(expect.objectContaining({ kind: 'failed' }));
    pool.judgedMs = undefined;
    expect(await pool.reportsAfter(1)).toMatchObject([{ kind: 'failed', reason: 'lease_expired' }]);
  });

  it('[P120] [P17] goes back at once with an agent that says it asks no more, however late the object is', async () => {
    const pool = new Synced();
    pool.judgedMs = -Infinity;
    await pool.sync.run();
    expect(pool.messages.at(-1)).toMatchObject({ joined: [{ id: AGENT }], left: [] });
    pool.store.stopsAsking(AGENT);
    await pool.sync.run();
    expect(pool.messages.at(-1)!.left).toEqual([{ nodeId: AGENT, isLost: false }]);
  });

  it('[P121] waits for its agent as long as that asks for work, and then has the length of a lease', async () => {
    const pool = new Synced();
    pool.store.asks(AGENT, pool.nowMs, pool.nowMs + 1_000, true);
    const id = await pool.start();
    pool.store.asks(AGENT, pool.nowMs, pool.nowMs + 100_000, true);
    expect(await pool.reportsAfter(50_000)).toEqual([]);
    expect(pool.store.waitingCount()).toBe(1);
    expect(answered(pool)).toMatchObject({ grant: { attemptId: id }, waits: true });
    expect(answered(pool)).toMatchObject({ grant: { attemptId: id } });
    expect(pool.store.find(id)).not.toHaveProperty('waits');
    expect(pool.store.waitingCount()).toBe(0);
    expect(await pool.reportsAfter(JOB_LIMITS.agentLeaseMs)).toEqual([]);
    expect(await pool.reportsAfter(JOB_LIMITS.agentHeartbeatMs)).toMatchObject([{ kind: 'failed', reason: 'never_started' }]);
  });

  it('[P121] is given back once the agent that it waits for has asked no more', async () => {
    const pool = new Synced();
    pool.store.asks(AGENT, pool.nowMs, pool.nowMs + 1_000, true);
    await pool.start();
    expect(await pool.reportsAfter(1_000)).toMatchObject([{ kind: 'failed', reason: 'never_started' }]);
  });

  it('[P122] is asked for only where there is room for it to wait', async () => {
    const pool = new Synced();
    await pool.sync.run();
    expect(pool.messages.at(-1)!.startsMax).toBe(JOB_LIMITS.startsWaitingLeastCount);
    const id = await pool.start();
    await pool.sync.run();
    expect(pool.messages.at(-1)!.startsMax).toBe(JOB_LIMITS.startsWaitingLeastCount - 1);
    expect(answered(pool)?.grant.attemptId).toBe(id);
    pool.sync.starts.took(pool.nowMs);
    await pool.sync.run();
    expect(pool.messages.at(-1)!.startsMax).toBe(JOB_LIMITS.startsWaitingLeastCount + 1);
  });

  it('[P121] of before it was known whether it waits has been answered', async () => {
    const pool = new Synced();
    const id = await pool.start();
    const { waits: _, ...earlier } = pool.store.find(id)!;
    pool.sql.sql.exec('UPDATE leases SET waits = 0, body = ?', JSON.stringify(earlier));
    expect(answered(pool)).not.toHaveProperty('waits');
    expect(pool.store.waitingCount()).toBe(0);
  });
});

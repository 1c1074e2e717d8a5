import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { PoolMessage, PoolOrders } from '../../../src/contract/pools/pool-exchange.ts';
import { agentIdIn } from '../../../src/contract/pools/pool-partition.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { PoolId } from '../../../src/kernel/ids.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import { renewed } from '../../../src/pools/agent-lease.ts';
import { PoolSync } from '../../../src/pools/pool-sync.ts';
import { PLAIN_NODE, SqlitePoolStore } from '../../../src/pools/sqlite-pool-store.ts';
import { DurableCell } from '../../../src/scheduler/served/durable-cell.ts';
import { JOB_MIGRATIONS } from '../../../src/scheduler/served/migrations.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { jobRequest } from '../fixtures/job-request.ts';

const POOL = 'pool_aaaaaaaaaa' as PoolId;
const PROGRESS = { completed: 0, failed: 0, total: null };

interface Member {
  readonly store: SqlitePoolStore;
  readonly sync: PoolSync;
  readonly agents: readonly AgentId[];
}

interface PartitionedPoolParts {
  readonly partitions: number;
  readonly agentsEach: number;
  readonly heartbeatMs: number;
  /** CPU that this process has used. */
  readonly cpuMs?: () => number;
}

/**
 * A pool of several partitions and its scheduler, each over a database of its own, by an injected clock: agents that run an attempt each and
 * send heartbeats. What reaches the scheduler is counted, and what it takes.
 */
export class PartitionedPool {
  readonly #parts: PartitionedPoolParts;
  readonly #cell: DurableCell;
  readonly #members: Member[] = [];
  #nowMs = 1_000_000;
  /** So far. */
  exchanges = 0;
  reports = 0;
  heartbeats = 0;
  schedulerCpuMs = 0;

  constructor(parts: PartitionedPoolParts) {
    this.#parts = parts;
    const storage = new NodeSql();
    migrate(storage, JOB_MIGRATIONS);
    this.#cell = new DurableCell(storage, { nowMs: () => this.#nowMs });
    this.#cell.addPool({ id: POOL, name: 'large', owner: 'team', createdAtMs: this.#nowMs });
    for (let number = 0; number < parts.partitions; number++) this.#members.push(this.#newPartition(number));
  }

  /** All agents come, and each gets an attempt, which it confirms. */
  async fill(): Promise<void> {
    const { agentsEach } = this.#parts;
    for (const { store, sync, agents } of this.#members) {
      for (const agent of agents) store.asks(agent, this.#nowMs, this.#nowMs + JOB_LIMITS.longPollMsMax, false);
      await sync.run();
    }
    for (let n = 0; n < this.#members.length * agentsEach; n++) {
      // Each tenant has as many jobs as it may have.
      const tenant = String(Math.floor(n / 1_000)).padStart(8, '0');
      this.#cell.submit(jobRequest(n, { tenantId: `tn_0000000001_${tenant}` as never, tokensMax: 1 }));
      if (n % JOB_LIMITS.schedulerBatchMaxCount === 0) await this.#grant();
    }
    await this.#grant();
    this.#beat(() => true);
    for (const { sync } of this.#members) await sync.run();
    this.exchanges = this.reports = this.heartbeats = this.schedulerCpuMs = 0;
  }

  /** Lets time pass: agents send a heartbeat every `heartbeatMs`, partitions speak every `poolSyncMs`. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    const beats = this.#parts.heartbeatMs / JOB_LIMITS.poolSyncMs;
    for (let turn = 0; this.#nowMs < untilMs; turn++) {
      this.#nowMs += JOB_LIMITS.poolSyncMs;
      this.#beat((n) => Math.floor((turn + n) % beats) === 0);
      for (const { sync } of this.#members) await sync.run();
    }
  }

  /** Agents that the scheduler counts, and attempts that run. */
  get running(): number {
    return this.#members.reduce((sum, { store }) => sum + Math.min(store.joinedCount(), store.leaseCount()), 0);
  }

  async #grant(): Promise<void> {
    for (let due; (due = this.#cell.grants.due(this.#nowMs, JOB_LIMITS.jobFundsBatchMaxCount)).size > 0;) {
      for (const { asked, settled } of due.values()) {
        this.#cell.takeFunds(
          asked.map(({ id, want }) => ({ kind: 'granted', id, units: want, atMs: this.#nowMs })),
          settled.map(({ id }) => id),
        );
      }
    }
    this.#cell.takeNews();
    for (const { sync } of this.#members) await sync.run();
  }

  #beat(isTurnOf: (n: number) => boolean): void {
    for (const { store, agents } of this.#members) {
      agents.forEach((agent, n) => {
        const lease = isTurnOf(n) ? store.heldBy(agent) : undefined;
        if (lease === undefined) return;
        store.save(must(renewed(lease, PROGRESS, undefined, this.#nowMs), 'its agent has it'));
        store.sawAgent(agent, this.#nowMs);
        this.heartbeats += 1;
      });
    }
  }

  #newPartition(number: number): Member {
    const store = new SqlitePoolStore(new NodeSql());
    store.create({ id: POOL, tokenMac: '', partition: number });
    const agents = Array.from({ length: this.#parts.agentsEach }, (_, n) => {
      const id = agentIdIn(number, String(n).padStart(16, '0')) as AgentId;
      store.addAgent(id, { ...PLAIN_NODE, name: id }, this.#nowMs);
      return id;
    });
    const sync = new PoolSync({
      store,
      exchange: async (message) => this.#exchange(message),
      clock: { nowMs: () => this.#nowMs },
      pause: async () => {},
      judgedMs: () => this.#nowMs,
      onAssigned: () => {},
      onGone: async () => {},
      onRetired: () => {},
      onScaled: () => {},
    });
    return { store, sync, agents };
  }

  #exchange(message: PoolMessage): PoolOrders {
    const { cpuMs = () => 0 } = this.#parts;
    this.exchanges += 1;
    this.reports += message.reports.length;
    const beforeMs = cpuMs();
    const orders = this.#cell.exchange(message);
    this.schedulerCpuMs += cpuMs() - beforeMs;
    return orders;
  }
}

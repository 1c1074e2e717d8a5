import type { AttemptEnding, AttemptNews, AttemptReport, Grant, ReportVerdict } from '../../../src/contract/jobs/attempt.ts';
import type { FundAnswer, FundMessage } from '../../../src/contract/jobs/job-funds.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { UsageEvent } from '../../../src/contract/api/meter.ts';
import type { PoolMessage, PoolNode, PoolOrders } from '../../../src/contract/pools/pool-exchange.ts';
import { partitionName } from '../../../src/contract/pools/pool-partition.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import type { CellSettings } from '../../../src/scheduler/engine/cell/cell-settings.ts';
import { DurableCell } from '../../../src/scheduler/served/durable-cell.ts';
import type { Job, JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { JOB_MIGRATIONS } from '../../../src/scheduler/served/migrations.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { jobRequest } from '../fixtures/job-request.ts';
import { poolNode } from '../fixtures/pool-node.ts';

export const POOL = 'pool_aaaaaaaaaa' as PoolId;
export const OTHER_POOL = 'pool_bbbbbbbbbb' as PoolId;

const NOTHING = { reports: [], left: [], joined: [] };

const grantAll = ({ asked }: FundMessage): readonly FundAnswer[] =>
  asked.map(({ id, want }) => ({ kind: 'granted', id, units: want, atMs: 1_000_000 }));

/** A cell in storage, and what its pools were told. */
export class ServedCell {
  readonly storage: SqlStorage;
  cell: DurableCell;
  nowMs = 1_000_000;
  /** The attempts that pools were given, in order. */
  readonly grants: { readonly grant: Grant; readonly poolId: PoolId; readonly nodeId: string }[] = [];
  /** The attempts that pools were told to take away. */
  readonly kills = new Set<string>();
  /** The nodes that pools count on, by pool. */
  readonly nodes = new Map<PoolId, Set<string>>();
  /** The quotas: grant all that is wanted unless a test says otherwise; undefined: they do not answer. */
  quotas: ((message: FundMessage) => readonly FundAnswer[]) | undefined = grantAll;
  readonly #carriedOut = new Map<PoolId, number>();
  readonly #settings: CellSettings | undefined;

  constructor(pools: readonly PoolId[] = [POOL, OTHER_POOL], storage: SqlStorage = new NodeSql(), settings?: CellSettings) {
    this.storage = storage;
    this.#settings = settings;
    migrate(storage, JOB_MIGRATIONS);
    this.cell = this.#open();
    for (const id of pools) this.cell.addPool({ id, name: id, owner: 'team', createdAtMs: this.nowMs });
  }

  /** The object loses its memory. */
  loseMemory(): void {
    this.cell = this.#open();
  }

  submit(n: number, overrides: Partial<JobRequest> = {}): JobId {
    const request = jobRequest(n, overrides);
    this.cell.submit(request);
    this.fund();
    return request.id;
  }

  wake(): void {
    this.cell.wake();
    this.fund();
  }

  /** Asks the quotas for what is due, as the object does after each step: what fails is due again later. */
  fund(): void {
    const { quotas } = this;
    if (quotas === undefined) return;
    for (let due; (due = this.cell.grants.due(this.nowMs, JOB_LIMITS.jobFundsBatchMaxCount)).size > 0;) {
      for (const message of due.values()) {
        const settled = message.settled.map(({ id }) => id);
        try {
          this.cell.takeFunds(quotas(message), settled);
        } catch {
          return this.#postpone([...settled, ...message.asked.map(({ id }) => id)]);
        }
      }
    }
  }

  #postpone(ids: readonly string[]): void {
    try {
      this.cell.grants.postpone(ids, this.nowMs + 1_000);
    } catch {
      // Storage failed: they are due at once.
    }
  }

  /** What a pool says, and does. */
  exchange(poolId: PoolId, news: Partial<Pick<PoolMessage, 'reports' | 'left' | 'joined' | 'weights'>> = {}): PoolOrders {
    const nodes = new Set(this.nodes.get(poolId));
    for (const { nodeId } of news.left ?? []) nodes.delete(nodeId);
    for (const { id } of news.joined ?? []) nodes.add(id);
    const carriedOut = this.#carriedOut.get(poolId) ?? 0;
    const answered = this.cell.exchange({ ...NOTHING, ...news, poolId, nodeCount: nodes.size, carriedOut });
    this.fund();
    const orders = { ...answered, effects: this.cell.effects(partitionName(poolId, 0)) };
    this.nodes.set(poolId, orders.counted === undefined ? nodes : new Set(orders.counted));
    for (const { sequence, effect } of orders.effects) {
      if (effect.kind === 'start') this.grants.push({ grant: effect.grant, poolId, nodeId: effect.nodeId });
      if (effect.kind === 'kill') this.kills.add(effect.attemptId);
      this.#carriedOut.set(poolId, sequence);
    }
    return orders;
  }

  /** Agents ask for work: the attempts they get. */
  join(count = 1, poolId = POOL, node: Partial<PoolNode> = {}): readonly Grant[] {
    const from = this.grants.length;
    const first = this.nodes.get(poolId)?.size ?? 0;
    this.exchange(poolId, { joined: Array.from({ length: count }, (_, n) => poolNode(`${poolId}-${this.nowMs}-${first + n}`, node)) });
    return this.grants.slice(from).map(({ grant }) => grant);
  }

  report(jobId: JobId, fence: number, news: AttemptNews, poolId = POOL): ReportVerdict {
    return must(this.exchange(poolId, { reports: [{ jobId, fence, ...news }] }).verdicts[0], 'a verdict');
  }

  /** Ends an attempt as an agent does: it asks for more work only when it joins again. */
  end(jobId: JobId, fence: number, ending: AttemptEnding, poolId = POOL): ReportVerdict {
    const { nodeId } = must(
      this.grants.find(({ grant }) => grant.jobId === jobId && grant.fence === fence),
      'a grant',
    );
    const report: AttemptReport = { jobId, fence, ...ending };
    return must(this.exchange(poolId, { reports: [report], left: [{ nodeId, isLost: false }] }).verdicts[0], 'a verdict');
  }

  job(id: JobId): Job {
    return must(this.cell.jobs.find(id), 'the job exists');
  }

  get charges(): readonly UsageEvent[] {
    return [...this.cell.outbox.due(Number.MAX_SAFE_INTEGER, 100_000).values()].flat();
  }

  #open(): DurableCell {
    return new DurableCell(this.storage, { nowMs: () => this.nowMs }, this.#settings);
  }
}

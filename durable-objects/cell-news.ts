import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { refuse } from '../src/contract/api/outcome.ts';
import type { PoolMessage, PoolOrders } from '../src/contract/pools/pool-exchange.ts';
import { partitionName, ROOT_PARTITION } from '../src/contract/pools/pool-partition.ts';
import type { JobId, TenantId } from '../src/kernel/ids.ts';
import type { DurableCell } from '../src/scheduler/served/durable-cell.ts';
import type { EventPage } from '../src/scheduler/served/job-queries.ts';
import { jobEvents } from '../src/scheduler/served/job-queries.ts';
import type { ObjectsEnv } from './env.ts';
import { WaitingReaders } from './waiting-readers.ts';

/** Brings what the steps of a cell changed to pools that have something to do, and to followers of jobs. */
export class CellNews {
  readonly #cell: DurableCell;
  readonly #pools: ObjectsEnv['POOL'];
  readonly #followers = new WaitingReaders<JobId>();

  constructor(cell: DurableCell, pools: ObjectsEnv['POOL']) {
    this.#cell = cell;
    this.#pools = pools;
  }

  /** Resolves once the pools have answered. A hint: a pool that does not receive it asks by itself within `poolSyncMs`. */
  async spread(): Promise<void> {
    for (const jobId of this.#cell.takeChanged()) this.#followers.wake(jobId);
    await Promise.allSettled(this.#cell.takeNews().map((partition) => this.#pools.get(this.#pools.idFromName(partition)).nudge()));
  }

  /** What the partition that speaks has to do by now. */
  effectsFor({ poolId, partition = ROOT_PARTITION, startsMax }: PoolMessage): PoolOrders['effects'] {
    return this.#cell.effects(partitionName(poolId, partition), startsMax);
  }

  /** Events of a job after one; waits up to `waitMs` for some. Refuses as `jobEvents`, or with `overloaded`. [J98] */
  async follow(tenantId: TenantId, jobId: JobId, after: number, waitMs: number): Promise<Outcome<EventPage>> {
    const page = jobEvents(this.#cell, tenantId, jobId, after);
    if (!page.ok || page.value.isOver || page.value.events.length > 0 || waitMs === 0) return page;
    if (this.#followers.count >= JOB_LIMITS.jobEventsFollowersMaxCount) {
      const followers = `${JOB_LIMITS.jobEventsFollowersMaxCount} (jobEventsFollowersMaxCount) connections follow jobs already`;
      return refuse('overloaded', `${followers}: try again, or read the job itself`);
    }
    await this.#followers.changed(jobId, waitMs);
    return jobEvents(this.#cell, tenantId, jobId, after);
  }
}

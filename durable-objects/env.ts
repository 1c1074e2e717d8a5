import type { CacheTally } from '../src/contract/cache-tally.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { UsageEvent } from '../src/contract/meter.ts';
import type { PoolMessage, PoolNode, PoolOrders } from '../src/contract/pool-exchange.ts';
import type { PoolId } from '../src/kernel/ids.ts';
import type { AgentId } from '../src/pools/agent-lease.ts';
import type { Alert } from '../src/tenancy/billing/budget.ts';
import type { AgentService } from './agent-service.ts';
import type { Recorded } from './billing-service.ts';
import type { PartitionQuestion, PoolPartitions, PoolSummary } from './pool-partitions.ts';
import type { CacheLayoutEnv } from '../src/cache/cache-layout.ts';
import type { EmbeddingCacheObject } from './embedding-cache-object.ts';
import type { ReshardingEnv } from './resharding-stubs.ts';
import type { ObjectNamespace } from './object-namespace.ts';
import type { RegistryObject } from './registry-object.ts';

/** Bindings of the objects Worker, through which control objects reach each other. */
export interface ObjectsEnv extends CacheLayoutEnv, ReshardingEnv {
  /** One object a cell, named after it. */
  readonly SCHEDULER: ObjectNamespace<SchedulerStub>;
  /** The objects of a pool, named by its id and, but for the root, the number of the partition. */
  readonly POOL: ObjectNamespace<PoolStub>;
  /** One object an organisation, named by its id. */
  readonly QUOTA: DurableObjectNamespace;
  /** One object an organisation, named by its id. */
  readonly BILLING: ObjectNamespace<BillingStub>;
  /** The second level of the embedding caches: one object a shard, named `<owner>:<shard>`. */
  readonly EMBEDDING_CACHE: DurableObjectNamespace<EmbeddingCacheObject>;
  /** One object a tenant, named by its id. */
  readonly REGISTRY: DurableObjectNamespace<RegistryObject>;
}

/** What a pool asks of the scheduler. */
export interface SchedulerStub {
  exchange(message: PoolMessage): Promise<PoolOrders>;
}

/** What the scheduler tells the objects of a pool, and what those ask each other. */
export interface PoolStub extends AgentCalls {
  nudge(): Promise<void>;
  /** Registers an agent in a partition, which is opened if it is not there. */
  admit(poolId: PoolId, partition: number, node: Omit<PoolNode, 'id'>): Promise<Outcome<AgentId>>;
  /** The root's providers are to be answered anew. */
  rescaled(): Promise<void>;
  ask<Name extends PartitionQuestion>(
    name: Name,
    ...args: Parameters<PoolPartitions[Name]>
  ): Promise<Awaited<ReturnType<PoolPartitions[Name]>>>;
  summary(): Promise<PoolSummary>;
  erase(): Promise<void>;
}

/** Calls about attempts, to the object that has them. */
type AgentCalls = {
  readonly [Name in 'heartbeat' | 'held' | 'meet' | 'saved' | 'end']: (
    ...args: Parameters<AgentService[Name]>
  ) => Promise<Awaited<ReturnType<AgentService[Name]>>>;
};

/** What other objects deliver to a ledger. */
export interface BillingStub {
  record(events: readonly UsageEvent[], tallies?: readonly CacheTally[]): Promise<Outcome<Recorded>>;
  raise(alerts: readonly Alert[]): Promise<number>;
}

/** The scheduler cell that everything runs in. */
export const SCHEDULER_CELL = 'default';

import type { Tally } from '../src/tenancy/usage/usage-buffer.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { UsageEvent } from '../src/contract/api/meter.ts';
import type { PoolMessage, PoolOrders } from '../src/contract/pools/pool-exchange.ts';
import type { Alert } from '../src/tenancy/billing/budget.ts';
import type { Recorded } from './billing-service.ts';
import type { PoolStub } from './pool-calls.ts';
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
  /** `yes`: alerts may go to this machine. */
  readonly WEBHOOKS_OVER_HTTP?: string;
  /** One object a tenant, named by its id. */
  readonly REGISTRY: DurableObjectNamespace<RegistryObject>;
}

/** What a pool asks of the scheduler. */
export interface SchedulerStub {
  exchange(message: PoolMessage): Promise<PoolOrders>;
}

/** What other objects deliver to a ledger. */
export interface BillingStub {
  record(events: readonly UsageEvent[], tallies?: readonly Tally[]): Promise<Outcome<Recorded>>;
  raise(alerts: readonly Alert[]): Promise<number>;
}

/** The scheduler cell that everything runs in. */
export const SCHEDULER_CELL = 'default';

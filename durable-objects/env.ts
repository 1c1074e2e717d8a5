import type { BillingObject } from './billing-object.ts';
import type { CacheLayoutEnv } from './cache-layout-of.ts';
import type { EmbeddingCacheObject } from './embedding-cache-object.ts';
import type { ReshardingEnv } from './resharding-stubs.ts';
import type { PoolObject } from './pool-object.ts';
import type { RegistryObject } from './registry-object.ts';
import type { SchedulerObject } from './scheduler-object.ts';

/** Bindings of the objects Worker, through which control objects reach each other. */
export interface ObjectsEnv extends CacheLayoutEnv, ReshardingEnv {
  /** One object a cell, named after it. */
  readonly SCHEDULER: DurableObjectNamespace<SchedulerObject>;
  /** One object a pool, named by the pool's id. */
  readonly POOL: DurableObjectNamespace<PoolObject>;
  /** One object an organisation, named by its id. */
  readonly BILLING: DurableObjectNamespace<BillingObject>;
  /** The second level of the embedding caches: one object a shard, named `<owner>:<shard>`. */
  readonly EMBEDDING_CACHE: DurableObjectNamespace<EmbeddingCacheObject>;
  /** One object a tenant, named by its id. */
  readonly REGISTRY: DurableObjectNamespace<RegistryObject>;
}

/** The scheduler cell that everything runs in. */
export const SCHEDULER_CELL = 'default';

import type { EmbeddingCacheObject } from '../../../../durable-objects/embedding-cache-object.ts';
import type { PurgeLogObject } from '../../../../durable-objects/purge-log-object.ts';
import type { LeaseGrant } from '../../../../src/cache/purge-lease.ts';
import type { PurgeCommand, PurgeCount, PurgeRecord, PurgeSelection } from '../../../../src/cache/purge-predicate.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { CACHE_LIMITS } from '../../../../src/contract/caches/cache-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { WriteLease } from '../../../../src/contract/tenancy/write-lease.ts';
import type { PurgeLogs } from '../../../../src/gateway/caches/purge-logs.ts';
import type { CacheShard } from '../../../../src/gateway/caches/sharded-cache.ts';
import type { CacheOwnerId, PurgeId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { answered, within } from '../api/ask.ts';
import type { Remote } from '../../../../src/kernel/remote.ts';

/** The shards of caches behind their Durable Objects. */
export function cacheShards(namespace: DurableObjectNamespace<EmbeddingCacheObject>): (owner: CacheOwnerId, name: string) => CacheShard {
  return (owner, name) => {
    const stub = namespace.get(namespace.idFromName(`${owner}:${name}`));
    return {
      get: (contractHash, digests) => within(stub.get(contractHash, digests), API_LIMITS.controlTimeoutMs),
      put: (origin, entries, vectors, lease) =>
        within<Outcome<null>>(stub.put(origin, entries, vectors, lease), API_LIMITS.controlTimeoutMs),
    };
  };
}

const PURGE_TIMEOUT_MS = CACHE_LIMITS.purgeLeaseMs + CACHE_LIMITS.purgeLeaseGuardMs + API_LIMITS.controlTimeoutMs;

const UNREACHABLE = 'the purge log cannot be reached';
const UNCOUNTED = 'the cache cannot be counted now';

/** What the object does. */
type PurgeLogStub = Remote<Pick<PurgeLogObject, 'lease' | 'purge' | 'find' | 'count' | 'eraseTenant' | 'left'>>;

/** The purge logs behind their Durable Objects, one a cache. */
export class TenantPurgeLogs implements PurgeLogs {
  readonly #namespace: DurableObjectNamespace<PurgeLogObject>;

  constructor(namespace: DurableObjectNamespace<PurgeLogObject>) {
    this.#namespace = namespace;
  }

  lease(owner: CacheOwnerId, position: number): Promise<Outcome<LeaseGrant>> {
    return answered(async () => ok(await this.#of(owner).lease(position)), CACHE_LIMITS.purgeLeaseWaitMaxMs, UNREACHABLE);
  }

  purge(command: PurgeCommand, lease: WriteLease | undefined): Promise<Outcome<PurgeRecord>> {
    const unsure = 'the purge may not have been recorded: repeat it with the same idempotency-key';
    return answered(() => this.#of(command.owner).purge(command, lease), PURGE_TIMEOUT_MS, unsure);
  }

  find(owner: CacheOwnerId, purgeId: PurgeId): Promise<Outcome<PurgeRecord>> {
    return answered(() => this.#of(owner).find(purgeId), API_LIMITS.controlTimeoutMs, UNREACHABLE);
  }

  count(owner: CacheOwnerId, selection: PurgeSelection): Promise<Outcome<PurgeCount>> {
    return answered(() => this.#of(owner).count(owner, selection), CACHE_LIMITS.purgeCountTimeoutMs, UNCOUNTED);
  }

  eraseTenant(owner: CacheOwnerId, tenantId: TenantId): Promise<Outcome<null>> {
    const unsure = 'the cache cannot be erased now: repeat the erasure';
    return answered(() => this.#of(owner).eraseTenant(owner, tenantId), CACHE_LIMITS.purgeCountTimeoutMs, unsure);
  }

  left(owner: CacheOwnerId, tenantId: TenantId): Promise<Outcome<number>> {
    return answered(() => this.#of(owner).left(owner, tenantId), CACHE_LIMITS.purgeCountTimeoutMs, UNCOUNTED);
  }

  #of(owner: CacheOwnerId): PurgeLogStub {
    return this.#namespace.get(this.#namespace.idFromName(owner));
  }
}

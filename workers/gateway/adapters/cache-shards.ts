import type { EmbeddingCacheObject } from '../../../durable-objects/embedding-cache-object.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { CacheShard } from '../../../src/gateway/sharded-cache.ts';
import type { CacheOwnerId } from '../../../src/kernel/ids.ts';
import { within } from './within.ts';

/** The shards of caches behind their Durable Objects. */
export function cacheShards(namespace: DurableObjectNamespace<EmbeddingCacheObject>): (owner: CacheOwnerId, name: string) => CacheShard {
  return (owner, name) => {
    const stub = namespace.get(namespace.idFromName(`${owner}:${name}`));
    return {
      get: (contractHash, digests) => within(stub.get(contractHash, digests), LIMITS.controlTimeoutMs),
      put: (origin, entries, vectors, lease) => within<Outcome<null>>(stub.put(origin, entries, vectors, lease), LIMITS.controlTimeoutMs),
    };
  };
}

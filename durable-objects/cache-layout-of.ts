import type { CacheLayout } from '../src/cache/cache-layout.ts';
import { parseShards } from '../src/cache/cache-layout.ts';
import { LIMITS } from '../src/contract/limits.ts';

/** Variables of a deployment, the same for every Worker; see `parseShards`. Nothing but hits and room depends on their being the same. */
export interface CacheLayoutEnv {
  /** The shards of a cache's second level. Absent: `cacheShardsCount` of equal weight. */
  readonly CACHE_SHARDS?: string;
  /** While entries move: the shards from before. */
  readonly CACHE_SHARDS_BEFORE?: string;
}

export function cacheLayoutOf({ CACHE_SHARDS: shards, CACHE_SHARDS_BEFORE: before = '' }: CacheLayoutEnv): CacheLayout {
  const { cacheShardsCount, cacheShardsMaxCount } = LIMITS;
  return {
    shards: parseShards(shards ?? String(cacheShardsCount), cacheShardsMaxCount),
    before: before === '' ? [] : parseShards(before, cacheShardsMaxCount),
  };
}

import { CACHE_LIMITS } from '../contract/caches/cache-limits.ts';
import { assert } from '../kernel/assert.ts';

/** The shards of the second level. While entries move, `before` is the former layout: a missing entry may still be there. */
export interface CacheLayout {
  readonly shards: readonly Shard[];
  /** Empty once all have moved. */
  readonly before: readonly Shard[];
}

/**
 * Reads what a deployment configures: a count, such as `16`, for shards named 0 to 15 of equal weight; or names with their weights,
 * such as `0:1,1:1,big:4`. A malformed setting is a defect of the deployment and throws.
 */
export function parseShards(text: string, countMax: number): readonly Shard[] {
  const shards = /^\d+$/.test(text)
    ? Array.from({ length: Number(text) }, (_, i) => ({ name: String(i), weight: 1 }))
    : text.split(',').map(parseShard);
  assert(shards.length > 0 && shards.length <= countMax, `a cache has 1 to ${countMax} shards, not "${text}"`);
  assert(new Set(shards.map(({ name }) => name)).size === shards.length, `every shard has its own name, unlike in "${text}"`);
  return shards;
}

function parseShard(text: string): Shard {
  const [, name = '', weight = ''] = /^([a-z0-9-]+):(\d{1,6}(?:\.\d{1,3})?)$/.exec(text) ?? [];
  assert(Number(weight) > 0, `a shard is a name and a weight above zero, such as "0:1", not "${text}"`);
  return { name, weight: Number(weight) };
}

/** Every shard that may hold entries. */
export function shardsOf({ shards, before }: CacheLayout): readonly Shard[] {
  const known = new Set(shards.map(({ name }) => name));
  return [...shards, ...before.filter(({ name }) => !known.has(name))];
}

/** A named part of the cache. `weight` is its share of the entries, relative to the weights of the others. */
export interface Shard {
  readonly name: string;
  readonly weight: number;
}

/**
 * Weighted rendezvous: the index in `shards` of the one on which `digest` scores best. A shard's score depends only on itself and the
 * digest: one that is added moves only the entries that it wins, one that is removed only its own.
 */
export function rendezvousShard(digest: string, shards: readonly Shard[]): number {
  const seed = hashOf(digest);
  let best = 0;
  let bestScore = -1;
  shards.forEach(({ name, weight }, at) => {
    // Uniform over ]0, 1[; the logarithm makes the best of `weight` such draws of it.
    const draw = (mix(seed ^ mix(hashOf(name))) + 0.5) / 2 ** 32;
    const score = -weight / Math.log(draw);
    if (score > bestScore) {
      best = at;
      bestScore = score;
    }
  });
  return best;
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** MurmurHash3's finaliser: every input bit flips each output bit with probability 1/2. An unsigned 32-bit integer. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Variables of a deployment, the same for every Worker; see `parseShards`. Nothing but hits and room depends on their being the same. */
export interface CacheLayoutEnv {
  /** The shards of a cache's second level. Absent: `cacheShardsCount` of equal weight. */
  readonly CACHE_SHARDS?: string;
  /** While entries move: the shards from before. */
  readonly CACHE_SHARDS_BEFORE?: string;
}

export function cacheLayoutOf({ CACHE_SHARDS: shards, CACHE_SHARDS_BEFORE: before = '' }: CacheLayoutEnv): CacheLayout {
  const { cacheShardsCount, cacheShardsMaxCount } = CACHE_LIMITS;
  return {
    shards: parseShards(shards ?? String(cacheShardsCount), cacheShardsMaxCount),
    before: before === '' ? [] : parseShards(before, cacheShardsMaxCount),
  };
}

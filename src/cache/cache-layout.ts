import { assert } from '../kernel/assert.ts';
import type { Shard } from './rendezvous-shard.ts';

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

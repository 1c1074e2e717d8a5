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

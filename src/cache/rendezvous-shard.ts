/**
 * Highest random weight: the shard, of `shardCount`, on which `digest` scores best. Adding a shard moves only the keys that the new one
 * wins; removing the last moves only its own.
 */
export function rendezvousShard(digest: string, shardCount: number): number {
  const seed = hashOf(digest);
  let best = 0;
  let bestScore = -1;
  for (let shard = 0; shard < shardCount; shard++) {
    const score = mix(seed ^ mix(shard + 1));
    if (score > bestScore) {
      best = shard;
      bestScore = score;
    }
  }
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

/** A 32-bit hash of a key: FNV-1a with MurmurHash3's finaliser. Not for keys that an adversary chooses freely. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return mix32(hash);
}

/** MurmurHash3's finaliser: every input bit flips each output bit with probability 1/2. An unsigned 32-bit integer. */
export function mix32(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

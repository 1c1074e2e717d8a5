import { mix } from './seeded.ts';

/** A 32-bit hash of a key: FNV-1a with MurmurHash3's finaliser. Not for keys that an adversary chooses freely. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return mix(hash);
}

const PRIME = 0x9e3779b1;
const LANES = 16;

/**
 * A checksum of bytes, 32 bits: sixteen lanes of little-endian words, so that SIMD takes 64 bytes a step. Each step is a bijection
 * of its lane, hence whatever alters a single word is noticed for certain; anything else but once in 2^32. The length counts.
 * The kernel `checksum` of wasm/probe.ts gives the same.
 */
export function checksum(bytes: Uint8Array): number {
  const lanes = new Int32Array(LANES).map((_, lane) => Math.imul(lane + 1, PRIME));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length >> 2;
  for (let word = 0; word < whole; word += 1) step(lanes, word, view.getInt32(word * 4, true));
  let rest = 0;
  for (let at = whole * 4; at < bytes.length; at += 1) rest |= bytes[at]! << (8 * (at & 3));
  if (bytes.length % 4 !== 0) step(lanes, whole, rest);
  let hash = bytes.length;
  for (const lane of lanes) hash = mix(hash ^ lane);
  return hash >>> 0;
}

function step(lanes: Int32Array, word: number, value: number): void {
  const lane = word % LANES;
  const mixed = Math.imul(lanes[lane]! ^ value, PRIME);
  lanes[lane] = mixed ^ (mixed >>> 15);
}

/** A bijection of 32 bits. */
function mix(value: number): number {
  const mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

/** Bytes of a list or of a model that are not what was written: truncated, altered, or of another layout. To be rebuilt from the stored vectors. */
export class CorruptList extends Error {
  override readonly name = 'CorruptList';
}

/** Throws unless `condition` holds. `why` states what the bytes fail. */
export function intact(condition: boolean, why: string): asserts condition {
  if (!condition) throw new CorruptList(why);
}

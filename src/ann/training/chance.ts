/** A random number in [0, 1) for each seed and position in a sequence of sequences: stateless, so that any step can be repeated. */
export function chance(seed: number, sequence: number, place: number): number {
  return mix(mix(mix(seed) ^ Math.imul(sequence + 1, 0x9e3779b1)) ^ Math.imul(place + 1, 0x85ebca77)) / 2 ** 32;
}

/** A bijection of uint32 whose bits look unrelated (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Mulberry32: uniform numbers in [0, 1), the same for the same seed. Never for secrets. */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}

/** A random number in [0, 1) for each seed and position in a sequence of sequences: stateless, so that any step can be repeated. */
export function chance(seed: number, sequence: number, place: number): number {
  return mix(mix(mix(seed) ^ Math.imul(sequence + 1, 0x9e3779b1)) ^ Math.imul(place + 1, 0x85ebca77)) / 2 ** 32;
}

/** A bijection of uint32 whose bits look unrelated (the finaliser of MurmurHash3). */
export function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

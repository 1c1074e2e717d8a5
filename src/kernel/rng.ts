/** A source of uniformly random bytes; cryptographic in production, seeded in simulations. */
export interface Rng {
  bytes(count: number): Uint8Array<ArrayBuffer>;
}

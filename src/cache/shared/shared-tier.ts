import type { Clock } from '../../kernel/clock.ts';
import type { TierAnswer, TierEntry, VectorTier } from '../vector-tier.ts';
import type { SharedVectors } from './shared-vectors.ts';

/** Shared memory as the store in which a wrapped function keeps its vectors. */
export class SharedTier implements VectorTier {
  readonly #vectors: SharedVectors;
  readonly #clock: Clock;

  constructor(vectors: SharedVectors, clock: Clock) {
    this.#vectors = vectors;
    this.#clock = clock;
  }

  async get(keys: readonly string[]): Promise<readonly TierAnswer[]> {
    const nowMs = this.#clock.nowMs();
    return keys.map((key) => this.#vectors.get(key, nowMs));
  }

  async set(entries: readonly TierEntry[]): Promise<void> {
    const nowMs = this.#clock.nowMs();
    for (const { key, vector, ttlMs, fence } of entries)
      this.#vectors.set(key, vector, ttlMs === undefined ? undefined : nowMs + ttlMs, fence);
  }

  async forget(keys: readonly string[]): Promise<boolean> {
    for (const key of keys) this.#vectors.forget(key);
    return true;
  }

  async forgetAll(): Promise<boolean> {
    this.#vectors.forgetAll();
    return true;
  }
}

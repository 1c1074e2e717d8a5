import { assert } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { keyHash } from '../../kernel/fast-hash.ts';
import type { TierAnswer, TierEntry, VectorTier } from '../vector-tier.ts';
import type { SharedBounds } from './shared-layout.ts';
import { SharedLayout } from './shared-layout.ts';
import { SharedStripe } from './shared-stripe.ts';
import { StripeLocks } from './stripe-locks.ts';

/** What a thread needs to join: it can be posted to a worker. One handle is for one thread. */
export interface SharedHandle {
  readonly buffer: SharedArrayBuffer;
  readonly owner: number;
}

export interface SharedAnswer {
  readonly vector: Float32Array<ArrayBuffer> | undefined;
  /** For `set`. Undefined: the stripe could not be entered, and whether it has the key is not known. */
  readonly fence: number | undefined;
}

const UNKNOWN: SharedAnswer = { vector: undefined, fence: undefined };

export interface SharedCounts {
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
  readonly evicted: number;
}

/**
 * Vectors by key in memory that many threads share; the least recently used of a stripe go first. Each operation on a key is atomic among
 * all threads. It may miss or not keep at any time, and never waits for a thread that has died.
 */
export class SharedVectors {
  readonly owner: number;
  readonly #layout: SharedLayout;
  readonly #locks: StripeLocks;
  readonly #stripes: readonly SharedStripe[];
  readonly #shift: number;

  private constructor(layout: SharedLayout, owner: number) {
    this.owner = owner;
    this.#layout = layout;
    this.#locks = new StripeLocks(layout, owner);
    const { stripes } = layout.bounds;
    this.#stripes = Array.from({ length: stripes }, (_, stripe) => new SharedStripe(layout, stripe));
    this.#shift = 32 - Math.log2(stripes);
  }

  static create(bounds: SharedBounds): SharedVectors {
    const layout = new SharedLayout(bounds);
    return new SharedVectors(layout, layout.newOwner());
  }

  static join({ buffer, owner }: SharedHandle): SharedVectors {
    return new SharedVectors(new SharedLayout(buffer), owner);
  }

  /** For one more thread. The code that starts that thread calls `bury` when it has ended. */
  invite(): SharedHandle {
    return { buffer: this.#layout.buffer, owner: this.#layout.newOwner() };
  }

  get bytes(): number {
    return this.#layout.buffer.byteLength;
  }

  /** A copy of the vector, which becomes the most recently used of its stripe. */
  get(key: string, nowMs: number): SharedAnswer {
    const hash = this.#hashOf(key);
    const stripe = this.#stripeOf(hash);
    // Read first: what is forgotten while the lock is waited for must not be filled in.
    const fence = stripe.fence;
    return this.#inside<SharedAnswer>(stripe, () => ({ vector: stripe.get(key, hash, nowMs), fence }), UNKNOWN);
  }

  /**
   * Answers whether the vector is kept. With a `fence`, the answer of `get` that had none: only if nothing of the stripe was forgotten
   * since. `expiresAtMs` undefined keeps it until it is evicted.
   */
  set(key: string, vector: Float32Array, expiresAtMs: number | undefined, fence?: number): boolean {
    assert(vector.length <= this.#layout.bounds.dimensionsMax, `a vector has at most ${this.#layout.bounds.dimensionsMax} numbers`);
    assert(isLatin1(key), 'the keys of a shared cache are Latin-1');
    const hash = this.#hashOf(key);
    const stripe = this.#stripeOf(hash);
    return this.#inside(stripe, () => stripe.set(key, hash, vector, expiresAtMs ?? Infinity, fence), false);
  }

  /** From now on no caller gets what was stored under this key before, nor what is stored with an earlier fence. */
  forget(key: string): void {
    const hash = this.#hashOf(key);
    const stripe = this.#stripeOf(hash);
    // Without its lock a stripe can still be emptied.
    if (!this.#inside(stripe, () => stripe.forget(key, hash), false)) stripe.clear();
  }

  forgetAll(): void {
    for (const stripe of this.#stripes) stripe.clear();
  }

  /** Frees what a thread that has ended was inside of, and answers whether it was. Only for one that has ended for certain. */
  bury(owner: number): boolean {
    const left = this.#stripes.filter((stripe) => this.#locks.inherit(stripe.number, owner));
    for (const stripe of left) {
      stripe.reset();
      this.#locks.leave(stripe.number);
    }
    return left.length > 0;
  }

  counts(): SharedCounts {
    const counts = { entries: 0, hits: 0, misses: 0, evicted: 0 };
    for (const stripe of this.#stripes) stripe.addCounts(counts);
    return counts;
  }

  #inside<T>(stripe: SharedStripe, work: () => T, otherwise: T): T {
    if (!this.#locks.enter(stripe.number)) return otherwise;
    try {
      return work();
    } finally {
      this.#locks.leave(stripe.number);
    }
  }

  #hashOf(key: string): number {
    assert(key.length <= this.#layout.bounds.keyCharsMax, `a key has at most ${this.#layout.bounds.keyCharsMax} characters`);
    return keyHash(key);
  }

  #stripeOf(hash: number): SharedStripe {
    // Shifting by 32 would shift by none: with one stripe all are its own.
    const stripe = this.#stripes[this.#shift === 32 ? 0 : hash >>> this.#shift];
    assert(stripe !== undefined, 'the highest bits of a hash name a stripe');
    return stripe;
  }
}

/** A character is kept in a byte. */
function isLatin1(key: string): boolean {
  let bits = 0;
  for (let i = 0; i < key.length; i++) bits |= key.charCodeAt(i);
  return bits < 256;
}

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

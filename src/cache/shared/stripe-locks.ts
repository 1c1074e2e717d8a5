import type { SharedLayout } from './shared-layout.ts';
import { WORD } from './shared-layout.ts';

/** Tries before sleeping, some ten microseconds: far longer than a stripe is held, unless its thread is not running. A nap costs a thousand reads. */
const SPINS = 2_000;
/** Naps before a thread is given up on. */
const NAPS = 20;
const NAP_MS = 1;

/**
 * Locks that record their holder. A thread that stays inside, paused or dead, delays the others by some 20 ms once and not after that,
 * until it leaves or is known to be dead. No thread takes a lock from one that may be alive: it could resume and write.
 */
export class StripeLocks {
  readonly #layout: SharedLayout;
  readonly #owner: number;

  constructor(layout: SharedLayout, owner: number) {
    this.#layout = layout;
    this.#owner = owner;
  }

  /** Whether this thread holds the stripe now. If not, its holder may never return. */
  enter(stripe: number): boolean {
    const { words } = this.#layout;
    const base = this.#layout.wordsOf(stripe);
    for (let spin = 0; spin < SPINS; spin++) {
      // Only reads while the stripe is taken: requesting the cache line for writing would take it from the holder.
      if (Atomics.load(words, base + WORD.lock) !== 0) continue;
      if (Atomics.compareExchange(words, base + WORD.lock, 0, this.#owner) === 0) return true;
    }
    for (let nap = 0; nap < NAPS; nap++) {
      const holder = Atomics.compareExchange(words, base + WORD.lock, 0, this.#owner);
      if (holder === 0) return true;
      if (Atomics.load(words, base + WORD.doubted) === holder) return false;
      Atomics.wait(words, base + WORD.lock, holder, NAP_MS);
    }
    Atomics.store(words, base + WORD.doubted, Atomics.load(words, base + WORD.lock));
    return false;
  }

  leave(stripe: number): void {
    const { words } = this.#layout;
    const base = this.#layout.wordsOf(stripe);
    if (Atomics.load(words, base + WORD.doubted) !== 0) Atomics.store(words, base + WORD.doubted, 0);
    Atomics.store(words, base + WORD.lock, 0);
  }

  /** Takes over from an owner that is dead for certain. Whether it was inside: then what it left may be half done. */
  inherit(stripe: number, dead: number): boolean {
    const { words } = this.#layout;
    return Atomics.compareExchange(words, this.#layout.wordsOf(stripe) + WORD.lock, dead, this.#owner) === dead;
  }
}

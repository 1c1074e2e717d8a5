import type { Eviction } from './eviction.ts';

/** Before any place in the log, and not right before the first. */
const UNUSED = -2;

/**
 * The least recently used goes first, exactly. A use is written down at the end of a log, and where is remembered: one write to the slot's
 * own place and one behind the last, where a linked list writes to four places all over memory. What a later use has made void is
 * passed over when it comes to be the oldest, or dropped when the log is full: a constant number of steps a use, on average.
 */
export class RecencyEviction implements Eviction {
  /** Slots, from the least recently used at `#from` on; twice as long as there are slots. */
  #log = new Int32Array(0);
  /** Where in the log the latest use of a slot is. */
  #usedAt = new Int32Array(0);
  #from = 0;
  #to = 0;

  add(slot: number): void {
    this.#usedAt[slot] = UNUSED;
    this.use(slot);
  }

  use(slot: number): void {
    if (this.#usedAt[slot] === this.#to - 1) return;
    if (this.#to === this.#log.length) this.#compact();
    this.#usedAt[slot] = this.#to;
    this.#log[this.#to] = slot;
    this.#to += 1;
  }

  remove(slot: number): void {
    this.#usedAt[slot] = UNUSED;
  }

  victim(): number {
    while (this.#usedAt[this.#log[this.#from] ?? 0] !== this.#from) this.#from += 1;
    return this.#log[this.#from] ?? UNUSED;
  }

  grow(slotCount: number): void {
    const [log, usedAt] = [this.#log, this.#usedAt];
    this.#log = new Int32Array(slotCount * 2);
    this.#log.set(log);
    this.#usedAt = new Int32Array(slotCount).fill(UNUSED);
    this.#usedAt.set(usedAt);
  }

  /** Leaves the latest use of each slot, in order: at most half of the log. */
  #compact(): void {
    const [log, usedAt] = [this.#log, this.#usedAt];
    let to = 0;
    for (let from = this.#from; from < this.#to; from++) {
      const slot = log[from] ?? 0;
      if (usedAt[slot] !== from) continue;
      usedAt[slot] = to;
      log[to] = slot;
      to += 1;
    }
    this.#from = 0;
    this.#to = to;
  }
}

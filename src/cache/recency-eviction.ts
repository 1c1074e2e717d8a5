import type { Eviction } from './eviction.ts';

/** Before any position in the log. */
const UNUSED = -1;

/**
 * The least recently used goes first, exactly. A use is appended to a log, which is all that an answer waits for. The older records that it
 * makes void are found later, many uses at once, as in Caffeine's read buffers: then the processor fetches them in parallel, where a linked
 * list would wait for four fetches, one after the other, at each use. Void uses are skipped when they become the oldest, or dropped when
 * the log is full: a constant number of steps a use, on average.
 */
export class RecencyEviction implements Eviction {
  /** Slots, from the least recently used at `#from` on; twice as long as there are slots. */
  #log = new Int32Array(0);
  /** The position in the log of a slot's latest use, before `#known`. */
  #usedAt = new Int32Array(0);
  #from = 0;
  #known = 0;
  #to = 0;

  // Even if the last use was of the slot, too: it was of another entry.
  add(slot: number): void {
    if (this.#to === this.#log.length) this.#compact();
    this.#log[this.#to] = slot;
    this.#to += 1;
  }

  use(slot: number): void {
    if (this.#log[this.#to - 1] !== slot) this.add(slot);
  }

  remove(slot: number): void {
    this.#learn();
    this.#usedAt[slot] = UNUSED;
  }

  victim(): number {
    this.#learn();
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

  #learn(): void {
    const [log, usedAt] = [this.#log, this.#usedAt];
    for (let at = this.#known; at < this.#to; at++) usedAt[log[at] ?? 0] = at;
    this.#known = this.#to;
  }

  /** Leaves the latest use of each slot, in order: at most half of the log. */
  #compact(): void {
    this.#learn();
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
    this.#known = to;
    this.#to = to;
  }
}

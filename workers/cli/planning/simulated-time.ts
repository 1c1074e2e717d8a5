import type { Clock } from '../../../src/kernel/clock.ts';
import type { Timer } from '../../../src/kernel/timer.ts';

interface Due {
  readonly atMs: number;
  readonly serial: number;
  readonly run: () => void;
  isOff: boolean;
}

// All promises that one event settles continue before the next: a call of a fan-out takes so many turns.
const TURNS = 8;

/** A clock that jumps from event to event, in the order in which they are due: a binary heap of some hundred thousand. */
export class SimulatedTime implements Clock, Timer {
  #nowMs = 0;
  #serial = 0;
  readonly #heap: Due[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const due = { atMs: this.#nowMs + delayMs, serial: (this.#serial += 1), run, isOff: false };
    this.#push(due);
    return () => {
      due.isOff = true;
    };
  }

  /** Lets time pass until nothing is due any more. */
  async run(): Promise<void> {
    for (let due = this.#pop(); due !== undefined; due = this.#pop()) {
      if (due.isOff) continue;
      this.#nowMs = due.atMs;
      due.run();
      for (let turn = 0; turn < TURNS; turn += 1) await Promise.resolve();
    }
  }

  #push(due: Due): void {
    let at = this.#heap.push(due) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(due, this.#at(parent)); parent = (at - 1) >> 1) {
      this.#heap[at] = this.#at(parent);
      at = parent;
    }
    this.#heap[at] = due;
  }

  #pop(): Due | undefined {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || this.#heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && isBefore(this.#at(child + 1), this.#at(child))) child += 1;
      if (!isBefore(this.#at(child), last)) break;
      this.#heap[at] = this.#at(child);
      at = child;
    }
    this.#heap[at] = last;
    return first;
  }

  #at(position: number): Due {
    return this.#heap[position] as Due;
  }
}

const isBefore = (a: Due, b: Due): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.serial < b.serial);

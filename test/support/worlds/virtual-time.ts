import type { Clock } from '../../../src/kernel/clock.ts';
import type { Timer } from '../../../src/kernel/timer.ts';

interface Due {
  readonly atMs: number;
  readonly serial: number;
  run: (() => void) | undefined;
}

/** A clock and timer whose time passes only while all code waits: hours are simulated in no time, the same way every time. */
export class VirtualTime implements Clock, Timer {
  #nowMs = 1_000_000;
  #serial = 0;
  /** A binary heap with the next timer first. */
  readonly #due: Due[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const due: Due = { atMs: this.#nowMs + Math.max(0, delayMs), serial: (this.#serial += 1), run };
    this.#push(due);
    return () => (due.run = undefined);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Lets time pass until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const watched = work.finally(() => (isDone = true));
    watched.catch(() => undefined);
    for (;;) {
      // Code that was woken up runs until it waits again.
      await new Promise((resolve) => void setImmediate(resolve));
      if (isDone) return watched;
      const next = this.#pop();
      if (next === undefined) throw new Error('everybody waits for ever');
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run?.();
    }
  }

  #push(due: Due): void {
    const heap = this.#due;
    let at = heap.push(due) - 1;
    while (at > 0 && isBefore(due, heap[(at - 1) >> 1]!)) {
      heap[at] = heap[(at - 1) >> 1]!;
      at = (at - 1) >> 1;
    }
    heap[at] = due;
  }

  /** The next timer that was not cancelled. */
  #pop(): Due | undefined {
    const heap = this.#due;
    for (;;) {
      const [first] = heap;
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length > 0) this.#sink(last);
      if (first.run !== undefined) return first;
    }
  }

  #sink(due: Due): void {
    const heap = this.#due;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, due)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = due;
  }
}

const isBefore = (a: Due, b: Due): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.serial < b.serial);
